"""What is taken, what is taken with its loss stated, and what is refused; nothing else can happen to an upload."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from mlcore import probe, proxy
from mlcore.formats import FrameTable
from mlcore.progress import StepError
from mlcore.video import frames
from tests.fixtures.numbered import no_video, numbered, playlist, read_number, truncated
from tests.mlcore.test_video import damaged, indexed

ROOT = Path(__file__).parents[2]


def step(path: Path, out: Path, **environment: str) -> tuple[int, dict[str, object]]:
    """Run the step as the site does; exit code and last line."""
    run = subprocess.run([sys.executable, "-m", "mlcore.probe", str(path), "--out", str(out), "--sha256", "ab"],
                         cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    return run.returncode, json.loads(run.stdout.splitlines()[-1])


def refusal(path: Path) -> StepError:
    with pytest.raises(StepError) as error:
        indexed(path)
    return error.value


def test_the_step_writes_the_table_and_says_what_it_found(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "30fps", 45)
    code, line = step(tmp_path / "a.mp4", tmp_path)
    done = line["done"]
    assert code == 0 and isinstance(done, dict)
    assert {key: done[key] for key in ("n", "fps", "duration_s", "width", "height", "rotation", "codec", "audio",
                                       "unreadable", "declared")} == {
        "n": 45, "fps": 30.0, "duration_s": 1.5, "width": 320, "height": 180, "rotation": 0, "codec": "h264",
        "audio": True, "unreadable": 0, "declared": 45}
    table = FrameTable.read(tmp_path / "frames.json")
    assert table.n == 45 and table.sha256 == "ab" and table.keyframes == [0, 30]
    assert table.bytes == (tmp_path / "a.mp4").stat().st_size


def test_packets_give_the_same_table_as_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cheap way (no full decode) and the honest way agree for each kind of video."""
    for kind, suffix in (("bframes", "mp4"), ("vfr", "mkv"), ("vp8", "webm"), ("vp9", "webm"), ("hevc", "mp4")):
        path = tmp_path / f"{kind}.{suffix}"
        numbered(path, kind, 70)
        honest = indexed(path)
        with monkeypatch.context() as patch:
            patch.setattr(probe, "FULL_PIXELS", 0)
            patch.setattr(probe, "_decoded", None)  # any full decode would fail
            assert indexed(path) == honest


