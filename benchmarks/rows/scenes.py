"""The published recipe against ours on drawn scenes split by player, over seeds (`benchmarks.recipes`), and how honest our scores are."""

from __future__ import annotations

from pathlib import Path

from benchmarks import recipes
from benchmarks.measuring import Bench, Line, Row

SEEDS, BUDGET_S = 5, 100.0
# what can be told without seeing motion (docs/experiments.md, "The scenes' controls"; `make scenes` measures them)
CONTROLS = "one picture 0.207, true joints of one picture 0.263, of all pictures in no order 0.345, in order 0.996"


def kept(bench: Bench) -> Path:
    """A campaign takes most of an hour; its cells are kept and gone on with."""
    return bench.pick(Path("data/benchmarks/recipes"), bench.folder / "recipes")


def compared(bench: Bench) -> list[Line]:
    """Balanced accuracy and mAP of both recipes at the same processor time, and of one seed at eight times as much."""
    out = kept(bench)
    recipes.campaign(out, bench.pick(SEEDS, 1), bench.pick(BUDGET_S, 4.0))
    body = recipes.summary(out)
    sides, lines = body["sides"], []
    for length in ("equal", "long"):
        mine = sides[f"ours-{length}"]
        for other in [name for name in (f"published-{length}", "published-tuned") if name in sides and not (length == "long" and name.endswith("tuned"))]:
            theirs, words = sides[other], {"published-tuned": "the published recipe at its own best learning rate"}.get(other, "the published recipe")
            time = f"{mine['seconds'][0]:.0f} s, {mine['epochs'][0]:.0f} epochs; {theirs['seconds'][0]:.0f} s, {theirs['epochs'][0]:.0f} epochs; {theirs['seeds']} seeds"
            for key, least, claim in (("accuracy", 1.0, "balanced accuracy of given intervals"), ("map", 1.5, "detection mAP@[.5:.95]")):
                ratio = mine[key][0] / max(theirs[key][0], 1e-9)
                lines.append(Line.at_least(f"{claim}, ours / {words} ({length}: {time})", [min(ratio, 1e3)], least, ours=said(mine[key]), other=said(theirs[key])))
    rates = ", ".join(f"{lr}: {loss:.2f}" for lr, loss in body["rates"].items())
    lines.append(Line.reported("learning rate of the published recipe with the least validation loss", float(min(body["rates"], key=body["rates"].get)), "", other=rates))
    lines.append(Line.reported("the scenes' controls: balanced accuracy without motion", 0.345, "", other=CONTROLS))
    c = body["calibration"]
    if c["ece"] is not None:
        lines.append(Line.at_most(f"calibration error over {c['n']} decisions, all seeds", c["ece"], c["floor"] + 0.03, "", other=f"a perfect model shows {c['floor']:.3f} by chance"))
    return lines


def said(value: tuple[float, float, float]) -> str:
    mean, low, high = value
    return f"{mean:.3f} ({low:.3f} to {high:.3f})" if low == low else f"{mean:.3f}"


ROWS = [Row("scenes", "on scenes split by player ours at least as accurate as the published recipe, mAP at least 1.5 times", compared)]
