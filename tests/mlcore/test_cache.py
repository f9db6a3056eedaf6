"""The clip cache gives what the archive gives, whoever filled it, whatever broke, and never takes more room than allowed."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from mlcore import cache, clips
from mlcore.cache import BLOCK, Cache, Shelf
from mlcore.clips import Grid, Normalisation, Pictures
from tests.mlcore import squares

N, SIZE = 40, (24, 16)
BLOCK_BYTES = BLOCK * 24 * 16 * 7


class Archive:
    """Makes pictures from their number, and counts what is asked of it."""

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.asked = seed, []

    def picture(self, index: int) -> cache.Pair:
        random = np.random.default_rng([self.seed, index])
        return random.integers(0, 256, (16, 24, 3)).astype(np.uint8), random.integers(-9999, 9999, (2, 16, 24)).astype(np.int16)

    def __call__(self, begin: int, end: int) -> cache.Pair:
        self.asked.append(begin // BLOCK)
        rgb, steps = zip(*map(self.picture, range(begin, end)))
        return np.stack(rgb), np.stack(steps)


def check(shelf: Shelf, archive: Archive, wanted: range = range(N)) -> None:
    for k in wanted:
        for found, expected in zip(shelf.at(k), archive.picture(k)):
            assert np.array_equal(found, expected)


def opened(folder: Path, name: str = "a", limit: int = 2**30, seed: int = 0) -> tuple[Shelf, Archive]:
    archive = Archive(seed)
    return Cache(folder, limit).shelf(name, N, SIZE, archive), archive


def test_a_block_is_made_once_for_all_that_come_later(tmp_path: Path) -> None:
    first, made = opened(tmp_path)
    check(first, made, range(16, 20))
    assert made.asked == [1]
    check(first, made)
    second, again = opened(tmp_path)
    check(second, again)
    assert (made.asked, again.asked) == ([1, 0, 2], [])
    other, own = opened(tmp_path, "b", seed=1)
    check(other, own)
    assert own.asked == [0, 1, 2]


def test_what_another_process_fills_meanwhile_is_seen(tmp_path: Path) -> None:
    (first, made), (second, again) = opened(tmp_path), opened(tmp_path)
    check(first, made, range(16))
    check(second, again, range(16))
    assert again.asked == []


def test_a_torn_block_is_made_again(tmp_path: Path) -> None:
    check(*opened(tmp_path))
    path = tmp_path / "a.shelf"
    whole = path.read_bytes()
    for at in (5, 4096 + 100, 4096 + BLOCK_BYTES - 1, 4096 + BLOCK_BYTES + 7):  # the table, both kinds of data, another block
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        shelf, archive = opened(tmp_path)
        check(shelf, archive)
        assert archive.asked == [1 if at > 4096 + BLOCK_BYTES else 0]
        assert path.read_bytes() == whole
    path.write_bytes(whole[: 4096 + BLOCK_BYTES + 50])  # as a power cut may leave it
    shelf, archive = opened(tmp_path)
    check(shelf, archive)
    assert archive.asked == [1, 2]


def test_the_limit_removes_the_longest_unused_and_never_what_is_held(tmp_path: Path) -> None:
    for age, name in ((30, "a"), (10, "b"), (20, "c")):
        check(*opened(tmp_path, name, seed=ord(name)))
        os.utime(tmp_path / f"{name}.shelf", (1e9 - age, 1e9 - age))
    one = Cache(tmp_path, 0).bytes // 3
    held, archive = opened(tmp_path, "a", seed=ord("a"))  # used again: now the youngest
    check(held, archive)
    fresh, made = opened(tmp_path, "d", limit=3 * one + 4096, seed=4)
    check(fresh, made)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.shelf", "b.shelf", "d.shelf"]
    tight, last = opened(tmp_path, "e", limit=2 * one, seed=5)  # a and d are held: nothing for e once b is gone
    check(tight, last)
    check(tight, last)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.shelf", "d.shelf", "e.shelf"]
    assert Cache(tmp_path, 0).bytes <= 2 * one + 8192
    check(held, archive)
    assert archive.asked == []


def test_what_finds_no_room_is_remembered_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, archive = opened(tmp_path, limit=0)
    check(shelf, archive)
    assert archive.asked == [0, 1, 2]
    monkeypatch.setattr(cache, "RECENT_BYTES", 2 * BLOCK_BYTES)
    small, again = opened(tmp_path, limit=0)
    for k in (0, 1, 16, 2, 32, 3, 17):
        check(small, again, range(k, k + 1))
    assert again.asked == [0, 1, 2, 1]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["pwrite", "ftruncate"])
def test_a_full_disk_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str) -> None:
    def full(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        shelf, archive = opened(tmp_path)
        check(shelf, archive)
    check(*opened(tmp_path))


def test_a_folder_that_is_emptied_under_way_does_no_harm(tmp_path: Path) -> None:
    shelf, archive = opened(tmp_path)
    check(shelf, archive, range(16))
    (tmp_path / "a.shelf").unlink()
    other, again = opened(tmp_path)
    check(other, again, range(16, 32))
    check(shelf, archive)
    check(other, again)


def fill(folder: Path, seed: int, failed: object) -> None:
    try:
        for k in np.random.default_rng(seed).permutation(60).tolist():
            shelf, archive = opened(folder, f"v{k % 3}", limit=2 * 4 * BLOCK_BYTES, seed=k % 3)
            check(shelf, archive, range((k * 7) % N, min(N, (k * 7) % N + 10)))
    except BaseException:
        failed.set()  # type: ignore[attr-defined]
        raise


def test_processes_that_fill_and_evict_at_once_all_see_the_truth(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    failed = context.Event()
    crowd = [context.Process(target=fill, args=(tmp_path, seed, failed)) for seed in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(60)
    assert [one.exitcode for one in crowd] == [0] * 4
    assert not failed.is_set()
    assert Cache(tmp_path, 0).bytes <= 2 * 4 * BLOCK_BYTES + 3 * 8192


def test_a_cache_is_sent_to_a_worker_as_its_folder_and_limit(tmp_path: Path) -> None:
    sent = pickle.loads(pickle.dumps(Cache(tmp_path, 7)))  # noqa: S301
    assert (sent.folder, sent.limit) == (tmp_path, 7)


def test_a_clip_out_of_the_cache_is_the_clip_out_of_the_archive(tmp_path: Path) -> None:
    made, truth = squares.build(tmp_path / "s", ["Right", "Up"])
    grid, unit = Grid(30.0, 8, 32, 32), Normalisation((10.0, 10.0), (0.0, 0.0))
    without = Pictures(made, grid, Cache(tmp_path / "none", 0))
    at = (truth[0].begin + truth[0].end) / 60
    expected = clips.clip(without, at, unit)
    for _ in range(2):
        found = clips.clip(Pictures(made, grid, Cache(tmp_path / "c", 2**24)), at, unit)
        assert all(np.array_equal(a, b) for a, b in zip(found, expected))
    assert found[1].any() and len(list((tmp_path / "c").glob("*.shelf"))) == 1


def test_another_size_rate_or_video_has_a_shelf_of_its_own(tmp_path: Path) -> None:
    shared = Cache(tmp_path / "c", 2**24)
    names = set()
    for seed, grid in ((0, Grid(30.0, 8, 32, 32)), (0, Grid(30.0, 9, 32, 32)), (0, Grid(30.0, 8, 24, 24)), (0, Grid(10.0, 8, 32, 32)),
                       (1, Grid(30.0, 8, 32, 32))):  # fmt: skip
        made, _ = squares.build(tmp_path / f"s{seed}", ["Right", "Up", "Down"][seed:])
        names.add(Pictures(made, grid, shared).shelf.name)
    assert len(names) == 4  # the number of ticks does not matter
