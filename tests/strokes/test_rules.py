"""Written rules and examples: text may change, classes not; learning never sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlcore import formats
from strokes import examples, rules, taxonomy, videos
from strokes.errors import Refused
from strokes.models import Example, Taxonomy

LOOP = "Offensive Forehand Loop"
pytestmark = pytest.mark.django_db


def table(video: Any, fps: int = 100) -> None:
    frames = formats.FrameTable("x", 0, "h264", 320, 180, 0, (1, fps), list(range(video.n_frames)), [0])
    frames.write(videos.folder(video) / "frames.json")


def test_every_class_and_group_of_the_default_has_its_rule_in_both_languages() -> None:
    row = taxonomy.default()
    wanted = {"", *(move["name"] for move in row.moves), *(move["group"] for move in row.moves)}
    assert set(row.rules) == wanted
    assert all(set(texts) == {"en", "fr"} and texts["en"] != texts["fr"] for texts in row.rules.values())


def test_a_site_from_before_gets_the_rules_and_no_new_revision() -> None:
    first = taxonomy.default()
    Taxonomy.objects.update(rules={})
    assert taxonomy.default() == first
    assert Taxonomy.objects.count() == 1 and Taxonomy.objects.get().rules[""]["en"].startswith("A stroke begins")


def test_rules_are_not_in_what_learning_reads(tmp_path: Any) -> None:
    body = taxonomy.as_file(taxonomy.default()).body()
    assert "rules" not in body and "rules" not in json.dumps(body["moves"])
    assert len(formats.Taxonomy.read(taxonomy.DEFAULT).moves) == 20, "the file itself, rules and all, can be read"


def test_rules_are_edited_by_admins_and_kept_over_a_restart(admin: Any, alice: Any) -> None:
    row = taxonomy.default()
    with pytest.raises(Refused, match="not_admin"):
        rules.write(taxonomy=row, about=LOOP, en="x", fr="y", user=alice)
    rules.write(taxonomy=row, about=LOOP, en=" Up \n and up ", fr="Vers le haut", user=admin)
    assert taxonomy.default().rules[LOOP] == {"en": "Up and up", "fr": "Vers le haut"}
    rules.write(taxonomy=row, about=LOOP, en="", fr=" ", user=admin)
    assert LOOP not in taxonomy.default().rules
    for about, text, code in (("No Such Class", "x", "unknown_move"), ("", "x" * 1001, "bad_rule")):
        with pytest.raises(Refused, match=code):
            rules.write(taxonomy=row, about=about, en=text, fr="", user=admin)


def test_rules_of_a_file_are_checked_and_a_next_revision_keeps_what_still_fits() -> None:
    with pytest.raises(Refused, match="no class and no group"):
        taxonomy.add({"name": "T", "moves": ["a"], "rules": {"b": {"en": "x"}}})
    with pytest.raises(Refused, match="bad_taxonomy"):
        taxonomy.add({"name": "T", "moves": ["a"], "rules": {"a": "x"}})
    taxonomy.add({"name": "T", "moves": ["a", "b"], "rules": {"": {"en": "all"}, "a": {"en": "A"}, "b": {"fr": "B"}}})
    later = taxonomy.add({"name": "T", "moves": ["a", "c"]})
    assert (later.revision, later.rules) == (2, {"": {"en": "all"}, "a": {"en": "A"}})


def test_an_example_is_chosen_replaced_and_removed(video: Any, alice: Any) -> None:
    row = video()
    table(row)
    examples.choose(video=row, move=LOOP, begin=10, end=60, user=alice)
    examples.choose(video=row, move=LOOP, begin=100, end=180, user=alice)
    found = examples.chosen(row.taxonomy)[LOOP]
    assert (found.begin, found.end, found.begin_s, found.end_s) == (100, 180, 1.0, 1.8)
    assert Example.objects.count() == 1
    assert examples.remove(taxonomy=row.taxonomy, move=LOOP) and not examples.chosen(row.taxonomy)


def test_what_is_no_example(video: Any, alice: Any) -> None:
    row, blind = video(n_frames=5000), video(blind=True)
    table(row)
    wrong = [(row, "Offensive Forehand", 0, 9, "unknown_move"), (row, "Negative", 0, 9, "unknown_move"), (row, LOOP, 9, 9, "bad_example"),
             (row, LOOP, 0, 1600, "bad_example"), (row, LOOP, 4990, 5001, "bad_example"), (blind, LOOP, 0, 9, "example_blind"),
             (video(), LOOP, 0, 9, "not_watchable")]  # fmt: skip
    for where, move, begin, end, code in wrong:
        with pytest.raises(Refused, match=code):
            examples.choose(video=where, move=move, begin=begin, end=end, user=alice)


def test_an_example_in_a_video_that_became_blind_is_not_shown(video: Any, alice: Any) -> None:
    row = video()
    table(row)
    examples.choose(video=row, move=LOOP, begin=10, end=60, user=alice)
    type(row).objects.update(blind=True)
    assert examples.chosen(row.taxonomy) == {}
