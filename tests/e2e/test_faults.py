"""Faults while somebody labels, a few of them: nothing lost, nothing doubled; and the proof that a loss would be seen.

The full run is `make soak-faults` (python -m benchmarks.faults --seeds 200).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from benchmarks.faults.__main__ import run
from benchmarks.faults.bench import Bench, bench

pytestmark = pytest.mark.browser
FEW = {"crash": 11, "two tabs": 30, "412": 9, "401": 43, "killed after the commit": 41, "disk fails": 16, "400": 8, "sleep": 3}


@pytest.fixture(scope="module")
def one(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("faults") / "data", browser) as made:
        yield made


@pytest.mark.parametrize("fault", FEW)
def test_nothing_is_lost(one: Bench, fault: str) -> None:
    (result,) = run(one, [FEW[fault]], fault=fault)
    assert not result.lost


def test_without_the_write_to_disk_a_loss_is_seen(one: Bench) -> None:
    assert all(result.lost for result in run(one, [0, 1], forgetful=True))
