"""The workspace's state, and decisions coming in."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotator.api.serializers import HistoryShown, Saved, WorkspaceShown
from mlcore import formats
from strokes.models import Decision, Lane, Stroke, Suggestion, Video

MOVE = "Offensive Forehand Loop"


def op(kind: str = "add", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"id": str(uuid4()), "kind": kind, **more}
    if kind == "add":
        made = {"stroke": str(uuid4()), "data": {"begin": 10, "end": 60, "move": MOVE}, **made}
    return made


def decide(client: Client, row: Any, *ops: dict[str, Any], base: Any = 0) -> Any:
    headers = {} if base is None else {"if-match": base if isinstance(base, str) else f'"{base}"'}
    return client.post(f"/api/v1/videos/{row.pk}/decisions/", {"ops": list(ops)}, "application/json", headers=headers)


def state(client: Client, row: Any) -> Any:
    return client.get(f"/api/v1/videos/{row.pk}/workspace/").json()


def test_state_of_an_untouched_video(as_alice: Client, alice: Any, video: Any, data_root: Any) -> None:
    row = video(players=["Player A"])
    folder = data_root / "media" / str(row.pk)
    formats.MotionStrip(rate=10.0, values=[0.1, 0.9]).write(folder / "motion.json")
    track = formats.RoiTrack(320, 180, 120, [0, 4], [0.5, 0.6], [0.5, 0.5], ["flow", "flow"])
    track.write(folder / "prepared" / "key" / "roi.json")
    body = state(as_alice, row)
    assert body["lane"] == {"version": 0, "complete": False}
    assert body["motion"]["values"] == [0.1, 0.9] and body["roi_track"]["side"] == 120
    assert len(body["taxonomy"]["moves"]) == 20 and body["taxonomy"]["format"] == "topspin-taxonomy"
    assert body["user"] == {"id": alice.pk, "name": "alice", "admin": False}
    assert body["run"] is None
    assert not Lane.objects.exists(), "looking makes no lane"
    shown = WorkspaceShown(data=body)
    assert shown.is_valid(), shown.errors
    assert set(body) == set(WorkspaceShown().fields)


def test_whoever_knows_it_already_is_told_so(as_alice: Client, as_bob: Client, video: Any) -> None:
    row = video()
    place = f"/api/v1/videos/{row.pk}/workspace/"

    def look(client: Client, body: Any) -> int:
        return client.get(place, headers={"if-none-match": f'"{body["lane"]["version"]}-{body["around"]}"'}).status_code

    known = state(as_alice, row)
    assert look(as_alice, known) == 304
    assert as_alice.get(place).headers["ETag"] == f'"0-{known["around"]}"'
    assert look(as_bob, known) == 200, "somebody else"
    decide(as_alice, row, op())
    assert look(as_alice, known) == 200, "decided meanwhile"
    assert look(as_alice, {**known, "lane": {"version": 1}}) == 304, "the page knows what it decided itself"
    known = state(as_alice, row)
    Suggestion.objects.create(video=row, begin=100, end=150, score=0.5)
    assert look(as_alice, known) == 200, "a new suggestion"
    known = state(as_alice, row)
    Video.objects.update(title="Another name")
    assert look(as_alice, known) == 200
    known = state(as_alice, row)
    as_alice.patch("/api/v1/me/preferences/", {"reaction_ms": 120}, "application/json")
    assert look(as_alice, known) == 200


def test_nothing_prepared_yet(as_alice: Client, video: Any) -> None:
    body = state(as_alice, video(state="watchable", prepared_key=""))
    assert body["motion"] is None and body["roi_track"] is None


def test_a_decision_is_saved_and_comes_back(as_alice: Client, alice: Any, video: Any) -> None:
    row = video(players=["Player A"])
    add = op(data={"begin": 10, "end": 60, "move": MOVE, "player": "Player A", "note": "<b>", "unsure": True})
    answer = decide(as_alice, row, add, op("roi", data={"frame": 5, "x": 0.25, "y": 0.75}))
    assert answer.status_code == 200, answer.content
    saved = answer.json()
    assert Saved(data=saved).is_valid() and saved["version"] == 2
    stroke = {
        "id": add["stroke"], "begin": 10, "end": 60, "move": MOVE, "player": "Player A", "note": "<b>", "unsure": True,
        "source": "blind", "suggestion": None, "version": 1,
    }  # fmt: skip
    assert saved["strokes"] == [stroke]
    body = state(as_alice, row)
    assert body["strokes"] == [stroke] and body["lane"]["version"] == 2
    assert body["roi"] == [{"frame": 5, "x": 0.25, "y": 0.75}]
    assert [entry["kind"] for entry in body["history"]] == ["roi", "add"]


def test_accept_adjust_reject_and_remove(as_alice: Client, video: Any) -> None:
    row = video()
    one, two, three = (
        Suggestion.objects.create(video=row, begin=begin, end=begin + 50, move=MOVE, score=0.5, top=[[MOVE, 0.5]])
        for begin in (100, 300, 500)
    )
    stroke = str(uuid4())
    assert [each["id"] for each in state(as_alice, row)["suggestions"]] == [str(s.pk) for s in (one, two, three)]
    saved = decide(
        as_alice,
        row,
        op("accept", suggestion=str(one.pk), stroke=stroke),
        op("accept", suggestion=str(two.pk), stroke=str(uuid4()), data={"begin": 305}),
        op("reject", suggestion=str(three.pk)),
    ).json()
    assert {each["source"] for each in saved["strokes"]} == {"accepted", "edited"}
    assert {each["suggestion"]: each["accepted"] for each in saved["verdicts"]} == {
        str(one.pk): True, str(two.pk): True, str(three.pk): False,
    }  # fmt: skip
    assert state(as_alice, row)["suggestions"] == []
    gone = decide(as_alice, row, op("remove", stroke=stroke), base=3).json()
    assert (gone["removed"], gone["strokes"]) == ([stroke], [])


def test_a_repeat_is_harmless(as_alice: Client, video: Any) -> None:
    row, add = video(), op()
    first = decide(as_alice, row, add)
    again = decide(as_alice, row, add)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["version"] == 1 and Decision.objects.count() == Stroke.objects.count() == 1


def send(client: Client, row: Any, body: dict[str, Any], key: str | None, base: int = 0) -> Any:
    headers = {"if-match": f'"{base}"', **({"idempotency-key": key} if key is not None else {})}
    return client.post(f"/api/v1/videos/{row.pk}/decisions/", body, "application/json", headers=headers)


def test_a_lost_answer_is_given_again(as_alice: Client, video: Any) -> None:
    row, key, body = video(), str(uuid4()), {"ops": [op()]}
    first = send(as_alice, row, body, key)
    decide(as_alice, row, op(data={"begin": 200, "end": 260, "move": ""}), base=1)
    again = send(as_alice, row, body, key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json() and again.json()["version"] == 1
    assert Decision.objects.count() == 2


def test_a_key_means_one_request(as_alice: Client, video: Any) -> None:
    row, key, body = video(), str(uuid4()), {"ops": [op()]}
    assert send(as_alice, row, body, key).status_code == 200
    for other, base in (({"ops": [op()]}, 0), (body, 1)):
        answer = send(as_alice, row, other, key, base)
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert Decision.objects.count() == 1
    assert send(as_alice, row, {"ops": [op()]}, "not a uuid", base=1).json()["code"] == "bad_key"


def test_a_refused_request_leaves_its_key_free(as_alice: Client, video: Any) -> None:
    row, key, body = video(), str(uuid4()), {"ops": [op(data={"begin": 200, "end": 260, "move": ""})]}
    decide(as_alice, row, op())
    assert send(as_alice, row, body, key, base=0).status_code == 412
    assert send(as_alice, row, body, key, base=1).status_code == 200


def test_work_is_never_saved_under_another_name(as_alice: Client, bob: Any, video: Any) -> None:
    row = video()
    answer = send(as_alice, row, {"ops": [op()], "user": bob.pk}, None)
    assert (answer.status_code, answer.json()["code"]) == (401, "other_person")
    assert not Decision.objects.exists()


def test_history_page_by_page(as_alice: Client, as_bob: Client, video: Any) -> None:
    row = video(n_frames=100_000)
    for base in (0, 200):
        spans = [(base + n, base + n + 1) for n in range(200)]
        ops = [op(data={"begin": b, "end": e, "move": ""}, step=str(uuid4())) for b, e in spans]
        assert decide(as_alice, row, *ops, base=base).status_code == 200
    body = state(as_alice, row)
    assert body["more"] and [entry["number"] for entry in body["history"]] == list(range(400, 200, -1))
    older = as_alice.get(f"/api/v1/videos/{row.pk}/history/?before=201").json()
    assert HistoryShown(data=older).is_valid()
    assert not older["more"] and [entry["number"] for entry in older["history"]] == list(range(200, 0, -1))
    nobody = as_bob.get(f"/api/v1/videos/{row.pk}/history/").json()
    assert nobody == {"history": [], "decided": [], "more": False}
    assert as_alice.get(f"/api/v1/videos/{row.pk}/history/?before=x").json()["code"] == "bad_field"


def test_a_locked_database_is_busy_not_broken(as_alice: Client, video: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(**_: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("strokes.decisions.apply", locked)
    answer = decide(as_alice, video(), op())
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "busy", "2")


@pytest.mark.parametrize("header", [None, "", "5", "*", '"x"', '"1", "2"'])
def test_without_a_version(as_alice: Client, video: Any, header: Any) -> None:
    answer = decide(as_alice, video(), op(), base=header)
    assert (answer.status_code, answer.json()["code"]) == (428, "version_missing")
    assert not Decision.objects.exists()


def test_an_old_version_gets_the_present_state(as_alice: Client, video: Any) -> None:
    row = video()
    decide(as_alice, row, op())
    answer = decide(as_alice, row, op(data={"begin": 200, "end": 260, "move": ""}))
    assert answer.status_code == 412
    body = answer.json()
    assert body["code"] == "stale" and body["state"]["lane"]["version"] == 1
    assert WorkspaceShown(data=body["state"]).is_valid()
    assert Stroke.objects.count() == 1, "nothing of it was taken"


def test_all_or_none(as_alice: Client, video: Any) -> None:
    row = video()
    answer = decide(as_alice, row, op(), op(data={"begin": 60, "end": 10, "move": ""}))
    assert (answer.status_code, answer.json()["code"]) == (400, "end_before_begin")
    assert not Stroke.objects.exists() and not Decision.objects.exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"data": {"begin": 10, "end": 5000, "move": ""}}, "beyond_last_frame"),
        ({"data": {"begin": 10, "end": 60, "move": "Smash of Doom"}}, "unknown_move"),
        ({"data": {"begin": "10", "end": 60, "move": ""}}, "bad_op"),
        ({"kind": "change", "stroke": str(uuid4()), "data": {"begin": 5}}, "unknown_stroke"),
        ({"kind": "reject", "suggestion": str(uuid4())}, "unknown_suggestion"),
        ({"surprise": 1}, "bad_op"),
        ({"id": "not a uuid"}, "bad_field"),
        ({"kind": "explode"}, "bad_field"),
    ],
)
def test_what_makes_no_sense(as_alice: Client, video: Any, change: dict[str, Any], code: str) -> None:
    answer = decide(as_alice, video(), op(**change))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"].endswith(".") and not Decision.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"ops": []}', b'{"ops": 5}', b'{"ops": [5]}', b"\xff", b"{"])
def test_bodies_that_are_none(as_alice: Client, video: Any, body: bytes) -> None:
    url = f"/api/v1/videos/{video().pk}/decisions/"
    answer = as_alice.post(url, body, "application/json", headers={"if-match": '"0"'})
    assert answer.status_code == 400 and answer.json()["code"] in ("bad_field", "bad_json")


def test_too_many_at_once(as_alice: Client, video: Any) -> None:
    row = video(n_frames=100_000)
    ops = [op(data={"begin": n * 100, "end": n * 100 + 50, "move": ""}) for n in range(201)]
    assert decide(as_alice, row, *ops).json()["code"] == "bad_field"
    assert decide(as_alice, row, *ops[:200]).json()["version"] == 200


def test_too_much_at_once(as_alice: Client, video: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = decide(as_alice, video(), op())
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_everybody_has_a_lane_of_their_own(as_alice: Client, as_bob: Client, video: Any) -> None:
    row = video()
    decide(as_alice, row, op())
    assert state(as_bob, row)["strokes"] == []
    assert decide(as_bob, row, op()).json()["version"] == 1


def test_a_blind_video_shows_no_suggestion(as_alice: Client, video: Any) -> None:
    row = video(blind=True)
    Suggestion.objects.create(video=row, begin=10, end=60, score=0.5)
    assert state(as_alice, row)["suggestions"] == []
    decide(as_alice, row, op())
    assert state(as_alice, row)["suggestions"] == []


def test_cost_does_not_grow_with_the_strokes(as_alice: Client, video: Any) -> None:
    def cost(n: int) -> int:
        row = video(n_frames=100_000, players=["Player A"])
        spans = [(k * 100, k * 100 + 50) for k in range(n)]
        ops = [op(data={"begin": b, "end": e, "move": MOVE, "player": "Player A"}) for b, e in spans]
        decide(as_alice, row, *ops)
        for k in range(n):
            Suggestion.objects.create(video=row, begin=50_000 + k * 100, end=50_050 + k * 100, move=MOVE, score=0.5)
        with CaptureQueriesContext(connection) as queries:
            assert len(state(as_alice, row)["strokes"]) == n
        return len(queries)

    assert cost(1) == cost(5) == cost(50)
