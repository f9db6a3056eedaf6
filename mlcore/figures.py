"""All figures of one model on some labelled stretches, each with its interval over videos, as JSON.

`everything` is what a report shows (report.json); `evidence` is what the registry judges a run by (metrics.unseen). An interval is
[value, low, high], 95 %, low and high null where fewer than two videos were seen. Detection means intervals that the model found;
a *given* interval is one that an expert marked, so that only its class is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore import bootstrap, calibration, decide, metrics
from mlcore.dataset import Film
from mlcore.dataset import Span as Label
from mlcore.evaluate import Given, Seen
from mlcore.formats import Taxonomy
from mlcore.metrics import Span, Videos, video_of

Floats = NDArray[np.float64]
RULES = ("centre", "vote", "mean", "gaussian")  # of `decide.papers`


def negatives(seen: Seen, films: Sequence[Film]) -> dict[str, list[Span]]:
    """What was marked Negative or rejected, by stretch, in seconds."""
    out: dict[str, list[Span]] = {}
    for stretch, _, span in labelled(seen, films):
        if span.allowed == (len(seen.classes) - 1,):
            out.setdefault(stretch, []).append(Span(span.begin, span.end, seen.classes[-1]))
    return out


def labelled(seen: Seen, films: Sequence[Film]) -> list[tuple[str, Film, Label]]:
    """(stretch, film, label) of all labels whose centre lies between the first and the last tick of a stretch."""
    out = []
    for stretch, strip in seen.strips.items():
        film, begin = films[int(video_of(stretch))], strip.start - 0.5 / strip.rate
        out += [(stretch, film, s) for s in film.spans if begin <= s.centre < begin + len(strip.curve) / strip.rate]
    return out


def groups(taxonomy: Taxonomy) -> dict[str, list[str]]:
    """{"class", "type", "hand", "both"}: the name of each class at that level; levels that the taxonomy does not have are left out."""
    levels = {name: found for name, found in metrics.super_classes(taxonomy).items() if len(set(found)) > 2}
    return {"class": taxonomy.classes, **levels}


def level(found: Videos, truths: Videos, taxonomy: Taxonomy, names: Sequence[str]) -> list[dict[str, Any]]:
    """Counts, recall and F1 with intervals of each group of classes that was marked or proposed, in the order of the classes."""
    to = dict(zip(taxonomy.classes, names))
    mine, real = metrics.renamed(found, to), metrics.renamed(truths, to)
    order = list(dict.fromkeys(names))
    stretches = sorted({*mine, *real})
    videos: dict[str, dict[str, metrics.Counts]] = {}
    for video in sorted({video_of(s) for s in stretches}):
        part = [s for s in stretches if video_of(s) == video]
        videos[video] = metrics.per_class({s: mine.get(s, ()) for s in part}, {s: real.get(s, ()) for s in part}, order)
    none = {"found": 0, "predicted": 0, "truth": 0}
    rows = []
    for name in order:
        counts = bootstrap.rows({video: found.get(name, none) for video, found in videos.items()})
        total = dict(zip(none, counts.sum(0).astype(int).tolist()))
        if total["predicted"] or total["truth"]:
            recall = bootstrap.interval(counts[:, [0, 2]], bootstrap.share) if total["truth"] else None
            rows.append({"name": name, **total, "recall": recall, "f1": bootstrap.interval(counts)})
    return rows


def detection(found: Videos, ranked: Videos, truths: Videos, fps: float) -> dict[str, Any]:
    """F1 by tIoU with and without class, mAP, the official figures, segmental ones and edge errors; times in seconds, `fps` frames each.
    `ranked`: `found` with what lies below the threshold, which only mAP looks at."""
    def whole(videos: Videos) -> dict[str, list[Span]]:
        return {name: [Span(round(s.begin * fps), round(s.end * fps), s.move, s.score) for s in spans] for name, spans in videos.items()}

    frames, real = whole(found), whole(truths)
    return {
        "strokes": sum(map(len, truths.values())), "proposals": sum(map(len, found.values())), "videos": len({video_of(s) for s in truths}),
        "f1": f1_interval(found, truths, True), "f1_any": f1_interval(found, truths, False), "map": map_interval(ranked, truths),
        "by_tiou": [{"tiou": th, "map": ap, **{k: metrics.f1(found, truths, th)[k] for k in ("precision", "recall", "f1")},
                     "f1_any": metrics.f1(found, truths, th, False)["f1"]} for th, ap in metrics.map_by_threshold(ranked, truths).items()],
        "mediaeval22": metrics.mediaeval22(frames, real), "mediaeval21": metrics.mediaeval21(frames, real),
        "segmental": metrics.segmental(found, truths), "edges": metrics.edge_errors(frames, real, fps), "edges_ms": edge_intervals(found, truths),
    }  # fmt: skip


def f1_interval(found: Videos, truths: Videos, with_class: bool) -> bootstrap.Interval:
    """F1 at tIoU 0.5."""
    return bootstrap.interval(bootstrap.rows(metrics.per_video(found, truths, with_class=with_class)))


def edge_intervals(found: Videos, truths: Videos) -> dict[str, bootstrap.Interval]:
    """Median absolute error of begin and end in ms, of proposals on strokes of their class."""
    by_video: dict[str, list[dict[str, Floats]]] = {}
    for stretch in sorted(found):
        by_video.setdefault(video_of(stretch), []).append(metrics.edges({stretch: found[stretch]}, truths))
    out = {}
    for edge in ("begin", "end"):
        errors = [np.concatenate([1000 * np.abs(part[edge]) for part in parts]) for parts in by_video.values()]
        errors = [e for e in errors if e.size]
        if errors:
            out[edge] = bootstrap.pooled(errors, lambda values: float(np.median(values)))
    return out


def map_interval(found: Videos, truths: Videos, draws: int = 1000, seed: int = 0) -> bootstrap.Interval:
    """mAP over .50:.05:.95. In a draw a video counts as often as it was drawn; classes not in the draw are left out of its mean."""
    value, videos = metrics.mean_average_precision(found, truths), sorted({video_of(s) for s in {*found, *truths}})
    moves = sorted({t.move for real in truths.values() for t in real})
    if len(videos) < 2 or not moves:
        return bootstrap.Interval(value, float("nan"), float("nan"))
    times, place = bootstrap.drawn(len(videos), draws, seed), {video: i for i, video in enumerate(videos)}
    sums, counted = np.zeros(draws), np.zeros(draws)
    for move in moves:
        mine = {s: [p for p in spans if p.move == move] for s, spans in found.items()}
        real = {s: [t for t in spans if t.move == move] for s, spans in truths.items()}
        total = times @ np.bincount([place[video_of(s)] for s, spans in real.items() for _ in spans], minlength=len(videos))
        ranked = sorted(((-p.score, s, i) for s, spans in mine.items() for i, p in enumerate(spans)))
        weight = times[:, [place[video_of(s)] for _, s, _ in ranked]] if ranked else np.zeros((draws, 0))
        counted += total > 0
        for threshold in metrics.THRESHOLDS:
            taken = {s: metrics.match(spans, real.get(s, ()), threshold) for s, spans in mine.items()}
            hits = weight * np.array([taken[s][i] is not None for _, s, i in ranked], bool)
            precision = np.cumsum(hits, 1) / np.maximum(np.cumsum(weight, 1), 1)
            precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
            sums += (precision * hits).sum(1) / np.maximum(total, 1) / len(metrics.THRESHOLDS)
    low, high = np.percentile(sums[counted > 0] / counted[counted > 0], (2.5, 97.5))
    return bootstrap.Interval(value, float(low), float(high))


def classification(intervals: Sequence[Given], taxonomy: Taxonomy) -> dict[str, Any]:
    """Given intervals: accuracy and balanced accuracy with intervals, confusion matrices of every level, recalls, the papers' rules."""
    truth, guess = [g.move for g in intervals], [int(g.p.argmax()) for g in intervals]
    videos = sorted({video_of(g.name) for g in intervals})
    per = np.zeros((len(videos), len(taxonomy.classes), 2))
    for g, k in zip(intervals, guess):
        per[videos.index(video_of(g.name)), g.move] += (k == g.move, 1)

    def balanced(sums: Floats) -> Floats:
        split = sums.reshape(*sums.shape[:-1], -1, 2)
        seen = split[..., 1] > 0
        return np.asarray((bootstrap.share(split) * seen).sum(-1) / np.maximum(seen.sum(-1), 1))

    matrices = {}
    for name, names in groups(taxonomy).items():
        order = list(dict.fromkeys(names))
        at = [order.index(n) for n in names]
        matrices[name] = {"names": order, "matrix": metrics.confusion([at[t] for t in truth], [at[k] for k in guess], len(order)).tolist()}
    return {"n": len(intervals), "accuracy": bootstrap.interval(per.sum(1), bootstrap.share),
            "balanced_accuracy": bootstrap.interval(per.reshape(len(videos), 2 * len(taxonomy.classes)), balanced), "matrices": matrices,
            "super": {name: float(np.trace(m["matrix"]) / max(1, len(intervals))) for name, m in matrices.items() if name != "class"},
            "recalls": {taxonomy.classes[c]: [int(h), int(n)] for c, (h, n) in enumerate(per.sum(0)) if n}, "rules": rules(intervals)}  # fmt: skip


