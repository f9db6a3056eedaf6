"""The one decoder: each ordinal gives its own picture, whatever the container, codec, rotation or place."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mlcore import probe, video
from mlcore.formats import FrameTable
from mlcore.progress import StepError
from tests.fixtures.numbered import numbered, picture, read_number, truncated

N = 40
FILES = [("30fps", "mp4"), ("120fps", "mp4"), ("vfr", "mp4"), ("vfr", "mkv"), ("bframes", "mp4"), ("bframes", "mkv"),
         ("rotated", "mp4"), ("odd", "mp4"), ("full", "mp4"), ("hevc", "mp4"), ("vp8", "webm"), ("vp9", "webm"),
         ("mpeg4", "mp4"), ("mpeg4", "avi"), ("mjpeg", "avi"), ("30fps", "avi")]


def indexed(path: Path) -> FrameTable:
    return probe.probe(path, sha256="0" * 64, max_seconds=600)


@pytest.mark.parametrize(("kind", "suffix"), FILES)
def test_every_ordinal_gives_its_own_picture(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    numbered(path, kind, N)
    table = indexed(path)
    seen = list(video.frames(path, table))
    assert [(ordinal, read_number(array)) for ordinal, array in seen] == [(k, k) for k in range(N)]
    assert all(array.shape == (table.height, table.width, 3) for _, array in seen)


@pytest.mark.parametrize(("kind", "suffix"), FILES)
def test_a_segment_begins_and_ends_where_asked(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    numbered(path, kind, N)
    table = indexed(path)
    for begin, end in ((1, 2), (29, 33), (30, 31), (31, 32), (35, N), (N - 1, N)):
        got = [read_number(array) for _, array in video.frames(path, table, begin, end, size=(160, 120), gray=True)]
        assert got == list(range(begin, end)), (begin, end)


def test_an_edit_list_hides_pictures_from_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    numbered(path, "edit", N)
    table = indexed(path)
    assert [read_number(array) for _, array in video.frames(path, table)] == list(range(20, N))
    assert read_number(next(video.frames(path, table, 15))[1]) == 35
    assert table.declared_frames == N - 20


def test_a_segment_reads_the_same_as_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    numbered(path, "bframes", N)
    table = indexed(path)
    whole = [array for _, array in video.frames(path, table, size=(160, 90))]
    part = [array for _, array in video.frames(path, table, 40, 44, size=(160, 90), threads=2)]
    assert np.array_equal(whole[40:44], part)


def test_a_rotated_video_is_read_upright(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    numbered(path, "rotated", 12)
    table = indexed(path)
    assert (table.width, table.height, table.rotation) == (180, 320, 90)
    drawn = picture(5, (180, 320)).astype(int)
    read = next(video.frames(path, table, 5))[1].astype(int)
    assert np.abs(drawn - read).mean() < 8


@pytest.mark.parametrize("kind", ["30fps", "full"])
def test_colours_come_out_as_they_went_in(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.mp4"
    numbered(path, kind, 3)
    read = next(video.frames(path, indexed(path), 1))[1]
    assert np.abs(read[76:110, 4:300].mean(axis=(0, 1)) - (70, 90, 110)).max() < 4


def test_unreadable_pictures_repeat_the_one_before_and_keep_their_place(tmp_path: Path) -> None:
    path = damaged(tmp_path)
    table = indexed(path)
    assert table.n == 200 and 0 < len(table.unreadable) < 40
    numbers = [read_number(array) for _, array in video.frames(path, table, size=(160, 90))]
    assert len(numbers) == 200
    for k in table.unreadable:
        assert numbers[k] == numbers[k - 1]
    first, last = table.unreadable[0], table.unreadable[-1]
    assert numbers[:first] == list(range(first)) and numbers[last + 20:] == list(range(last + 20, 200))
    assert [read_number(a) for _, a in video.frames(path, table, first, first + 1)] == [first - 1]


def damaged(folder: Path) -> Path:
    """An mp4 of 200 pictures with two holes in its middle."""
    path = folder / "damaged.mp4"
    numbered(path, "bframes", 200)
    data, noise = bytearray(path.read_bytes()), np.random.default_rng(1)
    for at in (len(data) // 2, len(data) // 2 + 2000):
        data[at:at + 1500] = noise.bytes(1500)
    path.write_bytes(data)
    return path


def test_a_table_that_promises_too_much_is_an_error_not_a_repeat(tmp_path: Path) -> None:
    whole, cut = tmp_path / "a.mkv", tmp_path / "b.mkv"
    numbered(whole, "30fps", N)
    table = indexed(whole)
    truncated(cut, whole, 0.7)
    with pytest.raises(StepError) as error:
        list(video.frames(cut, table))
    assert error.value.code == "frame_lost" and 20 < error.value.params["frame"] < N


def test_reading_from_the_middle_does_not_decode_what_lies_before(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    numbered(path, "proxy", 300)
    table = indexed(path)
    began = time.process_time()
    list(video.frames(path, table))
    whole = time.process_time() - began
    began = time.process_time()
    assert read_number(next(video.frames(path, table, 290, 291))[1]) == 290
    assert time.process_time() - began < whole / 3


def test_fit_keeps_shape_and_never_enlarges() -> None:
    assert video.fit(1920, 1080, 1280, 720, even=True) == (1280, 720)
    assert video.fit(1088, 1920, 1280, 720, even=True) == (720, 1270)
    assert video.fit(321, 241, 1280, 720, even=True) == (320, 240)
    assert video.fit(640, 480, 320) == (320, 240)
    assert video.fit(100, 50, 320) == (100, 50)


def test_numbers_survive_scaling_and_refuse_doubt() -> None:
    big = picture(9_876, (640, 360))
    assert read_number(big[::4, ::4]) == 9_876
    assert read_number(np.full((90, 160, 3), 128, np.uint8)) is None
    assert read_number((0.5 * big + 0.5 * picture(1_234, (640, 360))).astype(np.uint8)) is None


def test_seconds_of_the_table_are_those_of_the_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    times = numbered(path, "vfr", N)
    table = indexed(path)
    base = Fraction(*table.time_base)
    assert [(stamp - table.pts[0]) * base for stamp in table.pts] == times
