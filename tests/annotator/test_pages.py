"""What people see: every state of a page, designed empty states, contrast of the colours."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from strokes import decisions, records, taxonomy
from strokes.models import Heartbeat, Job, Run, Split, SplitMember, Suggestion
from tests.conftest import PASSWORD

CSS = Path(__file__).resolve().parents[2] / "static" / "css"


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_signing_in_and_out(alice: Any) -> None:
    client = Client()
    assert client.get("/models/")["Location"] == "/sign-in/?next=/models/"
    form = {"username": "alice", "password": PASSWORD, "next": "/models/"}
    assert client.post("/sign-in/", form)["Location"] == "/models/"
    assert client.get("/sign-in/")["Location"] == "/"
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/")["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(alice: Any, onward: str) -> None:
    form = {"username": "alice", "password": PASSWORD, "next": onward}
    assert Client().post("/sign-in/", form)["Location"] == "/"


def test_a_wrong_password_says_the_same_for_everybody(alice: Any) -> None:
    client = Client()
    answers = [client.post("/sign-in/", {"username": name, "password": "x"}) for name in ("alice", "nobody")]
    said = [re.search(r'role="alert">([^<]+)', each.content.decode()) for each in answers]
    assert [each.status_code for each in answers] == [403, 403]
    assert said[0] and said[1] and said[0][1] == said[1][1]
    for _ in range(10):
        last = client.post("/sign-in/", {"username": "alice", "password": "x"})
    assert last.status_code == 429
    assert client.post("/sign-in/", {"username": "alice", "password": PASSWORD}).status_code == 429
    elsewhere = client.post("/sign-in/", {"username": "alice", "password": PASSWORD}, REMOTE_ADDR="10.0.0.9")
    assert elsewhere.status_code == 302, "alice at another place is not locked out"


def test_a_stranger_is_told_why(as_charlie: Client) -> None:
    assert as_charlie.get("/").status_code == 403
    assert "not one of this site" in text(as_charlie, "/sign-in/")


def test_empty_pages_teach(as_alice: Client) -> None:
    library = text(as_alice, "/")
    assert "No videos yet" in library and "Drop videos here" in library
    assert "Nothing to learn from yet" in text(as_alice, "/models/")
    data = text(as_alice, "/data/")
    assert "Nothing to export yet" in data and "Upload a video first" in data and "Jobs" not in data


def test_what_is_next(as_alice: Client, alice: Any, video: Any) -> None:
    video(title="fresh")
    Suggestion.objects.create(video=video(title="proposed"), begin=1, end=50, score=0.9)
    video(title="early", state="indexed")
    video(title="broken", state="refused", error_code="empty_file")
    page = text(as_alice, "/")
    for words in ("Start marking", "Decide 1 suggestion", "You can mark it as soon as", "This file is empty"):
        assert words in page
    assert "Delete" not in page, "only admins delete"


def test_data_mark_is_what_the_script_compares(as_alice: Client, video: Any) -> None:
    """static/js/library.js builds the same text from the API; a difference would reload the list for ever."""
    plain, busy = video(), video()
    Job.objects.create(kind="suggest", video=busy, slot="cpu", state="queued")
    page = as_alice.get("/").content.decode()
    marks = dict(re.findall(r'data-id="([^"]+)"[^>]*?data-mark="([^"]*)"', page))
    assert marks == {str(plain.pk): "prepared////0/0", str(busy.pk): "prepared/suggest/True//0/0"}


def make_run(number: int, state: str = "provisional", **fields: Any) -> Run:
    scores = {"model": {"f1": 0.72, "f1_any": 0.83}, "baseline": {"f1": 0.0, "f1_any": 0.62}, "champion": None}
    metrics = {"protocol": "time-blocks", "unseen": {"strokes": 34, **scores}, "fit": {"f1": 0.97, "f1_any": 0.99}}
    fields = {"metrics": metrics, "preset": "cpu", "taxonomy": taxonomy.default(), **fields}
    return Run.objects.create(number=number, state=state, **fields)


def test_models(as_admin: Client, data_root: Any) -> None:
    reasons = [{"code": "few_strokes", "params": {"strokes": 34, "needed": 50}}]
    run = make_run(3, current=True, reasons=reasons)
    folder = data_root / "runs" / str(run.pk)
    folder.mkdir()
    (folder / "confusion.png").write_bytes(b"png")
    (folder / "epochs.jsonl").write_text('{"epoch": 1, "loss": 2.5, "val_loss": 3.0}\n')
    make_run(2, "rolled_back")
    training = make_run(4, "training", metrics={})
    Job.objects.create(kind="train", taxonomy=run.taxonomy, run=training, slot="gpu", state="running", progress=0.3)
    Schedule.objects.create(
        func="annotator.schedules.nightly", schedule_type="D", next_run=timezone.now() + timedelta(hours=1)
    )
    html = as_admin.get("/models/").content.decode()
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    for words in ("Model 3 is in use", "72 %", "motion alone: 0 %", "34 strokes it had not seen", "blocks of time",
                  "34 of the 50 unseen", "Model 4 is being trained", "Use this one", "Next look by itself"):  # fmt: skip
        assert words in page, words
    assert f"/runs/{run.pk}/confusion.png" in html and "&quot;val_loss&quot;: 3.0" in html
    assert re.search(r"data-retrain[^>]+disabled", html), "one training at a time"


def test_a_failed_training_says_so(as_alice: Client, video: Any) -> None:
    row = video()
    Job.objects.create(kind="train", taxonomy=row.taxonomy, slot="gpu", state="failed", error_code="out_of_memory")
    page = text(as_alice, "/models/")
    assert "not enough memory" in page and "No model yet" in page
    assert "Retrain now" not in page, "only admins train"


def test_data(as_admin: Client, video: Any) -> None:
    one, two = video(title="One", players=["A"]), video(title="Two", players=["A"], blind=True)
    split = Split.objects.create(taxonomy=one.taxonomy, version=3, seed=1, frozen=True)
    SplitMember.objects.create(split=split, video=one, part="train", group="A")
    page = text(as_admin, "/data/")
    assert "version 3" in page and "no leak" in page and "1 video is not in it yet" in page
    assert "Add the new videos" not in page, "it has no strokes: nothing would change"
    ops = [{"id": str(uuid4()), "kind": "add", "stroke": str(uuid4()), "data": {"begin": 1, "end": 9}}]
    admin = User.objects.get(username="admin")
    decisions.apply(lane=records.lane(video=two, expert=admin), expert=admin, ops=ops, base=None)
    page = text(as_admin, "/data/")
    assert "Add the new videos" in page and "not in it yet" not in page
    SplitMember.objects.create(split=split, video=two, part="test", group="A")
    Job.objects.create(kind="proxy", video=one, slot="cpu", state="failed", error_code="killed", log="the last line")
    page = text(as_admin, "/data/")
    assert "A is in several parts" in page and "the last line" in page and "Try again" in page


def test_looking_draws_no_split(as_admin: Client, video: Any) -> None:
    video()
    assert "Not drawn yet" in text(as_admin, "/data/") and not Split.objects.exists()


def test_health(client: Client, db: None) -> None:
    assert client.get("/healthz").json() == {"ok": True, "version": "0.1.0", "database": True, "worker": False}
    Heartbeat.objects.create(name="worker", at=timezone.now())
    assert client.get("/healthz").json()["worker"] is True
    Heartbeat.objects.update(at=timezone.now() - timedelta(hours=1))
    assert client.get("/healthz").json()["worker"] is False


def test_an_unknown_page(as_alice: Client) -> None:
    response = as_alice.get("/nowhere/")
    assert response.status_code == 404 and b"Not here" in response.content
    assert as_alice.get("/api/v1/nowhere/").json()["code"] == "not_found"


def test_labels_of_all_fields(as_admin: Client, video: Any) -> None:
    """Each field lies in a label or names itself; each button and link has words; ids occur once."""
    video()
    for address in ("/", "/data/", "/models/"):
        html = as_admin.get(address).content.decode()
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert len(ids) == len(set(ids))
        bare = re.sub(r"<label.*?</label>", "", html, flags=re.S)
        for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", bare):
            assert 'type="hidden"' in field or "aria-label" in field, field
        for attributes, inside in re.findall(r"<(?:button|a)\b([^>]*)>(.*?)</(?:button|a)>", html, flags=re.S):
            words = re.sub(r"<[^>]+>", "", inside).strip()
            assert words or "aria-label" in attributes or "aria-hidden" in attributes or 'alt="' in inside


def tokens() -> tuple[dict[str, str], dict[str, str]]:
    """All meanings in light and in dark, down to their colours."""
    found = re.findall(r"--([\w-]+):\s*([^;]+);", (CSS / "tokens.css").read_text())
    pair = re.compile(r"light-dark\((var\([\w-]+\)|rgb\([^)]*\)|\w+), (var\([\w-]+\)|rgb\([^)]*\)|\w+)\)")
    light, dark = ({name: pair.sub(rf"\{side}", value) for name, value in found} for side in (1, 2))
    assert light["text"] == "var(--ink-900)" and dark["text"] == "var(--night-100)"
    return light, dark


def colour(names: dict[str, str], name: str) -> str:
    value = names[name]
    found = re.fullmatch(r"var\(--([\w-]+)\)", value)
    return colour(names, found[1]) if found else value


def luminance(hexa: str) -> float:
    parts = [int(hexa[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


PAIRS = [
    (ink, ground, 4.5)
    for ground in ("background", "panel", "panel-quiet")
    for ink in ("text", "text-quiet", "accent", "danger", "warning", "good")
]
PAIRS += [("text-on-accent", "accent", 4.5), ("text-on-accent", "accent-hover", 4.5), ("danger", "danger-quiet", 4.5)]
PAIRS += [("warning", "warning-quiet", 4.5), ("good", "good-quiet", 4.5), ("accent-hover", "accent-quiet", 4.5)]
PAIRS += [("border-control", "panel", 3.0), ("focus", "background", 3.0), ("focus", "panel", 3.0)]
KINDS = ("serve", "offensive", "defensive")
PAIRS += [
    (f"stroke-text-on-{hand}", f"stroke-{kind}-{hand}", 4.5) for kind in KINDS for hand in ("forehand", "backhand")
]
PAIRS += [("stroke-text-on-forehand", "stroke-negative", 4.5), ("picture-text-quiet", "picture-background", 4.5)]


@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_contrast(ink: str, ground: str, least: float) -> None:
    for names in tokens():
        assert contrast(colour(names, ink), colour(names, ground)) >= least


def test_components_use_tokens_only() -> None:
    light, _ = tokens()
    for name in (
        "base",
        "cards",
        "controls",
        "data",
        "dialog",
        "empty",
        "header",
        "models",
        "sign-in",
        "table",
        "upload",
    ):
        path = CSS / f"{name}.css"
        css = re.sub(r"@media[^{]+", "", re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S))
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*{)|\brgba?\(|\bhsla?\(", css), name
        assert not re.findall(r"\b(?!0px)\d+px", css), name
        assert not set(re.findall(r"var\(--([\w-]+)", css)) - set(light), name


def template(name: str) -> str:
    """A template with what it includes."""
    source = (CSS.parents[1] / "templates" / name).read_text()
    return source + "".join(template(part) for part in re.findall(r'\{% include "([^"]+)"', source))


@pytest.mark.parametrize("page", sorted(p.name for p in (CSS.parents[1] / "templates").glob("*.html") if "{% extends" in p.read_text()))
def test_a_page_links_the_styles_of_its_classes(page: str) -> None:
    """What some stylesheet says of a class must reach every page that uses the class."""
    rules = {path.name: re.sub(r"/\*.*?\*/|\{[^}]*\}", "", path.read_text(), flags=re.DOTALL) for path in CSS.glob("*.css")}
    styled = {name: set(re.findall(r"\.([a-z][a-z0-9-]*)", text)) for name, text in rules.items()}
    source = template(page)
    linked = set(re.findall(r"css/([\w-]+\.css)", template("base.html") + source))
    used = {word for words in re.findall(r'class="([^"]*)"', source) for word in re.sub(r"\{[%{].*?[%}]\}", " ", words).split()}
    elsewhere = set().union(*styled.values()) - set().union(*(styled[name] for name in linked))
    assert not used & elsewhere