def rules(intervals: Sequence[Given]) -> dict[str, float]:
    """Accuracy on given intervals by each rule of the papers (`decide.papers`), and as this model decides."""
    if not intervals:
        return {}
    ways = {rule: [int(decide.papers(g.windows, rule).argmax()) == g.move for g in intervals] for rule in RULES}
    return {rule: float(np.mean(hits)) for rule, hits in {**ways, "here": [int(g.p.argmax()) == g.move for g in intervals]}.items()}


def calibrated(intervals: Sequence[Given], temperature: float, found: Videos, truths: Videos) -> dict[str, Any]:
    """Calibration of given intervals (their classes at `temperature`), and of proposals: is a proposal of score 0.8 right, in time and
    class, four times in five? `raw_ece`: of given intervals without the temperature; `best_temperature`: that would suit these ones."""
    p, truth = np.array([g.p for g in intervals]), [g.move for g in intervals]
    scores, hits = [], []
    for stretch, mine in found.items():
        scores += [s.score for s in mine]
        hits += [k is not None for k in metrics.match(mine, truths.get(stretch, ()))]
    sure, right = calibration.decisions(calibration.scaled(p, temperature) if truth else p, truth)
    return {"given": calibration.summary(sure, right), "proposals": calibration.summary(scores, hits), "temperature": temperature,
            "raw_ece": calibration.ece(*calibration.decisions(p, truth)), "best_temperature": calibration.temperature(p, truth)}  # fmt: skip


