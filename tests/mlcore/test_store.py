"""The prepared folder gives back what was written, and refuses whatever is not whole."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from mlcore import store
from mlcore.formats import FormatError, Prepared, RoiTrack

N, HEIGHT, WIDTH = 37, 20, 32


def arrays(n: int = N) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    rgb = random.integers(0, 256, (n, HEIGHT, WIDTH, 3), dtype=np.uint8)
    flow = random.normal(0, 3, (n, HEIGHT, WIDTH, 2)).astype(np.float32)
    flow[0] = 0
    return rgb, flow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rgb, flow = arrays()
    times = np.arange(N) / 30
    times[20:] += 1 / 30  # one picture is missing in the middle: the flow after it lasted twice as long
    store.build(tmp_path / "abc", rgb, flow, times.tolist(), list(range(0, 4 * N, 4)), sha256="f" * 64)
    return tmp_path / "abc"


def test_reads_what_was_built(folder: Path) -> None:
    rgb, flow = arrays()
    opened = store.read(folder)
    assert (opened.n, opened.prepared.key, opened.prepared.sha256) == (N, "abc", "f" * 64)
    assert opened.ordinals.tolist() == list(range(0, 4 * N, 4))
    for begin, end in ((0, N), (5, 29), (8, 16), (36, 37), (3, 3)):
        assert np.array_equal(opened.rgb(begin, end), rgb[begin:end])
        assert opened.flow(begin, end).dtype == np.float32
        np.testing.assert_allclose(opened.flow(begin, end), flow[begin:end], atol=0.5 / 64 + 1e-6)
    assert sorted(path.name for path in folder.iterdir()) == [
        "centres.npy", "flow.b2nd", "prepared.json", "rgb.npy", "roi.json"]


def test_a_box_reads_only_that_part(folder: Path) -> None:
    opened = store.read(folder)
    box = (slice(3, 11), slice(20, 32))
    assert np.array_equal(opened.rgb(5, 20, box), opened.rgb(5, 20)[:, 3:11, 20:32])
    assert np.array_equal(opened.velocity(5, 20, box), opened.velocity(5, 20)[:, 3:11, 20:32])


def test_what_is_read_may_be_written_to(folder: Path) -> None:
    opened = store.read(folder)
    opened.rgb(0, 4)[:] = 0
    assert np.array_equal(opened.rgb(0, 4), arrays()[0][:4])


@pytest.mark.parametrize(("begin", "end"), [(-1, 3), (0, N + 1), (5, 4)])
def test_pictures_that_are_not_there_are_an_error(folder: Path, begin: int, end: int) -> None:
    opened = store.read(folder)
    for reader in (opened.rgb, opened.flow, opened.velocity):
        with pytest.raises(IndexError):
            reader(begin, end)


def test_velocity_is_in_pixels_per_120th_of_a_second(folder: Path) -> None:
    opened = store.read(folder)
    velocity, flow = opened.velocity(0, N), opened.flow(0, N)
    np.testing.assert_allclose(velocity[5] * 4, flow[5], rtol=1e-5)  # 1/30 s
    np.testing.assert_allclose(velocity[20] * 8, flow[20], rtol=1e-5)  # 2/30 s
    np.testing.assert_allclose(np.abs(velocity).max(axis=(1, 2)), opened.prepared.flow_maxima, atol=1e-4)


def test_large_flow_is_clipped_not_wrapped(tmp_path: Path) -> None:
    flow = np.zeros((2, 16, 16, 2), np.float32)
    flow[1] = (600, -600)
    opened = store.build(tmp_path / "x", np.zeros((2, 16, 16, 3), np.uint8), flow, [0, 1 / 30], [0, 1])
    assert opened.flow(1, 2)[0, 0, 0].tolist() == [32767 / 64, -512]


def test_the_roi_of_built_arrays_follows_their_flow(tmp_path: Path) -> None:
    flow = np.zeros((40, 200, 400, 2), np.float32)
    flow[:, 100:104, 300:304] = 2
    opened = store.build(tmp_path / "x", np.zeros((40, 200, 400, 3), np.uint8), flow, (np.arange(40) / 30).tolist(),
                         list(range(40)))
    assert opened.roi.side == 120
    assert opened.roi.x[20] * 400 == pytest.approx(301, abs=2)


def test_a_worker_process_opens_the_files_anew(folder: Path) -> None:
    opened = store.read(folder)
    sent = pickle.dumps(opened)
    assert len(sent) < 1000
    assert np.array_equal(pickle.loads(sent).rgb(3, 9), opened.rgb(3, 9))  # noqa: S301


@pytest.mark.parametrize("name", ["centres.npy", "flow.b2nd", "prepared.json", "rgb.npy", "roi.json"])
def test_a_folder_that_lacks_a_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FormatError, match="abc"):
        store.read(folder)


@pytest.mark.parametrize("name", ["flow.b2nd", "rgb.npy", "prepared.json", "roi.json", "centres.npy"])
def test_a_truncated_file_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError):
        store.read(folder)


def test_a_foreign_version_is_refused(folder: Path) -> None:
    body = json.loads((folder / "prepared.json").read_text())
    (folder / "prepared.json").write_text(json.dumps({**body, "version": 99}))
    with pytest.raises(FormatError, match="99"):
        store.read(folder)


def test_a_track_of_another_length_is_refused(folder: Path) -> None:
    track = RoiTrack.read(folder / "roi.json")
    track.x.pop()
    track.write(folder / "roi.json")
    with pytest.raises(FormatError):
        store.read(folder)


def test_a_writer_goes_on_after_the_last_segment(tmp_path: Path) -> None:
    rgb, flow = arrays()
    steps, centres, peaks = store.to_steps(flow), np.zeros((N, 2), np.float32), np.ones((N, 2))

    def fill(folder: Path, stop_after: int) -> store.Writer:
        writer = store.Writer(folder, n=N, height=HEIGHT, width=WIDTH, segment=16)
        for first in range(writer.finished * 16, min(N, stop_after * 16), 16):
            part = slice(first, first + 16)
            writer.add(rgb[part], steps[part], centres[part], peaks[part])
        return writer

    fill(tmp_path / "x", 2)
    with pytest.raises(FormatError, match=r"prepared\.json is missing"):
        store.read(tmp_path / "x")
    assert store.Writer(tmp_path / "x", n=N, height=HEIGHT, width=WIDTH, segment=16).finished == 2
    for name, already in (("x", 3), ("y", 3)):
        writer = fill(tmp_path / name, already)
        times = [k / 30 for k in range(N)]
        prepared = Prepared("k", "", WIDTH, HEIGHT, 30, {}, list(range(N)), times, [])
        middle = [0.5] * N
        writer.finish(prepared)
        writer.seal(prepared, RoiTrack(WIDTH, HEIGHT, 20, prepared.ordinals, middle, middle, ["flow"] * N))
    assert np.array_equal(store.read(tmp_path / "x").rgb(0, N), rgb)
    for name in ("rgb.npy", "flow.b2nd", "prepared.json", "roi.json", "centres.npy"):
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes()


def test_segments_without_their_pictures_are_not_trusted(tmp_path: Path) -> None:
    rgb, flow = arrays()
    writer = store.Writer(tmp_path / "x", n=N, height=HEIGHT, width=WIDTH, segment=16)
    writer.add(rgb[:16], store.to_steps(flow[:16]), np.zeros((16, 2), np.float32), np.ones((16, 2)))
    (tmp_path / "x" / "rgb.npy").unlink()
    assert store.Writer(tmp_path / "x", n=N, height=HEIGHT, width=WIDTH, segment=16).finished == 0


def test_a_segment_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    rgb, flow = arrays()
    writer = store.Writer(tmp_path / "x", n=N, height=HEIGHT, width=WIDTH, segment=16)
    with pytest.raises(ValueError, match="16 pictures"):
        writer.add(rgb[:15], store.to_steps(flow[:15]), np.zeros((15, 2), np.float32), np.ones((15, 2)))
    with pytest.raises(ValueError, match="multiple"):
        store.Writer(tmp_path / "x", n=N, height=HEIGHT, width=WIDTH, segment=12)
