"""How the papers decide, and their tables: ours filled in, theirs quoted.

Decisions on a stroke that is given: "no window": the window in its middle; "vote", "mean", "Gaussian": the majority, the mean and the Gaussian-weighted
mean of all windows that lie inside it (a stroke shorter than a window has one, in its middle). Detection: the curve smoothed by a
sliding vote, mean or Gaussian of 100 frames at 120 Hz, then runs of at least 30 such frames whose class is not Negative
(Martin et al., MMSports 2021, arXiv 2109.14306; MediaEval Sports Video overview 2022, arXiv 2301.13576).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore import decide, metrics, quoted, tables
from mlcore.decide import Curve, smooth, stretches
from mlcore.files import write_atomic
from mlcore.formats import Taxonomy
from mlcore.layouts import STROKE
from mlcore.metrics import Span
from mlcore.tables import Figure, Table, over_seeds

DECISIONS = {"no window": "centre", "vote": "vote", "mean": "mean", "Gaussian": "gaussian"}  # as the papers and as `decide.papers` call them
WINDOW_S, SHORTEST_S = 100 / 120, 30 / 120
Rows = Sequence[Mapping[str, Any]]


def choices(curve: Curve, window: int) -> dict[str, int]:
    """Class index by each decision for a stroke whose ticks are the rows of `curve` (n, classes); `window`: ticks of the network."""
    n = len(curve)
    first, last = round(window / 2), n - round(window / 2)
    inside = curve[first:last] if last - first > 1 else curve[n // 2 : n // 2 + 1]
    return {name: int(decide.papers(inside, rule).argmax()) for name, rule in DECISIONS.items()}


def strokes(curve: Curve, rate: float) -> dict[str, list[tuple[int, int]]]:
    """Detected [begin, end) in ticks by each decision, from the curve of a whole video at `rate` ticks a second."""
    shortest, span = max(1, round(SHORTEST_S * rate)), 2 * round(WINDOW_S * rate / 2) + 1  # odd: a centred window
    negative = curve.shape[1] - 1
    hard = np.eye(curve.shape[1], dtype=np.float32)[curve.argmax(1)]
    soft = {"no window": curve, "vote": sliding(hard, span), "mean": sliding(curve, span), "Gaussian": smooth(curve, span / 4)}
    return {name: stretches(one.argmax(1) != negative, 0, shortest) for name, one in soft.items()}


def sliding(curve: Curve, span: int) -> Curve:
    """Centred mean over `span` ticks (odd), the border values repeated, (n, classes)."""
    half = span // 2
    sums = np.cumsum(np.pad(curve.astype(np.float64), ((half + 1, half), (0, 0)), mode="edge"), 0)
    out: NDArray[np.float32] = ((sums[span:] - sums[:-span]) / span).astype(np.float32)
    return out


def fill(rows: Mapping[str, Rows], taxonomies: Mapping[str, Taxonomy], parts: Mapping[str, str], networks: Sequence[str], seeds: Sequence[int], year: int) -> list[Table]:
    """The tables of the papers; `rows` by "<task>-<network>-s<seed>" as `mlcore.reproduce` writes them."""

    def over(task: str, network: str, part: str, measure: Callable[[Rows], tuple[float, int]]) -> Figure | None:
        mine = [_usable([row for row in rows[f"{task}-{network}-s{seed}"] if row["part"] == part]) for seed in seeds]
        found = [measure(one) for one in mine if one]
        return over_seeds([value for value, _ in found], found[0][1]) if found else None

    out = []
    if "classification" in taxonomies:
        out += _classification(over, taxonomies["classification"], parts["classification"], networks, year)
    if "detection" in taxonomies:
        out.append(_detection(over, parts["detection"], networks, year))
    return out


Over = Callable[[str, str, str, Callable[[Rows], tuple[float, int]]], "Figure | None"]


def _usable(rows: Rows) -> Rows:
    """Given strokes without a label cannot be scored; nor can videos of a part in which nothing at all is marked."""
    return [row for row in rows if row.get("move", True)] if any(row.get("move") or row.get("truth") for row in rows) else []


def accuracy(decision: str, groups: Mapping[str, str] | None = None) -> Callable[[Rows], tuple[float, int]]:
    """(share of strokes whose class, or super-class in `groups`, is right; how many) of rows."""

    def measure(rows: Rows) -> tuple[float, int]:
        pairs = [(row["move"], row["choices"][decision]) for row in rows]
        hits = [groups[a] == groups[b] if groups else a == b for a, b in pairs]
        return sum(hits) / len(hits), len(hits)

    return measure


def scored(decision: str, name: str) -> Callable[[Rows], tuple[float, int]]:
    """(`name` of metrics.mediaeval22, 0: not a share of so many trials) of rows."""

    def measure(rows: Rows) -> tuple[float, int]:
        found = {row["video"]: [Span(a, b, STROKE) for a, b in row["found"][decision]] for row in rows}
        truth = {row["video"]: [Span(a, b, STROKE) for a, b in row["truth"]] for row in rows}
        return metrics.mediaeval22(found, truth)[name], 0

    return measure


def _classification(over: Over, taxonomy: Taxonomy, part: str, networks: Sequence[str], year: int) -> list[Table]:
    task = "classification"
    first = Table("Accuracy on the split (decision: mean)", ["network", "validation", "test"],
                  [[f"{n}, ours", *(_text(over(task, n, p, accuracy("mean"))) for p in ("validation", "test"))] for n in networks]
                  + [[f"{name}, published", _text(v), _text(t)] for name, _, v, t in quoted.SPLIT], published=len(quoted.SPLIT),
                  note="Published: MMSports 2021, table 1 (230 validation and 118 test strokes; † with attention). Comparable only on that very split.")  # fmt: skip
    second = Table(f"Accuracy by decision, {part} part", ["network", *DECISIONS],
                   [[f"{n}, ours", *(_text(over(task, n, part, accuracy(d))) for d in DECISIONS)] for n in networks]
                   + [[f"{name}, published", *map(_text, values)] for name, *values in quoted.DECISIONS], published=len(quoted.DECISIONS))  # fmt: skip
    groups = {name: dict(zip(taxonomy.classes, values)) for name, values in metrics.super_classes(taxonomy).items() if len(set(values)) > 2}
    others = quoted.CLIPS if year >= 2022 else quoted.CLIPS_21
    third = Table(f"Accuracy by super-class (decision: mean), {part} part", ["network", "overall", "hand", "type", "type and hand"],
                  [[f"{n}, ours", _text(over(task, n, part, accuracy("mean"))),
                    *(_text(over(task, n, part, accuracy("mean", groups[g]))) if g in groups else "–" for g in ("hand", "type", "both"))] for n in networks]
                  + [[f"{name}, published", *map(_text, values)] for name, *values in others], published=len(others))  # fmt: skip
    return [first, second, third]


def _detection(over: Over, part: str, networks: Sequence[str], year: int) -> Table:
    rows = []
    for n in networks:
        for decision in ("fitted", *DECISIONS):
            rows.append([f"{n}, {decision}, ours", *(_text(over("detection", n, part, scored(decision, name))) for name in ("global_iou", "map"))])
    others = quoted.DETECTION_22 if year >= 2022 else quoted.DETECTION_21
    return Table(f"Detection, {part} part", ["network and decision", "global IoU", "mAP"], rows + [[f"{name}, published", *map(_text, values)] for name, *values in others],
                 note="Ours by the official measure of 2022 and 2023 (no ranking by score). “fitted”: thresholds fitted on the validation part. "
                      "The measure of 2021 is another one.", published=len(others))  # fmt: skip


def _text(value: Figure | float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def write(out: Path, made: Sequence[Table], about: dict[str, Any]) -> None:
    """tables.json, tables.md and index.html in `out`."""
    title = f"TTStroke-21, layout of {about['layout']}: published figures and ours"
    measured = ", ".join(f"{task} on {part}" for task, part in about["measured_on"].items())
    notes = [f"Preset {about['preset']}, flow {about['flow']}, seeds {', '.join(map(str, about['seeds']))}. Measured: {measured}.",
             "Ours: mean over the seeds with its 95 % interval: Student's t over the seeds and, for accuracies, at least Wilson's over the strokes. "
             "Rows named “published” are quoted."]  # fmt: skip
    if about["clipped_intervals"]:
        notes.append(f"{about['clipped_intervals']} intervals ended after their video and were cut to it.")
    write_atomic(out / "tables.json", json.dumps({"format": "topspin-tables", "version": 1, **about, "tables": [t.body() for t in made]}, indent=1).encode())
    write_atomic(out / "tables.md", tables.markdown(title, made, notes).encode())
    write_atomic(out / "index.html", tables.page(title, made, notes).encode())
