"""`python -m mlcore.why PREPARED_DIR --frames F --run RUN_DIR --begin B --end E --move NAME --out STEM`: why a suggestion.

Of the windows centred inside [begin, end) the one that speaks most for the class, exactly as the network saw it: its moments
on the model's time grid, its crop around the region of interest, colour and flow as they entered, and where each branch
looked. Writes STEM.webp (a loop), STEM-still.webp and STEM.json (topspin-why), the last one last.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlcore import clips, explain, files, gallery, infer, limits, machine
from mlcore import store as stores
from mlcore.cache import OwnCache
from mlcore.clips import Pictures
from mlcore.files import FormatError
from mlcore.formats import FrameTable, Why
from mlcore.progress import Progress, StepError, run_step

TOP = 3


def why(*, prepared: Path, frames: FrameTable, run: Path, begin: int, end: int, move: str, out: Path, device: str = "auto",
        progress: Progress | None = None) -> Why:  # fmt: skip
    """Raises StepError: not_prepared, other_video, other_flow, those of `infer.load_model`; bad_interval{begin, end, n}."""
    if not 0 <= begin < end <= frames.n:
        raise StepError("bad_interval", begin=begin, end=end, n=frames.n)
    try:
        store = stores.read(prepared)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("not_prepared", video=prepared.name, found=str(error)) from error
    progress = progress or Progress("why")
    made, model = infer.load_model(run, infer.choose_device(device))
    infer.check_flow(model.flow, store)
    progress.at(0.3)
    seen = model.scan(store, frames.seconds(begin), frames.seconds(end), tell=lambda share: progress.at(0.3 + 0.3 * share))
    found = infer.softmax(seen.logits)
    target = model.classes.index(move) if move in model.classes else int(found.mean(0)[:-1].argmax())
    best = int(found[:, target].argmax())
    centre = float(seen.at[best]) / model.grid.rate
    pictures = Pictures(store, model.grid, OwnCache())
    inputs = dict(zip(("RGB", "Flow"), clips.clip(pictures, centre, model.normal)))
    heats = explain.gradcam(model.net, inputs, target, model.device) if {"RGB", "Flow"} >= set(model.net.streams) else {}
    progress.at(0.7)
    loop, still = gallery.input_loop(inputs, heats, model.grid.rate)
    order = np.argsort(-found[best])[:TOP]
    first, last = _range(store, pictures, centre)
    body = Why(run=made.id, move=model.classes[target], begin=first, end=last + 1, rate=model.grid.rate, pictures=model.grid.T,
               size=(model.grid.W, model.grid.H), top=[(model.classes[c], round(float(found[best, c]), 4)) for c in order],
               looked=sorted(heats))  # fmt: skip
    files.write_atomic(out.with_name(f"{out.name}.webp"), loop)
    files.write_atomic(out.with_name(f"{out.name}-still.webp"), still)
    body.write(out.with_name(f"{out.name}.json"))
    progress.at(1.0)
    return body


def _range(store: stores.Store, pictures: Pictures, centre: float) -> tuple[int, int]:
    """First and last source picture in the window around `centre` seconds."""
    grid = pictures.grid
    index, _ = pictures.near(centre + (np.arange(grid.T) - (grid.T - 1) / 2) / grid.rate)
    ordinals = np.asarray(store.prepared.ordinals)[pictures.kept[index]]
    return int(ordinals.min()), int(ordinals.max())


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.why", description=__doc__)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--begin", type=int, required=True)
    parser.add_argument("--end", type=int, required=True)
    parser.add_argument("--move", default="")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(arguments)
    limits.apply(files=1024)
    machine.keep_memory()
    try:
        frames = FrameTable.read(options.frames)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("not_prepared", video=options.frames.parent.name, found=str(error)) from error
    found = why(prepared=options.prepared, frames=frames, run=options.run, begin=options.begin, end=options.end, move=options.move,
                out=options.out, device=options.device)  # fmt: skip
    return {"begin": found.begin, "end": found.end, "move": found.move}


if __name__ == "__main__":
    raise SystemExit(run_step(main))
