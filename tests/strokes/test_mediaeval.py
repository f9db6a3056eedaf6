"""The XML dialects: what goes out comes back, frame for frame; what is dangerous or wrong is refused in codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.formats import Interval
from strokes import mediaeval
from strokes.errors import Refused

names = st.sampled_from(["", "Negative", "Offensive Forehand Flip", "été & <\"quoted\"> 'x'", "Serve Forehand"])
intervals = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(1, 400), names).map(lambda t: Interval(t[0], t[0] + t[1], t[2])),
    max_size=20,
)


def spans(found):
    return sorted((i.begin, i.end, i.move) for i in found)


@given(intervals)
def test_2020_round_trip(given_):
    assert spans(mediaeval.read(mediaeval.write_2020(given_), inclusive=True)) == spans(given_)


@given(intervals)
def test_detection_round_trip_but_for_moves(given_):
    found = mediaeval.read(mediaeval.write_detection(given_), inclusive=False)
    assert spans(found) == sorted((i.begin, i.end, "") for i in given_ if i.move != "Negative")


def test_2020_writes_the_last_frame_and_2022_the_one_after():
    stroke = [Interval(556, 713, "Offensive Forehand Flip")]
    assert b'<action begin="556" end="712" move="Offensive Forehand Flip" />' in mediaeval.write_2020(stroke)
    assert b'<action begin="556" end="713" />' in mediaeval.write_detection(stroke)


def test_classification_list():
    xml = mediaeval.write_classification([("1.mp4", "Negative"), ("2.mp4", "")])
    assert b'<video name="1.mp4" class="Negative" />' in xml and b'class="UNKNOWN"' in xml


@pytest.mark.parametrize("word", ["Unknown", "UNKNOWN", "unknown", ""])
def test_unknown_is_no_class_yet(word):
    (line,) = mediaeval.read(f'<video><action begin="0" end="0" move="{word}"/></video>'.encode(), True)
    assert (line.begin, line.end, line.move, line.problem) == (0, 1, "", None)


def test_every_bad_line_is_reported_with_its_number():
    xml = b"""<video>
  <action begin="1" end="9" move="A"/>
  <action begin="x" end="9" move="A"/>
  <action begin="1" move="A"/>
  <action begin="-1" end="3"/>
  <action begin="9" end="7"/>
  <stroke begin="1" end="9"/>
  <action begin="1.0" end="9"/>
  <action begin="99999999999999999999" end="9"/>
</video>"""
    found = mediaeval.read(xml, True)
    problems = [(line.line, line.problem["code"]) for line in found if line.problem]
    assert problems == [
        (3, "bad_frame"),
        (4, "bad_frame"),
        (5, "bad_frame"),
        (6, "end_before_begin"),
        (7, "unexpected_element"),
        (8, "bad_frame"),
        (9, "bad_frame"),
    ]
    assert [line.line for line in found if not line.problem] == [2]


BOMB = (
    '<?xml version="1.0"{}?><!DOCTYPE video [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    '<video><action begin="&b;"/></video>'
)


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (BOMB.format("").encode(), "xml_doctype"),
        (BOMB.format(' encoding="utf-16"').encode("utf-16"), "xml_doctype"),
        (b'<!DOCTYPE video SYSTEM "file:///etc/passwd"><video/>', "xml_doctype"),
        (b"<video><action></video>", "not_xml"),
        (b"", "not_xml"),
        (b"\x00\x01\x02", "not_xml"),
        (b"begin,end\n1,2\n", "not_xml"),
        (b'<?xml version="1.0" encoding="klingon"?><video/>', "not_xml"),
        (b"<videos><video name='1.mp4' class='x'/></videos>", "wrong_root"),
        (b" " * (10 * 1024**2 + 1), "too_big"),
    ],
)
def test_what_is_not_such_a_file_is_refused(xml, code):
    with pytest.raises(Refused) as refused:
        mediaeval.read(xml, True)
    assert refused.value.code == code


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_never_crash(xml):
    try:
        mediaeval.read(xml, True)
    except Refused as refused:
        assert refused.code in ("not_xml", "wrong_root", "xml_doctype")
