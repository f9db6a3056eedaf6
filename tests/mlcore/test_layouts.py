"""Folders and XML of the MediaEval tasks: what is on disk, no more and no less; the site reads and writes the same files."""

from __future__ import annotations

import pytest

from mlcore import layouts
from mlcore.formats import Interval, Part
from mlcore.progress import StepError
from strokes import mediaeval

MOVES = [Interval(4, 20, "Serve Forehand Loop"), Interval(30, 31, ""), Interval(40, 61, "Negative")]


def put(path, data=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def plain(found):
    return [(s.begin, s.end, s.move) for s in found]


def test_the_site_and_the_workshop_write_the_same_bytes_and_read_the_same_lines(tmp_path):
    old, new = layouts.actions_xml(MOVES, moves=True), layouts.actions_xml(MOVES, moves=False)
    assert old == mediaeval.write_2020(MOVES) and new == mediaeval.write_detection(MOVES)
    pairs = [("1.mp4", "Negative"), ("2.mp4", "")]
    assert layouts.clips_xml(pairs) == mediaeval.write_classification(pairs)
    assert layouts.clips(put(tmp_path / "c.xml", layouts.clips_xml(pairs))) == pairs
    for data, inclusive in ((old, True), (new, False)):
        mine = layouts.actions(put(tmp_path / "a.xml", data), inclusive=inclusive)
        assert plain(mine) == plain(mediaeval.read(data, inclusive))
    assert plain(layouts.actions(put(tmp_path / "a.xml", old), inclusive=True)) == plain(MOVES)
    assert b'end="19"' in old and b'end="20"' in new and b"60" not in new


@pytest.mark.parametrize("data", [b"<video><action begin='9' end='5'/></video>", b"<video><action begin='-1' end='5'/></video>", b"<video><x/></video>", b"<v/>",
                                  b"<video>", b"<!DOCTYPE v [<!ENTITY a 'b'>]><video><action begin='1' end='5' move='&a;'/></video>", b""])  # fmt: skip
def test_what_is_no_annotation_is_refused_with_its_file(tmp_path, data):
    with pytest.raises(StepError, match="bad_annotation") as error:
        layouts.actions(put(tmp_path / "7.xml", data), inclusive=True)
    assert error.value.params["file"] == "7.xml"


def test_the_layout_of_2021(tmp_path):
    for name in ("a", "b", "c"):
        put(tmp_path / "data" / "videos" / f"{name}.mp4")
    task = tmp_path / "classificationTask"
    put(task / "train" / "a.xml", b"<video><action begin='10' end='29' move='Serve Forehand Loop'/><action begin='50' end='69' move='Negative'/></video>")
    put(task / "valid" / "a.xml", b"<video><action begin='80' end='99' move='Offensive Backhand Hit'/></video>")
    put(task / "test" / "b.xml", b"<video><action begin='10' end='29' move='Unknown'/></video>")
    put(tmp_path / "detectionTask" / "train" / "c.xml", b"<video><action begin='10' end='30'/></video>")
    found = layouts.read(tmp_path)
    a, b = found.classification
    assert found.year == 2021 and (a.id, b.id) == ("a", "b") and set(a.given) == {"train", "validation"}
    assert plain(a.given["train"]) == [(10, 30, "Serve Forehand Loop"), (50, 70, "Negative")]
    assert plain(b.given["test"]) == [(10, 30, "")]
    assert a.parts(120) == [Part("train", 0, 40), Part("train", 40, 75), Part("validation", 75, 120)]
    assert b.parts(50) == [Part("test", 0, 50)]
    assert plain(found.detection[0].given["train"]) == [(10, 30, "Stroke")]
    taxonomy = found.taxonomy()
    assert len(taxonomy.moves) == 20 and taxonomy.moves[1].type == "Serve" and taxonomy.moves[1].hand == "Forehand"


def test_the_layout_of_2022(tmp_path):
    task = tmp_path / "classificationTask"
    for name in ("train/My Stroke/1.mp4", "train/Negative/2.mp4", "validation/My Stroke/1.mp4", "test/9.mp4", "test/10.mp4"):
        put(task / name)
    put(task / "test.xml", b"<videos><video name='9.mp4' class='UNKNOWN'/><video name='10.mp4' class='My Stroke'/></videos>")
    put(tmp_path / "detectionTask" / "test" / "5.mp4")
    put(tmp_path / "detectionTask" / "test" / "5.xml", b"<video></video>")
    found = layouts.read(tmp_path)
    given = {s.id: (next(iter(s.given)), s.given[next(iter(s.given))][0].move) for s in found.classification}
    assert given == {"train-My Stroke-1": ("train", "My Stroke"), "train-Negative-2": ("train", "Negative"), "validation-My Stroke-1": ("validation", "My Stroke"),
                     "test-9": ("test", ""), "test-10": ("test", "My Stroke")}  # fmt: skip
    assert all(s.trimmed for s in found.classification) and found.year == 2022
    assert [m.name for m in found.taxonomy().moves] == ["My Stroke"]
    assert found.detection[0].given == {"test": []} and not found.detection[0].trimmed


def test_a_folder_of_something_else_and_a_missing_video_are_refused(tmp_path):
    with pytest.raises(StepError, match="not_ttstroke"):
        layouts.read(tmp_path)
    put(tmp_path / "data" / "videos" / "a.mp4")
    put(tmp_path / "classificationTask" / "train" / "z.xml", b"<video><action begin='1' end='5' move='Negative'/></video>")
    with pytest.raises(StepError, match="video_missing") as error:
        layouts.read(tmp_path)
    assert error.value.params == {"video": "z.mp4"}