def everything(seen: Seen, found: Videos, films: Sequence[Film], taxonomy: Taxonomy, fps: float, *, others: Mapping[str, Videos],
               ranked: Videos | None = None, temperature: float = 1.0) -> dict[str, Any]:  # fmt: skip
    """All figures of what one model `found` on `seen`. `others`: what other ways to decide found on the same stretches (motion alone, other
    settings, another model); `ranked`: with what lies below the threshold; `temperature`: of its class probabilities."""
    table = {"this model": found, **others}
    return {
        "detection": detection(found, found if ranked is None else ranked, seen.truths, fps),
        "levels": {name: level(found, seen.truths, taxonomy, names) for name, names in groups(taxonomy).items()},
        "classification": classification(seen.given, taxonomy),
        "calibration": calibrated(seen.given, temperature, found, seen.truths),
        "false": metrics.taken_for_strokes(found, negatives(seen, films)),
        "compared": {name: {"f1": f1_interval(v, seen.truths, True), "f1_any": f1_interval(v, seen.truths, False)} for name, v in table.items()},
    }


@dataclass(frozen=True)
class Answer:
    """What one contestant says about the stretches of a comparison; motion alone has nothing to say about given intervals."""

    found: Videos
    intervals: Sequence[Given] = ()
    temperature: float = 1.0


def evidence(truths: Videos, none: Videos, classes: Sequence[str], *, model: Answer, baseline: Answer, champion: Answer | None) -> dict[str, Any]:
    """What the registry compares, to be joined with metrics.unseen. Stretches have the same names in all answers and in `truths`
    (strokes) and `none` (labelled Negative or rejected); both models answer the same given intervals.

    {"videos": {video: {"model": counts, "baseline": counts, "champion": counts | null}}, "classes": {who: {class: counts}},
    "ece": {who: number | null}, "floor": ..., "decisions": n, "false": {who: [hits, n]}, "interval": {"f1": [v, low, high], "f1_any"}};
    counts are {"found", "predicted", "truth"} at tIoU 0.5 with the class.
    """
    answers = {"model": model, "champion": champion}
    present = {who: answer for who, answer in answers.items() if answer is not None}
    counts = {who: metrics.per_video({s: a.found.get(s, ()) for s in truths}, truths) for who, a in {**present, "baseline": baseline}.items()}
    summaries = {who: calibrated(a.intervals, a.temperature, a.found, truths)["given"] for who, a in present.items()}
    return {
        "videos": {video: {who: counts[who][video] if who in counts else None for who in ("model", "baseline", "champion")} for video in counts["model"]},
        "classes": {who: metrics.per_class(a.found, truths, classes[:-1]) if a else None for who, a in answers.items()},
        "ece": {who: summaries[who]["ece"] if who in summaries else None for who in answers},
        "floor": summaries["model"]["floor"], "decisions": summaries["model"]["n"],
        "false": {who: list(metrics.taken_for_strokes(a.found, none)) if a else None for who, a in answers.items()},
        "interval": {"f1": plain(f1_interval(model.found, truths, True)), "f1_any": plain(f1_interval(model.found, truths, False))},
    }  # fmt: skip


def plain(value: Any) -> Any:
    """`value` as JSON holds it: tuples become lists, numpy numbers plain ones, NaN and infinity null."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
