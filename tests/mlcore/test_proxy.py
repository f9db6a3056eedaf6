"""The proxy shows each picture of the source, at its own time, and nothing else; whatever interrupts its making."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mlcore import probe, proxy
from mlcore.formats import FrameTable, MotionStrip
from mlcore.progress import StepError
from mlcore.video import frames
from tests.fixtures.numbered import KINDS, Kind, numbered, read_number
from tests.mlcore.test_video import damaged, indexed

ROOT = Path(__file__).parents[2]
N = 40
FILES = [("30fps", "mp4"), ("120fps", "mp4"), ("vfr", "mp4"), ("vfr", "mkv"), ("bframes", "mp4"), ("bframes", "mkv"),
         ("rotated", "mp4"), ("odd", "mp4"), ("full", "mp4"), ("hevc", "mp4"), ("vp8", "webm"), ("mpeg4", "avi"),
         ("mjpeg", "avi"), ("proxy", "mp4")]


def made(path: Path, out: Path) -> tuple[FrameTable, dict[str, object]]:
    table = indexed(path)
    out.mkdir(exist_ok=True)
    table.write(out / "frames.json")
    return table, proxy.make(path, frames=out / "frames.json", out=out)


def shown(path: Path) -> list[tuple[Fraction, int | None, bool]]:
    """(second, number, key frame) of each picture of a proxy, by a plain reader that knows nothing of our tables."""
    with av.open(str(path)) as file:
        return [(frame.pts * frame.time_base, read_number(frame.to_ndarray(format="rgb24")), bool(frame.key_frame))
                for frame in file.decode(video=0)]


@pytest.mark.parametrize(("kind", "suffix"), FILES)
def test_picture_k_is_shown_at_its_own_time(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    numbered(path, kind, N)
    table, done = made(path, tmp_path / "out")
    base = Fraction(*table.time_base)
    assert shown(tmp_path / "out/proxy.mp4") == [
        ((table.pts[k] - table.pts[0]) * base, k, k % 12 == 0) for k in range(N)]
    assert done["n"] == N and not done["corrected"] and done["unreadable"] == 0
    assert done["copied"] == (kind == "proxy")


@pytest.mark.parametrize(("kind", "suffix"), FILES)
def test_the_small_copy_is_the_same_picture_for_picture(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, suffix: str) -> None:
    monkeypatch.setattr(proxy, "SMALL_BOX", (200, 112))
    path, out = tmp_path / f"a.{suffix}", tmp_path / "out"
    numbered(path, kind, N)
    _, done = made(path, out)
    assert shown(out / "proxy360.mp4") == shown(out / "proxy.mp4")
    assert done["copied"] == (kind == "proxy")
    sizes, sounds = [], []
    for name in ("proxy.mp4", "proxy360.mp4"):
        with av.open(str(out / name)) as file:
            sizes.append((file.streams.video[0].width, file.streams.video[0].height))
            sounds.append([(p.pts * p.time_base, bytes(p)) for s in file.streams.audio for p in file.demux(s) if p.size])
    assert max(sizes[1]) <= 200 and min(sizes[1]) <= 112 < min(sizes[0])
    assert sounds[0] == sounds[1] and bool(sounds[0]) == (KINDS[kind].sound)
    data = (out / "proxy360.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_small_video_has_one_copy_under_both_names(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "120fps", N)
    made(tmp_path / "a.mp4", tmp_path / "out")
    assert (tmp_path / "out/proxy.mp4").samefile(tmp_path / "out/proxy360.mp4")


def test_a_small_copy_that_differs_is_never_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "SMALL_BOX", (200, 112))
    numbered(tmp_path / "a.mp4", "vfr", N)
    add = proxy.Encoder.add_upright
    monkeypatch.setattr(
        proxy.Encoder, "add_upright", lambda self, frame, stamp: add(self, frame, stamp + (stamp > 20_000)))
    with pytest.raises(StepError, match="proxy_differs"):
        made(tmp_path / "a.mp4", tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["frames.json"]


def test_the_edit_list_is_gone(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "edit", N)
    made(tmp_path / "a.mp4", tmp_path / "out")
    assert [number for _, number, _ in shown(tmp_path / "out/proxy.mp4")] == list(range(20, N))


@pytest.mark.parametrize(("kind", "copied"), [("120fps", False), ("proxy", True)])
def test_the_proxy_is_what_browsers_step_through_best(tmp_path: Path, kind: str, copied: bool) -> None:
    numbered(tmp_path / "a.mp4", kind, N)
    assert made(tmp_path / "a.mp4", tmp_path / "out")[1]["copied"] is copied
    data = (tmp_path / "out/proxy.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "out/proxy.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.codec.canonical_name, context.pix_fmt) == ("h264", "yuv420p")
        packets = [packet for packet in file.demux(video=0) if packet.size]
        assert all(packet.pts == packet.dts for packet in packets)
        assert (packets[0].pts, len(packets)) == (0, N)


def test_a_large_picture_becomes_720_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "1080", Kind(30, 1, size=(1920, 1080)))
    numbered(tmp_path / "a.mp4", "1080", 5)
    made(tmp_path / "a.mp4", tmp_path / "out")
    with av.open(str(tmp_path / "out/proxy.mp4")) as file:
        assert (file.streams.video[0].width, file.streams.video[0].height) == (1280, 720)
    assert [number for _, number, _ in shown(tmp_path / "out/proxy.mp4")] == list(range(5))


def test_full_range_becomes_limited_and_looks_the_same(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "full", 3)
    made(tmp_path / "a.mp4", tmp_path / "out")
    with av.open(str(tmp_path / "out/proxy.mp4")) as file:
        assert file.streams.video[0].codec_context.color_range == 1
        assert file.streams.video[0].codec_context.colorspace == 6
        frame = next(file.decode(video=0))
        assert 200 < frame.to_ndarray()[:180].max() < 242
    table = indexed(tmp_path / "out/proxy.mp4")
    read = next(frames(tmp_path / "out/proxy.mp4", table))[1]
    assert np.abs(read[76:110, 4:300].mean(axis=(0, 1)) - (70, 90, 110)).max() < 5


@pytest.mark.parametrize(("kind", "suffix"), [("30fps", "mp4"), ("bframes", "mkv"), ("30fps", "avi")])
def test_sound_stays_in_step(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    numbered(path, kind, N)
    table, done = made(path, tmp_path / "out")
    assert table.audio and done["audio"]
    with av.open(str(tmp_path / "out/proxy.mp4")) as file:
        audio = file.streams.audio[0]
        assert audio.codec_context.codec.canonical_name == "aac"
        pieces = [(sound.pts * sound.time_base, np.abs(sound.to_ndarray()).max()) for sound in file.decode(audio)]
    loud = [float(second) for second, level in pieces if level > 0.1]
    assert loud[0] < 0.03
    assert abs(loud[-1] - table.duration_s) < 0.1


def test_sound_of_another_codec_becomes_aac(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "30fps", N)
    path = tmp_path / "b.mkv"
    with av.open(str(tmp_path / "a.mp4")) as source, av.open(str(path), "w") as out:
        video = out.add_stream_from_template(source.streams.video[0], opaque=True)
        sound = out.add_stream("libopus", rate=48_000)
        for packet in source.demux():
            if not packet.size:
                continue
            if packet.stream.type == "video":
                packet.stream = video
                out.mux(packet)
            else:
                for piece in packet.decode():
                    out.mux(sound.encode(piece))
        out.mux(sound.encode(None))
    _, done = made(path, tmp_path / "out")
    assert done["audio"]
    with av.open(str(tmp_path / "out/proxy.mp4")) as file:
        levels = [np.abs(piece.to_ndarray()).max() for piece in file.decode(file.streams.audio[0])]
    assert len(levels) > 50 and np.median(levels) > 0.1


def test_poster_thumbnails_and_motion_come_from_the_same_pass(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "30fps", 90)
    made(tmp_path / "a.mp4", tmp_path / "out")
    thumbs = json.loads((tmp_path / "out/thumbs.json").read_text())
    sprite = np.asarray(Image.open(tmp_path / "out/thumbs.jpg"))
    assert thumbs["width"] == 160 and thumbs["count"] == 12
    for k in range(thumbs["count"]):
        row, column = divmod(k, thumbs["columns"])
        tile = sprite[row * thumbs["height"]:(row + 1) * thumbs["height"], column * 160:(column + 1) * 160]
        number = read_number(tile)
        assert number is not None and abs(number / 30 - (k + 0.5) * thumbs["every_s"]) < 0.05
    assert read_number(np.asarray(Image.open(tmp_path / "out/poster.jpg"))) == 45
    motion = MotionStrip.read(tmp_path / "out/motion.json")
    assert (motion.rate, len(motion.values)) == (10.0, 30)
    assert min(motion.values) >= 0 and max(motion.values) == 1


def test_the_motion_strip_is_high_where_something_moves(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for k in range(120):
            array = np.full((180, 320, 3), 90, np.uint8)
            x = 20 + 6 * max(0, min(k - 60, 30))  # moves from second 2 to 3 only
            array[60:140, x:x + 60] = 220
            file.mux(stream.encode(av.VideoFrame.from_ndarray(array, format="rgb24")))
        file.mux(stream.encode(None))
    made(path, tmp_path / "out")
    values = np.array(MotionStrip.read(tmp_path / "out/motion.json").values)
    assert values[21:29].min() > 0.6 and np.delete(values, range(19, 31)).max() < 0.05


def test_damage_is_shown_as_the_picture_before_and_stated(tmp_path: Path) -> None:
    path = damaged(tmp_path)
    table, done = made(path, tmp_path / "out")
    assert done["unreadable"] == len(table.unreadable) > 0 and not done["corrected"]
    direct = [read_number(array) for _, array in frames(path, table)]
    assert [number for _, number, _ in shown(tmp_path / "out/proxy.mp4")] == direct


def test_a_table_that_the_decoder_contradicts_is_corrected_first(tmp_path: Path) -> None:
    """The cheap probe cannot see damage between its spots; the pass over every picture does."""
    path = damaged(tmp_path)
    true = indexed(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "FULL_PIXELS", 0)
        patch.setattr(probe, "_spots_agree", lambda path, expected: True)
        cheap, done = made(path, tmp_path / "out")
    assert cheap.unreadable == [] and true.unreadable
    assert done["corrected"] and done["unreadable"] == len(true.unreadable)
    assert FrameTable.read(tmp_path / "out/frames.json") == true
    assert len(shown(tmp_path / "out/proxy.mp4")) == true.n


def test_made_twice_is_made_once(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "120fps", N)
    made(tmp_path / "a.mp4", tmp_path / "out")
    before = (tmp_path / "out/proxy.mp4").stat().st_mtime_ns
    proxy.make(tmp_path / "a.mp4", frames=tmp_path / "out/frames.json", out=tmp_path / "out")
    assert (tmp_path / "out/proxy.mp4").stat().st_mtime_ns == before
    (tmp_path / "out/proxy.mp4").write_bytes(b"half a file")
    proxy.make(tmp_path / "a.mp4", frames=tmp_path / "out/frames.json", out=tmp_path / "out")
    assert len(shown(tmp_path / "out/proxy.mp4")) == N


@pytest.mark.parametrize(("by", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 75)])
def test_stopped_in_the_middle_leaves_nothing_half_made(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: signal.Signals, code: int) -> None:
    path, out = tmp_path / "a.mp4", tmp_path / "out"
    monkeypatch.setitem(KINDS, "slow", Kind(60, 1, size=(1280, 720), gop=12, options={"preset": "ultrafast"}))
    numbered(path, "slow", 24)
    with av.open(str(path)) as source, av.open(str(tmp_path / "long.mp4"), "w") as target:
        packets = [packet for packet in source.demux(video=0) if packet.size]
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        length = packets[-1].dts + packets[1].dts - 2 * packets[0].dts
        for turn in range(60):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.is_keyframe, copy.time_base, copy.stream = packet.is_keyframe, packet.time_base, stream
                copy.pts, copy.dts = packet.pts + turn * length, packet.dts + turn * length
                target.mux(copy)
    path = tmp_path / "long.mp4"
    out.mkdir()
    table = indexed(path)
    table.keyframes = [0]  # no copying: it must take its time
    table.write(out / "frames.json")
    command = [sys.executable, "-m", "mlcore.proxy", str(path), "--frames", str(out / "frames.json"), "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 20
    while not (out / ".making/proxy.mp4").exists() and time.monotonic() < limit:
        time.sleep(0.01)
    time.sleep(0.2)
    assert process.poll() is None, "it was over before it could be stopped"
    os.kill(process.pid, by)
    assert process.wait(20) == code
    assert not any((out / name).exists() for name in proxy.FILES)
    assert (out / ".making").exists() == (by == signal.SIGKILL)
    shutil.copy(tmp_path / "a.mp4", path)
    indexed(path).write(out / "frames.json")
    proxy.make(path, frames=out / "frames.json", out=out)
    assert sorted(file.name for file in out.iterdir()) == sorted((*proxy.FILES, "frames.json"))


def test_a_proxy_that_differs_is_never_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbered(tmp_path / "a.mp4", "vfr", N)
    add = proxy.Encoder.add
    monkeypatch.setattr(proxy.Encoder, "add", lambda self, frame, stamp: add(self, frame, stamp + (stamp > 20_000)))
    with pytest.raises(StepError) as error:
        made(tmp_path / "a.mp4", tmp_path / "out")
    assert error.value.code == "proxy_differs"
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["frames.json"]
