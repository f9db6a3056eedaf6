"""Splits: groups stay whole, frozen parts stay, blind videos are the test part."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strokes import players, splits, taxonomy, videos
from strokes.models import Appearance, Split, Taxonomy, Video
from tests.strokes.conftest import FLIP

TEN = [(10 * n, 10 * n + 5, FLIP) for n in range(10)]


def parts(split: Split) -> dict:
    return {member.video.title: member.part for member in split.members.select_related("video")}


def add_player(video: Video, pseudonym: str) -> None:
    Appearance.objects.create(video=video, player=players.named(pseudonym=pseudonym))


@pytest.fixture
def default(db) -> Taxonomy:
    return taxonomy.default()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seen=st.lists(st.frozensets(st.sampled_from("abcdef"), max_size=3), min_size=1, max_size=8))
def test_groups_are_the_connected_components_of_shared_players(seen, video):
    made = [video(players=sorted(names)) for names in seen]
    found = splits.groups(made)
    want = {frozenset([n]) | {m for m in range(len(seen)) if seen[n] & seen[m]} for n in range(len(seen))}
    merged: list[set[int]] = []
    for group in want:
        touching = [other for other in merged if other & group]
        merged = [other for other in merged if not other & group] + [set(group).union(*touching)]
    by_name: dict[str, set[int]] = {}
    for n, one in enumerate(made):
        by_name.setdefault(found[one.pk], set()).add(n)
    assert sorted(map(sorted, by_name.values())) == sorted(map(sorted, merged))
    Video.objects.all().delete()


def test_no_player_is_in_two_parts_and_shares_are_roughly_as_wanted(default, video, label):
    for n in range(20):
        label(video(players=[f"p{n // 2}"]), *TEN[: 2 + n % 5])
    split = splits.current(default)
    assert splits.leaks(split) == []
    amount = {part: 0 for part in ("train", "validation", "test")}
    for member in split.members.all():
        amount[member.part] += member.video.lanes.get().strokes.count()
    total = sum(amount.values())
    assert 0.55 <= amount["train"] / total <= 0.85
    assert 0.05 <= amount["validation"] / total <= 0.35
    assert 0.02 <= amount["test"] / total <= 0.25


def test_only_labelled_videos_take_part_and_a_draft_is_drawn_anew(default, video, label):
    one, two = video(), video()
    label(one, *TEN)
    first = splits.current(default)
    assert set(parts(first)) == {one.title}
    label(two, complete=True)
    again = splits.current(default)
    assert again == first and set(parts(again)) == {one.title, two.title}


def test_a_frozen_version_keeps_its_members_parts_in_the_next(default, video, label):
    for _ in range(6):
        label(video(), *TEN)
    first = splits.current(default)
    splits.freeze(first)
    before = parts(first)
    assert splits.current(default) == first
    for _ in range(6):
        label(video(), *TEN)
    second = splits.current(default)
    assert (second.version, second.seed) == (2, first.seed)
    assert parts(first) == before
    assert before.items() <= parts(second).items() and len(parts(second)) == 12


def test_a_new_video_joins_the_part_of_its_players(default, video, label):
    for n in range(8):
        label(video(players=[f"p{n}"]), *TEN)
    first = splits.current(default)
    splits.freeze(first)
    assert set(parts(first).values()) == {"train", "validation", "test"}
    for member in list(first.members.all()):
        mate = video(players=[member.group.removeprefix("player ")], title=f"mate of {member.video.title}")
        label(mate, *TEN)
    second = splits.current(default)
    for member in first.members.all():
        assert parts(second)[f"mate of {member.video.title}"] == member.part
    assert splits.leaks(second) == []


def test_a_video_that_joins_groups_of_different_parts_gets_none_and_is_reported(default, video, label):
    for n in range(8):
        label(video(players=[f"p{n}"]), *TEN)
    first = splits.current(default)
    splits.freeze(first)
    one, other = (first.members.filter(part=part).first() for part in ("train", "validation"))
    both = [member.group.removeprefix("player ") for member in (one, other)]
    label(video(players=both, title="both"), *TEN)
    second = splits.current(default)
    assert "both" not in parts(second)
    leak = {"code": "no_part", "params": {"title": "both", "parts": ["train", "validation"]}}
    assert splits.leaks(second) == [leak]


def test_a_player_named_later_in_two_parts_is_a_leak(default, video, label):
    for _ in range(8):
        label(video(), *TEN)
    split = splits.current(default)
    splits.freeze(split)
    for part in ("train", "test"):
        add_player(split.members.filter(part=part).first().video, "p9")
    (leak,) = splits.leaks(split)
    assert leak["code"] == "player_in_parts"
    assert leak["params"]["player"] == "p9" and leak["params"]["parts"] == ["test", "train"]


def test_blind_groups_are_the_test_part(default, video, label):
    label(video(players=["p0"], blind=True), *TEN)
    label(video(players=["p0"]), *TEN)
    for n in range(1, 9):
        label(video(players=[f"p{n}"]), *TEN)
    found = parts(splits.current(default))
    assert [title for title, part in sorted(found.items()) if part == "test"] == ["video 1", "video 2"]


def test_a_blind_video_that_was_frozen_into_training_is_reported(default, video, label):
    made = video()
    label(made, *TEN)
    split = splits.current(default)
    splits.freeze(split)
    Video.objects.filter(pk=made.pk).update(blind=True)
    assert [leak["code"] for leak in splits.leaks(split)] == ["blind_in_training"]


def test_a_removed_video_leaves_the_next_version(default, admin, video, label):
    made = video()
    label(made, *TEN)
    label(video(), *TEN)
    first = splits.current(default)
    splits.freeze(first)
    videos.remove(video=made, user=admin, labels_too=True)
    assert set(parts(splits.current(default))) == {"video 2"}
