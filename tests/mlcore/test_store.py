"""The prepared folder gives back what was written, and refuses whatever is not whole."""

from __future__ import annotations

import errno
import json
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mlcore import store
from mlcore.files import FormatError
from mlcore.formats import Prepared, RoiTrack

N, HEIGHT, WIDTH = 37, 20, 32


def arrays(n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Smooth pictures, each of its own colours, and noisy flow."""
    random = np.random.default_rng(7)
    coarse = random.integers(0, 256, (n, 2, 3, 3)).astype(np.uint8)
    rgb = np.stack([cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) for picture in coarse])
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
        seen = opened.rgb(begin, end)
        assert seen.shape == rgb[begin:end].shape and seen.dtype == np.uint8
        if begin < end:
            assert np.abs(seen.astype(int) - rgb[begin:end]).max() <= 12, "quality 95: no more than noise"
            assert np.abs(seen.astype(int) - rgb[begin:end]).mean() < 1.5
        assert opened.flow(begin, end).dtype == np.float32
        np.testing.assert_allclose(opened.flow(begin, end), flow[begin:end], atol=0.5 / 64 + 1e-6)
    assert sorted(path.name for path in folder.iterdir()) == ["prepared.json", "roi.json", "segment-00000.pile"]


def test_a_box_reads_only_that_part(folder: Path) -> None:
    opened = store.read(folder)
    box = (slice(3, 11), slice(20, 32))
    assert np.array_equal(opened.rgb(5, 20, box), opened.rgb(5, 20)[:, 3:11, 20:32])
    assert np.array_equal(opened.velocity(5, 20, box), opened.velocity(5, 20)[:, 3:11, 20:32])


def test_what_is_read_may_be_written_to(folder: Path) -> None:
    opened = store.read(folder)
    before = opened.rgb(0, 4)
    opened.rgb(0, 4)[:] = 0
    assert np.array_equal(opened.rgb(0, 4), before) and before.any()


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


NAMES = ("prepared.json", "roi.json", "segment-00000.pile")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_lacks_a_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FormatError, match="abc"):
        store.read(folder)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("left", [0.0, 0.5, 0.999])
def test_a_truncated_file_is_refused(folder: Path, name: str, left: float) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * left)])
    with pytest.raises(FormatError):
        store.read(folder)


def test_a_single_changed_bit_is_never_read_as_data(folder: Path) -> None:
    path = folder / "segment-00000.pile"
    whole, opened = path.read_bytes(), store.read(folder)
    for at in range(0, len(whole), len(whole) // 60):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert store.damaged(folder) == [path]
        with pytest.raises(FormatError, match=r"damaged|cut off"):
            found = store.read(folder)
            assert np.array_equal(found.rgb(0, N), opened.rgb(0, N))
            found.flow(0, N)
            assert len(found.centres) == N
            raise AssertionError("what was damaged has been read")
    path.write_bytes(whole)
    assert store.damaged(folder) == []


def test_the_first_version_is_refused_in_words(folder: Path) -> None:
    body = json.loads((folder / "prepared.json").read_text())
    del body["method"]["store"]
    (folder / "prepared.json").write_text(json.dumps(body))
    with pytest.raises(FormatError, match="version 1 of the store; this Topspin reads 2"):
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


def pictures(first: int, end: int) -> Iterator[store.Picture]:
    rgb, flow = arrays()
    steps = store.to_steps(flow)
    for k in range(first, end):
        yield rgb[k], steps[k], (k + 0.5, float("nan")), (k / 4, 1.0)


def writer(folder: Path) -> store.Writer:
    return store.Writer(folder, n=N, height=HEIGHT, width=WIDTH, segment=16)


def test_segments_may_be_written_in_any_order_and_are_kept(tmp_path: Path) -> None:
    for name, order in (("x", (2, 0, 1)), ("y", (0, 1, 2))):
        for number in order:
            going = writer(tmp_path / name)  # as after a kill
            assert number in going.missing
            with pytest.raises(FormatError, match=r"prepared\.json is missing"):
                store.read(tmp_path / name)
            going.add(number, pictures(number * 16, min(N, number * 16 + 16)))
        times = [k / 30 for k in range(N)]
        prepared = Prepared("k", "", WIDTH, HEIGHT, 30, {"segment": 16, "store": store.VERSION}, list(range(N)), times, [])
        assert writer(tmp_path / name).missing == []
        centres = going.finish(prepared)
        assert centres[:, 0].tolist() == [k + 0.5 for k in range(N)] and np.isnan(centres[:, 1]).all()
        assert prepared.flow_maxima[9] == (2.25, 1.0)
        middle = [0.5] * N
        going.seal(prepared, RoiTrack(WIDTH, HEIGHT, 20, prepared.ordinals, middle, middle, ["flow"] * N))
    opened = store.read(tmp_path / "x")
    assert np.abs(opened.rgb(10, 35).astype(int) - arrays()[0][10:35]).mean() < 1.5
    assert np.array_equal(opened.flow_steps(3, N), store.to_steps(arrays()[1])[3:])
    assert {p.name: p.read_bytes() for p in (tmp_path / "x").iterdir()} == {p.name: p.read_bytes() for p in (tmp_path / "y").iterdir()}


def test_a_segment_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    going = writer(tmp_path / "x")
    for wrong in (pictures(0, 15), pictures(0, 17)):
        with pytest.raises(ValueError, match="has 16 pictures"):
            going.add(0, wrong)
    with pytest.raises(ValueError, match="is due"):
        going.add(0, ((rgb[1:], *rest) for rgb, *rest in pictures(0, 16)))
    assert list((tmp_path / "x").iterdir()) == []
    with pytest.raises(ValueError, match="multiple"):
        store.Writer(tmp_path / "x", n=N, height=HEIGHT, width=WIDTH, segment=12)


def test_a_disk_too_small_is_known_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10 * HEIGHT * WIDTH)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="No space") as full:
        writer(tmp_path / "x")
    assert full.value.errno == errno.ENOSPC
    store.Writer(tmp_path / "x", n=8, height=HEIGHT, width=WIDTH, segment=16)


def test_a_fifth_of_the_published_bytes(tmp_path: Path) -> None:
    """Published: float32 flow and a PNG, 560 KiB a picture of 320 x 180."""
    random = np.random.default_rng(0)
    rgb = np.stack([cv2.GaussianBlur(random.integers(0, 256, (180, 320, 3)).astype(np.uint8), (0, 0), 2)] * 8)
    flow = np.zeros((8, 180, 320, 2), np.float32)
    flow[:, 40:140, 100:180] = cv2.GaussianBlur(random.normal(0, 9, (100, 80, 2)).astype(np.float32), (0, 0), 3)
    store.build(tmp_path / "x", rgb, flow, [k / 120 for k in range(8)], list(range(8)))
    assert (tmp_path / "x" / "segment-00000.pile").stat().st_size / 8 < 560 * 1024 / 5
