"""Taxonomies are data: published names, revisions, groups for two keys."""

import json

import pytest

from mlcore import formats
from strokes import taxonomy
from strokes.errors import Refused

PUBLISHED = [
    f"{kind} {hand} {technique}"
    for kind, techniques in {
        "Serve": ["Backspin", "Loop", "Sidespin", "Topspin"],
        "Offensive": ["Hit", "Loop", "Flip"],
        "Defensive": ["Push", "Block", "Backspin"],
    }.items()
    for hand in ("Forehand", "Backhand")
    for technique in techniques
]


@pytest.mark.django_db
def test_default_has_the_published_names_in_order_and_is_made_once():
    first = taxonomy.default()
    assert [move["name"] for move in first.moves] == PUBLISHED
    assert taxonomy.default() == first
    assert first.seed != 0


@pytest.mark.django_db
def test_every_label_of_default_is_distinct_and_groups_fit_two_keys():
    moves = taxonomy.as_file(taxonomy.default()).moves
    for field in ("name", "short", "fr"):
        assert len({getattr(move, field) for move in moves}) == 20, field
    groups = {move.group for move in moves}
    assert len(groups) == 6
    for group in groups:
        leaves = [move.leaf for move in moves if move.group == group]
        assert len(leaves) <= 4 and len(set(leaves)) == len(leaves)
    assert next(move for move in moves if move.name == "Defensive Backhand Push").fr == "poussette revers"
    assert {(move.type, move.hand) for move in moves} == {
        (kind, hand) for kind in ("serve", "offensive", "defensive") for hand in ("forehand", "backhand")
    }


@pytest.mark.django_db
def test_the_packaged_file_is_a_topspin_taxonomy():
    body = json.loads(taxonomy.DEFAULT.read_text("utf-8"))
    assert formats.Taxonomy.read(taxonomy.DEFAULT).body() == {key: value for key, value in body.items() if key != "rules"}


@pytest.mark.django_db
def test_full_partial_and_unknown_names():
    default = taxonomy.default()
    assert taxonomy.is_full(default, "Negative")
    assert taxonomy.is_partial(default, "Serve Forehand")
    assert not taxonomy.is_partial(default, "Serve Forehand Loop")
    assert not taxonomy.is_partial(default, "")
    for move in ("", "Negative", "Serve Forehand", "Serve Forehand Loop"):
        taxonomy.check(default, move)
    with pytest.raises(Refused) as refused:
        taxonomy.check(default, "offensive forehand flipp")
    assert refused.value.code == "unknown_move"
    assert refused.value.params["nearest"] == "Offensive Forehand Flip"


@pytest.mark.django_db
def test_bare_names_get_groups_of_four_in_order():
    made = taxonomy.add([f"sign {n}" for n in range(1, 7)], name="signs")
    assert [move["group"] for move in made.moves] == ["1–4"] * 4 + ["5–6"] * 2
    assert made.moves[0]["leaf"] == "sign 1" and made.moves[0]["fr"] == "sign 1"


@pytest.mark.django_db
def test_same_classes_again_are_the_same_row_and_others_a_new_revision():
    first = taxonomy.add(["a", "b"], name="letters")
    assert taxonomy.add({"name": "letters", "moves": ["a", "b"]}) == first
    second = taxonomy.add(["a", "b", "c"], name="letters")
    assert (first.revision, second.revision) == (1, 2)
    again = taxonomy.add(taxonomy.as_file(second).body())
    assert again == second


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "moves": []},
        {"name": "x", "moves": ["a", "a"]},
        {"name": "x", "moves": ["Negative"]},
        {"name": "x", "moves": ["unknown"]},
        {"name": "x", "moves": "abc"},
        {"name": "x", "moves": [{"label": "a"}]},
        {"name": "x", "moves": [3]},
        {"name": "x", "moves": [{"name": "a", "group": "b"}, "b"]},
        {"name": "x\x00", "moves": ["a"]},
        {"name": "", "moves": ["a"]},
        {"format": "topspin-run", "name": "x", "moves": ["a"]},
        {"name": "x", "moves": [{"name": "a", "short": 3}]},
    ],
)
def test_what_cannot_be_a_taxonomy_is_refused(body):
    with pytest.raises(Refused) as refused:
        taxonomy.add(body)
    assert refused.value.code == "bad_taxonomy"
