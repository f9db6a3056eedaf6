"""Import: a plan first, then whole or not at all, twice the same as once."""

import pytest

from mlcore.formats import Interval
from strokes import exports, imports, records
from strokes.errors import Refused
from strokes.models import Decision, Stroke
from tests.strokes.conftest import FLIP, PUSH

GOOD = f"""<video>
  <action begin="10" end="19" move="{FLIP}"/>
  <action begin="30" end="49" move="UNKNOWN"/>
  <action begin="10" end="19" move="{FLIP}"/>
</video>""".encode()
BAD = f"""<video>
  <action begin="10" end="19" move="{FLIP}"/>
  <action begin="20" end="29" move="Offensive Forehand Flipp"/>
  <action begin="90" end="100" move="{PUSH}"/>
  <action begin="5" end="2" move="{PUSH}"/>
  <action begin="five" end="2" move="{PUSH}"/>
</video>""".encode()


def read(xml: bytes) -> list[Interval]:
    return imports.read_mediaeval(xml, inclusive=True)


def test_a_plan_says_what_would_happen_and_does_nothing(alice, video):
    made = video(n_frames=100)
    plan = imports.plan(video=made, intervals=read(BAD), expert=alice)
    assert [entry["line"] for entry in plan["add"]] == [2]
    assert [(entry["line"], entry["code"]) for entry in plan["refused"]] == [
        (3, "unknown_move"),
        (4, "beyond_last_frame"),
        (5, "end_before_begin"),
        (6, "bad_frame"),
    ]
    assert plan["refused"][0]["params"]["nearest"] == FLIP
    assert plan["refused"][1]["params"] == {"line": 4, "last": 99}
    assert not Decision.objects.exists()


def test_import_writes_imported_strokes_and_says_whether_all_are_marked(alice, video):
    made = video(n_frames=100)
    report = imports.apply(video=made, expert=alice, intervals=read(GOOD), complete=True)
    assert (len(report["add"]), len(report["duplicate"]), report["refused"]) == (2, 1, [])
    rows = list(Stroke.objects.values_list("begin", "end", "move", "source"))
    assert rows == [(10, 20, FLIP, "imported"), (30, 50, "", "imported")]
    lane = records.lane(video=made, expert=alice)
    assert lane.complete and records.rows(lane) == records.fold(lane)


def test_importing_again_adds_nothing(alice, video):
    made = video(n_frames=100)
    imports.apply(video=made, expert=alice, intervals=read(GOOD), complete=True)
    again = imports.apply(video=made, expert=alice, intervals=read(GOOD), complete=True)
    assert (len(again["add"]), len(again["duplicate"])) == (0, 3)
    assert Decision.objects.count() == 3


def test_one_bad_line_stops_the_whole_unless_asked(alice, video):
    made = video(n_frames=100)
    with pytest.raises(Refused) as refused:
        imports.apply(video=made, expert=alice, intervals=read(BAD), complete=False)
    assert refused.value.code == "bad_lines" and refused.value.params["count"] == 4
    assert not Stroke.objects.exists() and not Decision.objects.exists()
    imports.apply(video=made, expert=alice, intervals=read(BAD), complete=False, skip_bad=True)
    assert Stroke.objects.get().begin == 10


def test_whether_every_stroke_is_marked_must_be_said(alice, video):
    with pytest.raises(Refused, match="bad_op"):
        imports.apply(video=video(), expert=alice, intervals=[], complete=None)
    with pytest.raises(TypeError):
        imports.apply(video=video(), expert=alice, intervals=[])


def test_an_export_imports_to_the_same_strokes(alice, bob, video, label):
    made = video(n_frames=1000)
    spans = [(0, 1, FLIP), (5, 300, PUSH), (290, 500, "Negative"), (600, 700, ""), (800, 1000, "Serve Forehand")]
    label(made, *spans)
    there = video(n_frames=1000)
    imports.apply(video=there, expert=bob, intervals=read(exports.mediaeval2020(made)), complete=False)
    assert [(i.begin, i.end, i.move) for i in records.truth(there)[0]] == spans
