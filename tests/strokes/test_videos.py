"""Videos: in, on, blind, out."""

import hashlib
import uuid

import pytest

from strokes import decisions, jobs, records, taxonomy, videos
from strokes.errors import Conflict, Refused
from strokes.models import Appearance, Decision, Job, Player, Suggestion, Video
from tests.strokes.conftest import FLIP, op

DONE = {
    "n": 240,
    "fps": 120.0,
    "duration_s": 2.0,
    "width": 640,
    "height": 360,
    "unreadable": [3],
    "disk_estimate": 5000,
}


@pytest.fixture
def register(alice, tmp_path):
    def make(content: bytes = b"film", name: str = "a clip.MP4", **given) -> Video:
        path = tmp_path / name
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        given = {"title": "A clip", "taxonomy": taxonomy.default(), "user": alice, **given}
        return videos.register(path=path, sha256=digest, bytes=len(content), **given)

    return make


def test_a_file_is_moved_in_and_its_check_queued(register, alice, tmp_path):
    made = register(players=[{"pseudonym": " p  1 ", "hand": "left", "side": "near"}])
    assert (videos.folder(made) / "source.mp4").read_bytes() == b"film"
    assert not (tmp_path / "a clip.MP4").exists()
    assert (made.state, made.uploaded_by, made.blind) == ("new", alice, False)
    assert Job.objects.get().kind == "probe" and Job.objects.get().video == made
    assert Appearance.objects.get().side == "near"
    assert (Player.objects.get().pseudonym, Player.objects.get().hand) == ("p 1", "left")


def test_the_same_file_again_is_refused_and_stays_where_it_is(register, tmp_path, data_root):
    first = register()
    with pytest.raises(Refused) as refused:
        register(name="b.mkv", title="Other")
    assert (refused.value.code, refused.value.params) == ("already_here", {"title": "A clip", "id": str(first.pk)})
    assert (tmp_path / "b.mkv").exists()
    assert [folder.name for folder in (data_root / "media").iterdir()] == [str(first.pk)]
    videos.refuse(first, "not_a_video", {"found": "text"})
    assert register(name="b.mkv").state == "new"


@pytest.mark.parametrize(
    "given", [{"title": " \n"}, {"players": [{"pseudonym": ""}]}, {"players": [{"pseudonym": "p", "side": "up"}]}]
)
def test_what_is_refused_leaves_nothing_behind(register, tmp_path, data_root, given):
    with pytest.raises(Refused):
        register(**given)
    assert (tmp_path / "a clip.MP4").exists()
    assert list((data_root / "media").iterdir()) == []
    assert not Video.objects.exists() and not Job.objects.exists() and not Player.objects.exists()


@pytest.mark.parametrize(
    ("name", "stored"), [("x", "source.bin"), ("x.tar.gz", "source.gz"), ("x.$(id)", "source.bin")]
)
def test_the_stored_name_never_comes_from_the_outside(register, name, stored):
    assert register(name=name).file == stored


def test_it_advances_step_by_step_and_a_repeated_step_is_harmless(register):
    made = register()
    with pytest.raises(Conflict, match="wrong_state"):
        videos.watchable(made)
    videos.indexed(made, DONE)
    assert (made.state, made.n_frames, made.fps, made.unreadable, made.disk_estimate) == (
        "indexed",
        240,
        120.0,
        1,
        5000,
    )
    videos.watchable(made)
    videos.prepared(made, "k1")
    videos.watchable(made)
    videos.indexed(made, DONE)
    assert (made.state, made.prepared_key) == ("prepared", "k1")
    videos.prepared(made, "k2")
    assert made.prepared_key == "k2"
    with pytest.raises(Refused, match="frames_changed"):
        videos.indexed(made, DONE | {"n": 241})
    with pytest.raises(Conflict, match="wrong_state"):
        videos.refuse(made, "truncated", {})
    assert videos.folder(made).exists()


def test_a_refused_video_keeps_its_reason_and_loses_its_files(register):
    made = register()
    videos.refuse(made, "no_frames", {"n": 0})
    assert (made.state, made.error_code, made.error_params) == ("refused", "no_frames", {"n": 0})
    assert not videos.folder(made).exists()
    with pytest.raises(Conflict, match="wrong_state"):
        videos.indexed(made, DONE)
    with pytest.raises(Refused, match="no_frames"):
        videos.indexed(register(b"other"), DONE | {"n": 0})