def test_a_hidden_vp8_picture_is_not_counted(tmp_path: Path) -> None:
    numbered(tmp_path / "a.webm", "vp8", 40)
    with av.open(str(tmp_path / "a.webm")) as source, av.open(str(tmp_path / "b.webm"), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for k, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            data = bytearray(bytes(packet))
            data[0] &= 0xEF if k == 10 else 0xFF  # the show_frame bit
            copy = av.Packet(bytes(data))
            copy.pts, copy.dts, copy.time_base, copy.stream = packet.pts, packet.dts, packet.time_base, stream
            copy.is_keyframe = packet.is_keyframe
            out.mux(copy)
    table = indexed(tmp_path / "b.webm")
    numbers = [read_number(array) for _, array in frames(tmp_path / "b.webm", table)]
    assert (table.n, table.unreadable) == (39, [])
    assert numbers == [k for k in range(40) if k != 10]


def test_of_two_streams_the_better_one_is_read(tmp_path: Path) -> None:
    numbered(tmp_path / "small.mp4", "30fps", 20)
    numbered(tmp_path / "large.mp4", "120fps", 60)
    path = tmp_path / "both.mkv"
    with av.open(str(path), "w") as out, av.open(str(tmp_path / "small.mp4")) as one, av.open(
            str(tmp_path / "large.mp4")) as two:
        sources = [one.streams.video[0], two.streams.video[0]]
        targets = [out.add_stream_from_template(source, opaque=True) for source in sources]
        targets[0].disposition = av.stream.Disposition(0)
        for source, target in zip(sources, targets, strict=True):
            for packet in source.container.demux(source):
                if packet.size:
                    packet.stream = target
                    out.mux(packet)
    table = indexed(path)
    assert (table.stream, table.n) == (1, 60)


@pytest.mark.parametrize(("content", "code", "found"), [
    (b"", "empty_file", None), (b"hello, this is my holiday diary\n" * 20, "not_a_video", "text"),
    (b"<!doctype html><html><body>x</body></html>", "not_a_video", "web page"),
    (b"\xff\xd8\xff\xe0" + b"\0" * 900, "not_a_video", "JPEG picture"),
    (b"PK\x03\x04" + b"\0" * 900, "not_a_video", "ZIP archive"),
    (b"FLV\x01\x05" + b"\0" * 900, "format_not_allowed", "Flash video"),
    (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "format_not_allowed", "playlist"),
    (bytes(np.random.default_rng(0).bytes(20_000)), "not_a_video", "unknown data")])
def test_what_is_no_video_is_refused_by_name(tmp_path: Path, content: bytes, code: str, found: str | None) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    error = refusal(path)
    assert (error.code, error.params.get("found")) == (code, found)


def test_a_playlist_named_mp4_opens_no_other_file(tmp_path: Path) -> None:
    numbered(tmp_path / "secret.mp4", "30fps", 10)
    playlist(tmp_path / "a.mp4", "secret.mp4")
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == 10, "the trick works where nobody guards against it"
    assert refusal(tmp_path / "a.mp4").code == "not_a_video"
    assert step(tmp_path / "a.mp4", tmp_path / "out") == (
        2, {"error": {"code": "not_a_video", "params": {"found": "text"}}})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_alone_is_refused(tmp_path: Path, suffix: str) -> None:
    no_video(tmp_path / f"a.{suffix}")
    assert refusal(tmp_path / f"a.{suffix}").code == "no_video_stream"


def test_a_codec_outside_the_list_is_refused_before_decoding(tmp_path: Path) -> None:
    numbered(tmp_path / "a.avi", "magicyuv", 5)
    assert (refusal(tmp_path / "a.avi").code, refusal(tmp_path / "a.avi").params) == (
        "codec_not_allowed", {"codec": "magicyuv"})


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few bytes that want to become a picture of 67 million pixels."""
    path = tmp_path_factory.mktemp("bomb") / "bomb.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width = stream.height = 8192
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(8192, 8192, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts = 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def test_a_picture_bomb_is_refused_without_the_memory(tmp_path: Path, bomb: Path) -> None:
    path = bomb
    assert step(path, tmp_path / "out") == (
        2, {"error": {"code": "too_large_picture", "params": {"width": 8192, "height": 8192}}})
    assert peak_mib(path) < 150


def test_a_bomb_that_lies_about_its_size_is_refused_too(tmp_path: Path, bomb: Path) -> None:
    path = tmp_path / "liar.mp4"
    path.write_bytes(bomb.read_bytes().replace(b"\x20\x00\x20\x00\x00\x48", b"\x01\x40\x00\xf0\x00\x48"))
    assert refusal(path).code in ("no_frames", "too_large_picture")
    assert peak_mib(path) < 150


def peak_mib(path: Path) -> float:
    """The most memory that a process which only probes `path` ever held."""
    script = (f"from mlcore import probe\ntry: probe.probe(__import__('pathlib').Path({str(path)!r}), sha256='', "
              "max_seconds=9)\nexcept Exception: pass\nprint('peak', open('/proc/self/status').read())")
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(re.search(r"VmHWM:\s+(\d+)", run.stdout).group(1)) / 1024  # type: ignore[union-attr]


def test_too_long_a_video_is_refused(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "30fps", 90)
    with pytest.raises(StepError) as error:
        probe.probe(tmp_path / "a.mp4", sha256="", max_seconds=2)
    assert error.value.code == "too_long"


def test_an_mp4_without_its_index_says_so(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "30fps", 60)
    truncated(tmp_path / "b.mp4", tmp_path / "a.mp4", 0.8)
    assert refusal(tmp_path / "b.mp4").code == "no_index"


@pytest.mark.parametrize(("suffix", "kind"), [("mkv", "bframes"), ("webm", "vp8"), ("avi", "mpeg4")])
def test_a_cut_video_is_kept_with_its_loss_stated_or_refused(tmp_path: Path, suffix: str, kind: str) -> None:
    whole, cut, stump = (tmp_path / f"{name}.{suffix}" for name in ("whole", "cut", "stump"))
    numbered(whole, kind, 120)
    truncated(cut, whole, 0.8)
    table = indexed(cut)
    assert 80 <= table.n - len(table.unreadable) < 110
    assert 115 <= table.declared_frames <= 125
    truncated(stump, whole, 0.3)
    error = refusal(stump)
    assert error.code == "truncated" and error.params["found"] * 2 < error.params["declared"]


@pytest.mark.parametrize(
    ("suffix", "kind"), [("mp4", "bframes"), ("mkv", "bframes"), ("webm", "vp8"), ("avi", "mpeg4")])
def test_damage_inside_is_never_silent(tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"a.{suffix}"
    numbered(path, kind, 200)
    data = path.read_bytes()
    noise = np.random.default_rng(3)
    at = len(data) // 2
    path.write_bytes(data[:at] + noise.bytes(3000) + data[at + 3000:])
    table = indexed(path)
    assert table.unreadable or table.declared_frames > table.n
    assert 185 <= table.declared_frames <= 205


def test_mutated_files_end_in_a_table_or_a_plain_refusal(tmp_path: Path) -> None:
    numbered(tmp_path / "a.mp4", "bframes", 30)
    numbered(tmp_path / "a.mkv", "vfr", 30)
    dice = np.random.default_rng(7)
    for source in (tmp_path / "a.mp4", tmp_path / "a.mkv"):
        original = source.read_bytes()
        for round_ in range(25):
            data = bytearray(original)
            for _ in range(round_ % 7 + 1):
                at = int(dice.integers(0, len(data) if round_ % 2 else 2000))
                data[at:at + int(dice.integers(1, 40))] = dice.bytes(20)
            path = tmp_path / f"m{source.suffix}"
            path.write_bytes(data)
            try:
                table = indexed(path)
            except (StepError, av.FFmpegError):
                continue
            assert 0 < table.n <= table.declared_frames
            assert table.n == 30 or table.declared_frames > table.n or table.unreadable, "a silent loss"


def test_the_process_gives_up_the_network_where_the_system_lets_it(tmp_path: Path) -> None:
    script = ("from mlcore import limits\nleft = limits.apply(memory_gb=2, no_network=True)\nimport socket, av, numpy\n"
              "names = [name for _, name in socket.if_nameindex()]\nprint(left, names)")
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    left, names = re.fullmatch(r"(True|False) (.*)\n", run.stdout).groups()  # type: ignore[union-attr]
    assert left == "False" or names == "['lo']"
    if os.getuid() == 0 and Path("/proc/sys/user/max_user_namespaces").read_text().strip() != "0":
        assert left == "True"


def test_the_estimate_is_of_the_right_size(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    numbered(path, "120fps", 240)
    table = indexed(path)
    table.write(tmp_path / "frames.json")
    proxy.make(path, frames=tmp_path / "frames.json", out=tmp_path)
    made = sum((tmp_path / name).stat().st_size for name in proxy.FILES)
    stored = 61 * 320 * 180 * 3.45
    assert made < probe.disk_estimate(table) - stored < 40 * made


def test_damage_shows_in_the_table(tmp_path: Path) -> None:
    table = indexed(damaged(tmp_path))
    assert table.declared_frames == 200 and table.unreadable
