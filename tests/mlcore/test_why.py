"""Why a suggestion: the window that speaks most for its class, as the network saw it; and the class curve of a whole video."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlcore import clips, infer, why
from mlcore.cache import OwnCache
from mlcore.clips import Pictures
from mlcore.files import FormatError
from mlcore.formats import Curves, FrameTable, Why
from mlcore.progress import StepError
from tests.mlcore import squares
from tests.mlcore.test_infer import NAMES, run_folder


@pytest.fixture
def made(tmp_path: Path) -> tuple[Any, FrameTable, Path]:
    store, _ = squares.build(tmp_path / "s", ["Right", "Left"])
    table = FrameTable("s", 0, "h264", 48, 48, 0, (1, 30), list(range(store.n)), [0])
    return store, table, run_folder(tmp_path, dict(store.prepared.method))


def test_the_clip_is_the_window_that_speaks_most_for_the_class(made: tuple[Any, FrameTable, Path], tmp_path: Path) -> None:
    store, table, run = made
    out = tmp_path / "why" / "one"
    found = why.why(prepared=store.folder, frames=table, run=run, begin=10, end=40, move="Right", out=out, device="cpu")
    assert Why.read(out.with_name("one.json")) == found
    assert 0 <= found.begin < found.end <= table.n and found.move == "Right" and len(found.top) == 3
    assert (found.begin + found.end) / 2 == pytest.approx(25, abs=found.rate), "centred inside the suggestion"

    # By hand: every window centred in the suggestion, one by one.
    _, model = infer.load_model(run)
    seen = model.scan(store, table.seconds(10), table.seconds(40))
    p = infer.softmax(seen.logits)[:, NAMES.index("Right")]
    best = float(seen.at[int(p.argmax())]) / model.grid.rate
    assert dict(found.top)[found.top[0][0]] == pytest.approx(float(infer.softmax(seen.logits)[int(p.argmax())].max()), abs=1e-4)
    rgb, _ = clips.clip(Pictures(store, model.grid, OwnCache()), best, model.normal)
    with Image.open(io.BytesIO(out.with_name("one.webp").read_bytes())) as loop:
        assert loop.n_frames >= min(model.grid.T, 2)
        grow = max(1, round(140 / model.grid.W))
        shown = np.asarray(loop.convert("RGB"))[: model.grid.H * grow, : model.grid.W * grow]
        first = np.kron(np.rint(255 * rgb[:, 0].transpose(1, 2, 0)), np.ones((grow, grow, 1)))
        assert np.abs(shown - first).mean() < 12, "the loop begins with the first picture of that window"
    assert out.with_name("one-still.webp").stat().st_size > 0


def test_what_cannot_be_shown_is_refused(made: tuple[Any, FrameTable, Path], tmp_path: Path) -> None:
    store, table, run = made
    for begin, end in ((5, 5), (0, table.n + 1), (-1, 4)):
        with pytest.raises(StepError, match="bad_interval"):
            why.why(prepared=store.folder, frames=table, run=run, begin=begin, end=end, move="Right", out=tmp_path / "x")
    with pytest.raises(StepError, match="not_prepared"):
        why.why(prepared=tmp_path / "none", frames=table, run=run, begin=0, end=9, move="Right", out=tmp_path / "x")
    assert not list(tmp_path.glob("x*"))


def test_inference_writes_the_curves_it_decided_by(made: tuple[Any, FrameTable, Path], tmp_path: Path) -> None:
    store, table, run = made
    infer.infer(prepared=store.folder, frames=table, run=run, out=tmp_path / "s.json", curves=tmp_path / "curves.json", device="cpu")
    curves = Curves.read(tmp_path / "curves.json")
    _, model = infer.load_model(run)
    curve = model.curve(store)
    step = round(model.grid.rate / curves.rate)
    values = np.array([list(row) for row in curves.rows]) / 255
    assert curves.classes == NAMES and curves.rate <= infer.CURVES_HZ + 1e-9
    assert np.allclose(values, curve[::step], atol=0.5 / 255 + 1e-6)


def test_curves_that_are_none_are_refused() -> None:
    with pytest.raises(FormatError, match="base64"):
        Curves("r", 0, 25, ["a", "b"], "%%%")
    with pytest.raises(FormatError, match="do not make"):
        Curves("r", 0, 25, ["a", "b"], "AAAA")