def test_only_admins_remove_and_labels_only_when_meant(alice, admin, video, suggest):
    made = video()
    videos.folder(made).mkdir(parents=True)
    (one,) = suggest(made, (0, 10, FLIP))
    lane = records.lane(video=made, expert=alice)
    decisions.apply(lane=lane, expert=alice, ops=[op("reject", suggestion=one.pk)], base=0)
    with pytest.raises(Refused, match="not_admin"):
        videos.remove(video=made, user=alice)
    with pytest.raises(Refused, match="has_labels") as refused:
        videos.remove(video=made, user=admin)
    assert refused.value.params["decisions"] == 1 and videos.folder(made).exists()
    place = videos.folder(made)
    videos.remove(video=made, user=admin, labels_too=True)
    assert not Video.objects.exists() and not Decision.objects.exists() and not Suggestion.objects.exists()
    assert not place.exists()


def test_players_with_strokes_stay_in_the_video(alice, video):
    made = video(players=["p1", "p2"])
    lane = records.lane(video=made, expert=alice)
    decisions.apply(lane=lane, expert=alice, ops=[op("add", uuid.uuid4(), begin=1, end=5, player="p1")], base=0)
    with pytest.raises(Refused, match="player_has_strokes"):
        videos.edit(video=made, players=[{"pseudonym": "p2"}])
    videos.edit(video=made, title="New", players=[{"pseudonym": "p1", "side": "far"}, {"pseudonym": "p3"}])
    assert set(Player.objects.filter(appearance__video=made).values_list("pseudonym", flat=True)) == {"p1", "p3"}
    assert Video.objects.get().title == "New"


def test_the_first_videos_are_never_blind_and_a_share_of_the_others_is(video, settings):
    settings.BLIND_AFTER, settings.BLIND_SHARE = 5, 0.3
    drawn = [videos.draw(video()) for _ in range(60)]
    assert not any(drawn[:5])
    assert 5 <= sum(drawn[5:]) <= 30
    assert Video.objects.filter(blind=True).count() == sum(drawn)


def test_the_draw_is_repeatable_from_the_stored_seed(video, settings):
    settings.BLIND_AFTER, settings.BLIND_SHARE = 0, 0.5
    made = [video() for _ in range(10)]
    first = [videos.draw(one) for one in made]
    assert [videos.draw(one) for one in made] == first
    assert True in first and False in first


def test_videos_of_one_player_are_blind_together(video, settings):
    settings.BLIND_AFTER = settings.BLIND_SHARE = 0
    videos.draw(video(players=["p1"]))
    settings.BLIND_SHARE = 1.0
    assert videos.draw(video(players=["p1", "p2"])) is False
    assert videos.draw(video(players=["p2"])) is False
    assert videos.draw(video(players=["p3"])) is True
    settings.BLIND_SHARE = 0
    assert videos.draw(video(players=["p3"])) is True


def test_an_admin_takes_a_video_out_of_the_blind_pool(alice, admin, video):
    made = video(blind=True)
    with pytest.raises(Refused, match="not_admin"):
        videos.show_suggestions(video=made, user=alice)
    videos.show_suggestions(video=made, user=admin)
    assert not Video.objects.get().blind
    with pytest.raises(Conflict, match="not_blind"):
        videos.show_suggestions(video=made, user=admin)


def test_a_full_disk_is_said_beforehand(data_root, settings):
    videos.room_for(1)
    settings.DISK_RESERVE_BYTES = 10**18
    with pytest.raises(Refused) as refused:
        videos.room_for(1)
    assert refused.value.code == "disk_full"
    assert refused.value.params["needed_mb"] > refused.value.params["free_mb"] > 0


def test_removing_a_video_ends_its_running_job(admin, video):
    made = video()
    jobs.enqueue(kind="proxy", video=made)
    job = jobs.claim(slot="cpu", owner="a")
    videos.remove(video=made, user=admin)
    assert job is not None and not jobs.renew(job, 0.5)
