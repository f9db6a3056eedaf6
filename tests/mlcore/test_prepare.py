"""Preparation means the same at every frame rate, survives kills bit for bit, and never shows a half-made folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mlcore import folders, prepare, store
from mlcore.files import FormatError
from mlcore.formats import FrameTable, RoiTrack
from mlcore.progress import StepError

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 160, 96
SPEED = 60.0  # px per second of the square, that is 0.5 px per 1/120 s


def texture(height: int, width: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX)


def moving_square(fps: float, seconds: float, width: int = WIDTH, height: int = HEIGHT) -> Iterator[np.ndarray]:
    """A textured square that goes right at SPEED over a still, duller background; sub-pixel positions."""
    back, square = texture(height, width, 1) // 3 + 40, texture(32, 32, 2)
    for k in range(round(fps * seconds)):
        move = np.array([[1, 0, 10 + SPEED * k / fps], [0, 1, height / 2 - 16]], np.float64)
        shade = cv2.warpAffine(square, move, (width, height))
        where = cv2.warpAffine(np.full((32, 32, 1), 1, np.float32), move, (width, height))[..., None]
        yield np.rint(back * (1 - where) + shade * where).astype(np.uint8)


def made(folder: Path, fps: float, rate: float, seconds: float = 1.6) -> store.Store:
    times = [k / fps for k in range(round(fps * seconds))]
    return prepare.from_pictures(folder, moving_square(fps, seconds), times, identity="square", rate=rate)


def write_video(path: Path, pictures: Iterator[np.ndarray], fps: int) -> FrameTable:
    """An H.264 file and its frame table, told by the packets themselves."""
    with av.open(str(path), "w") as out:
        stream = None
        for picture in pictures:
            if stream is None:
                stream = out.add_stream("libx264", rate=fps, options={"crf": "12", "preset": "veryfast", "g": "24"})
                stream.height, stream.width, stream.pix_fmt = picture.shape[0], picture.shape[1], "yuv420p"
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        assert stream is not None
        out.mux(stream.encode(None))
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        packets = sorted((p.pts, p.is_keyframe) for p in video.demux(stream) if p.pts is not None)
        base = Fraction(stream.time_base)
        return FrameTable("c" * 64, stream.index, "h264", stream.width, stream.height, 0,
                          (base.numerator, base.denominator), [pts for pts, _ in packets],
                          [k for k, (_, key) in enumerate(packets) if key])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- which pictures, how large


@pytest.mark.parametrize("fps", [30, 31, 25, 15])
def test_a_source_that_is_not_faster_keeps_all_its_pictures(fps: int) -> None:
    assert prepare.select([k / fps for k in range(100)], 30) == list(range(100))


@pytest.mark.parametrize(("fps", "every"), [(60, 2), (120, 4), (240, 8)])
def test_a_faster_source_is_decimated(fps: int, every: int) -> None:
    assert prepare.select([k / fps for k in range(fps)], 30) == list(range(0, fps, every))


def test_ticks_take_the_nearest_picture_once() -> None:
    assert prepare.select([k / 50 for k in range(11)], 30) == [0, 2, 3, 5, 7, 8, 10]
    gap = [*(k / 120 for k in range(40)), *(1 + k / 120 for k in range(40))]  # nothing between 1/3 s and 1 s
    chosen = prepare.select(gap, 30)
    assert chosen == sorted(set(chosen))
    assert {39, 40} <= set(chosen)


@pytest.mark.parametrize(("source", "stored"), [((1280, 720), (320, 180)), ((720, 1280), (180, 320)),
                                                ((320, 240), (320, 240)), ((200, 100), (200, 100)),
                                                ((4000, 100), (320, 16))])
def test_both_sides_are_bounded(source: tuple[int, int], stored: tuple[int, int]) -> None:
    assert prepare.stored_size(*source) == stored


def test_the_key_names_all_that_the_values_depend_on() -> None:
    given = {"sha256": "a", "seconds": [0, 0.1, 0.2], "width": 64, "height": 48, "rate": 30.0, "method": "dis"}
    keys = {prepare.planned(**given).key}
    for change in ({"sha256": "b"}, {"rate": 60.0}, {"method": "farneback"}, {"width": 60}, {"segment": 64}):
        keys.add(prepare.planned(**{**given, **change}).key)
    assert len(keys) == 6
    assert prepare.planned(**given).key in keys


@pytest.mark.parametrize(("change", "code"), [({"seconds": []}, "no_frames"), ({"rate": 0}, "bad_rate"),
                                              ({"rate": float("nan")}, "bad_rate"), ({"method": "x"}, "unknown_flow")])
def test_what_cannot_be_planned_is_refused(change: dict[str, object], code: str) -> None:
    given = {"sha256": "a", "seconds": [0.0], "width": 64, "height": 48, "rate": 30.0, "method": "dis"}
    with pytest.raises(StepError) as refused:
        prepare.planned(**{**given, **change})
    assert refused.value.code == code


# --- the same meaning at every frame rate


def test_30_60_120_and_240_fps_are_stored_alike(tmp_path: Path) -> None:
    reference = made(tmp_path / "30", 30, 30)
    assert reference.n == 48
    for fps in (60, 120, 240):
        other = made(tmp_path / str(fps), fps, 30)
        assert other.ordinals.tolist() == [k * fps // 30 for k in range(48)]
        np.testing.assert_allclose(other.seconds, reference.seconds, atol=1e-9)
        np.testing.assert_allclose(other.velocity(0, 48), reference.velocity(0, 48), atol=0.02)
        np.testing.assert_allclose(other.roi.x, reference.roi.x, atol=1e-3)


def test_velocity_and_region_do_not_depend_on_the_stored_rate(tmp_path: Path) -> None:
    tracks = []
    for fps in (30, 60, 120):
        opened = made(tmp_path / str(fps), fps, 240)
        k = round(0.8 * fps)
        x = round(10 + SPEED * 0.8)
        inside = opened.velocity(k, k + 1, (slice(38, 58), slice(x + 6, x + 26)))
        np.testing.assert_allclose(np.median(inside, axis=(0, 1, 2)), (0.5, 0), atol=0.05)
        tracks.append(np.interp(np.arange(0.2, 1.4, 0.1), opened.seconds, opened.roi.x))
    np.testing.assert_allclose(tracks[1], tracks[0], atol=0.06)
    np.testing.assert_allclose(tracks[2], tracks[0], atol=0.06)


def test_the_still_background_has_no_flow_and_the_region_follows(tmp_path: Path) -> None:
    opened = made(tmp_path / "x", 30, 30)
    moving = np.abs(opened.velocity(4, 48)).sum(axis=3) > 0.05
    assert moving[:, :24].mean() < 0.01
    assert opened.roi.side == HEIGHT
    assert opened.roi.x[40] > opened.roi.x[8] + 0.1
    assert set(opened.roi.source) == {"flow"}


# --- videos


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("video")
    write_video(folder / "v.mp4", moving_square(60, 2.4), 60).write(folder / "frames.json")
    return folder / "v.mp4", folder / "frames.json"


def test_a_video_gives_what_its_pictures_give(video: tuple[Path, Path], tmp_path: Path) -> None:
    table = FrameTable.read(video[1])
    done = prepare.run(video[0], table, tmp_path, rate=30)
    assert done["n"] == 72
    opened = store.read(tmp_path / done["key"])
    assert opened.prepared.sha256 == table.sha256
    assert opened.prepared.method["method"] == "dis"
    drawn = made(tmp_path / "drawn", 30, 30, seconds=1.0).rgb(0, 30)
    assert np.abs(opened.rgb(0, 30).astype(int) - drawn).mean() < 6
    assert opened.prepared.flow_maxima[0] == [0.0, 0.0]


def test_a_portrait_video_is_bounded(tmp_path: Path) -> None:
    table = write_video(tmp_path / "v.mp4", moving_square(30, 0.5, 216, 384), 30)
    opened = store.read(tmp_path / str(prepare.run(tmp_path / "v.mp4", table, tmp_path)["key"]))
    assert opened.rgb(0, 1).shape == (1, 320, 180, 3)
    assert opened.roi.side == 120


def test_a_picture_that_cannot_be_decoded_is_repeated_and_still(video: tuple[Path, Path], tmp_path: Path) -> None:
    table = FrameTable.read(video[1])
    table.unreadable = [40]
    opened = store.read(tmp_path / str(prepare.run(video[0], table, tmp_path, rate=60)["key"]))
    assert np.array_equal(*opened.rgb(39, 41))
    assert not opened.flow(40, 41).any()
    moved = opened.velocity(38, 42)[..., 0].max(axis=(1, 2))
    assert moved[3] == pytest.approx(moved[0], rel=0.25), "the picture after it moved for two durations, shown for one"


def test_a_lower_rate_stores_the_same_pictures_also_beside_unreadable_ones(video: tuple[Path, Path], tmp_path: Path) -> None:
    table = FrameTable.read(video[1])
    table.unreadable = [41, 42, 60, 81]  # 30 pictures a second keep the even ones
    every, second = (store.read(tmp_path / str(prepare.run(video[0], table, tmp_path, rate=rate)["key"])) for rate in (60, 30))
    assert second.ordinals.tolist() == list(range(0, 144, 2))
    assert np.array_equal(second.rgb(0, 72), every.rgb(0, 144)[::2])
    assert np.array_equal(second.rgb(21, 22), every.rgb(40, 41)), "42 repeats what was seen last, at 40"


def test_a_whole_folder_is_done_at_once_and_corrections_touch_only_the_track(video: tuple[Path, Path],
                                                                             tmp_path: Path) -> None:
    table = FrameTable.read(video[1])
    first = prepare.run(video[0], table, tmp_path)
    folder = tmp_path / first["key"]
    before, stamps = contents(folder), {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    nowhere = tmp_path / "not-there.mp4"  # the video is not even opened
    assert prepare.run(nowhere, table, tmp_path) == first
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == stamps
    again = prepare.run(nowhere, table, tmp_path, corrections=[{"frame": 60, "x": 0.45, "y": 0.5}])
    assert again["key"] == first["key"]
    assert again["roi_version"] != first["roi_version"]
    assert {name for name, content in contents(folder).items() if content != before[name]} == {"roi.json"}
    assert {p.name for p in folder.iterdir() if p.stat().st_mtime_ns != stamps[p.name]} == {"roi.json"}
    assert "manual" in RoiTrack.read(folder / "roi.json").source
    assert prepare.run(nowhere, table, tmp_path) == first
    assert contents(folder) == before


def test_a_damaged_folder_is_made_anew(video: tuple[Path, Path], tmp_path: Path) -> None:
    table = FrameTable.read(video[1])
    folder = tmp_path / str(prepare.run(video[0], table, tmp_path, segment=16)["key"])
    before, path = contents(folder), folder / "segment-00002.pile"
    path.write_bytes(before[path.name][:-99])
    prepare.run(video[0], table, tmp_path, segment=16)
    assert contents(folder) == before
    path.write_bytes(b"x" + before[path.name][1:])
    stamps = {p.name: p.stat().st_mtime_ns for p in folder.glob("segment-*")}
    prepare.run(video[0], table, tmp_path, segment=16, check=True)
    assert contents(folder) == before
    assert [p.name for p in sorted(folder.glob("segment-*")) if p.stat().st_mtime_ns != stamps[p.name]] == [path.name]


def test_two_at_once_are_refused(video: tuple[Path, Path], tmp_path: Path) -> None:
    table = FrameTable.read(video[1])
    key = prepare.planned(sha256=table.sha256, seconds=[table.seconds(k) for k in range(table.n)], width=WIDTH,
                          height=HEIGHT, rate=30, method="dis").key
    with folders.alone(tmp_path / key), pytest.raises(StepError) as refused:
        prepare.run(video[0], table, tmp_path)
    assert refused.value.code == "already_preparing"


def test_only_folders_that_nobody_wants_or_makes_are_removed(video: tuple[Path, Path], tmp_path: Path) -> None:
    table = FrameTable.read(video[1])
    wanted, other = (str(prepare.run(video[0], table, tmp_path, rate=rate)["key"]) for rate in (30, 20))
    making, broken = tmp_path / ("a" * 16), tmp_path / ("b" * 16)
    for folder in (making, broken, tmp_path / "notes"):
        folder.mkdir()
        (folder / "segment-00000.pile").write_bytes(b"begun")
    with folders.alone(making):
        assert folders.stale(tmp_path, {wanted}) == sorted([tmp_path / other, broken])
        done = subprocess.run([sys.executable, "-m", "mlcore.folders", str(tmp_path), "--keep", wanted], cwd=ROOT, capture_output=True,
                              check=True)
    assert sorted(json.loads(done.stdout)["done"]["removed"]) == sorted([other, broken.name])
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([wanted, making.name, "notes"])
    assert store.read(tmp_path / wanted).n == 72
    assert folders.collect(tmp_path / "nowhere", set()) == []


def test_bad_corrections_leave_nothing_behind(video: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(StepError) as refused:
        prepare.run(video[0], FrameTable.read(video[1]), tmp_path, corrections=[{"frame": 3, "x": 7, "y": 0}])
    assert refused.value.code == "bad_corrections"
    assert list(tmp_path.iterdir()) == []
    for text in ("nonsense", "{}"):
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(StepError) as refused:
            prepare.read_corrections(tmp_path / "c.json")
        assert refused.value.code == "bad_corrections"


# --- interruptions


def step(video: tuple[Path, Path], out: Path) -> list[str]:
    return [sys.executable, "-m", "mlcore.prepare", str(video[0]), "--frames", str(video[1]), "--out", str(out),
            "--rate", "60", "--segment", "16", "--workers", "1"]


@pytest.fixture(scope="module")
def uninterrupted(video: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    done = prepare.run(video[0], FrameTable.read(video[1]), out, rate=60, segment=16, workers=1)
    return out / str(done["key"])


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 75)])
def test_an_interrupted_run_resumes_to_the_same_bytes(video: tuple[Path, Path], uninterrupted: Path, tmp_path: Path,
                                                      how: signal.Signals, code: int) -> None:
    folder = tmp_path / uninterrupted.name
    process = subprocess.Popen(step(video, tmp_path), cwd=ROOT, stdout=subprocess.PIPE)
    while not (folder / "segment-00001.pile").exists():
        assert process.poll() is None, "ended before it could be interrupted"
        time.sleep(0.002)
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode == code
    with pytest.raises(FormatError, match="not a finished prepared folder"):
        store.read(folder)
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("segment-*")}
    assert 2 <= len(kept) < 9

    resumed = subprocess.run(step(video, tmp_path), cwd=ROOT, capture_output=True, check=True, timeout=60)
    lines = [json.loads(line) for line in resumed.stdout.splitlines()]
    assert lines[-1]["done"]["key"] == folder.name
    assert lines[0]["progress"] >= len(kept) * 16 / 144 - 0.001, "begins where the other one stopped"
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == kept, "no finished segment is redone"
    assert contents(folder) == contents(uninterrupted)


def test_a_kill_before_the_last_rename_loses_nothing(video: tuple[Path, Path], uninterrupted: Path,
                                                     tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Power(BaseException):
        pass

    def cut(*_: object) -> None:
        raise Power

    table = FrameTable.read(video[1])
    with monkeypatch.context() as patch, pytest.raises(Power):
        patch.setattr(os, "replace", _after(9, cut))
        prepare.run(video[0], table, tmp_path, rate=60, segment=16)
    folder = tmp_path / uninterrupted.name
    with pytest.raises(FormatError):
        store.read(folder)
    assert len(list(folder.glob("segment-*"))) == 9
    prepare.run(tmp_path / "not-needed-any-more.mp4", table, tmp_path, rate=60, segment=16)
    assert contents(folder) == contents(uninterrupted)


def _after(calls: int, act: object) -> object:
    real, count = os.replace, 0

    def replace(source: object, target: object) -> None:
        nonlocal count
        count += 1
        if count > calls:
            act()  # type: ignore[operator]
        real(source, target)  # type: ignore[arg-type]

    return replace


def test_a_picture_source_that_ends_early_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StepError) as refused:
        prepare.from_pictures(tmp_path / "x", moving_square(30, 0.5), [k / 30 for k in range(60)], identity="x")
    assert refused.value.code == "frame_lost"
    assert refused.value.params == {"frame": 15}
    with pytest.raises(FormatError):
        store.read(tmp_path / "x")


@pytest.mark.parametrize("n", [1, 2])
def test_very_short_videos_are_prepared(tmp_path: Path, n: int) -> None:
    opened = prepare.from_pictures(tmp_path / "x", moving_square(30, n / 30), [k / 30 for k in range(n)], identity="x")
    assert opened.n == n
    assert not opened.flow(0, 1).any()


@pytest.mark.parametrize(("method", "tolerance"), [("dis-fast", 0.25), ("farneback", 0.1)])
def test_other_methods_make_other_folders(tmp_path: Path, method: str, tolerance: float) -> None:
    times = [k / 30 for k in range(30)]
    opened = prepare.from_pictures(tmp_path / "x", moving_square(30, 1.0), times, identity="x", method=method)
    assert opened.prepared.method["method"] == method
    inside = opened.velocity(24, 25, (slice(38, 58), slice(64, 84)))
    assert np.median(inside[..., 0]) == pytest.approx(0.5, abs=tolerance)


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = []
    for seconds in (4, 16):
        pictures = moving_square(30, seconds, 64, 48)
        tracemalloc.start()
        prepare.from_pictures(tmp_path / str(seconds), pictures, [k / 30 for k in range(30 * seconds)], identity="x",
                              segment=32)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.4
