"""How good suggestions are: intervals against intervals, classes against classes, edges in frames and milliseconds.

Detection is given as lists of intervals per video, half-open [begin, end) in any one unit. `f1` and `average_precision` rank by
score; `mediaeval22` is the official script of the 2022 and 2023 tasks (greedy in file order, no ranking, one prediction may
take several truths, "mAP" = mean of precision x recall), bit-compatible except that 0/0 is 0 and not NaN; `mediaeval21` is what
the task of 2021 made of the same counts. `edit_score` and `segmental` follow the temporal segmentation papers. Counts by video
(`per_video`) and by class (`per_class`) add up, so that `bootstrap` never matches again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore.formats import NEGATIVE, Taxonomy

THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))


@dataclass(frozen=True)
class Span:
    """An interval of one video with its class; `score` matters for predictions only."""

    begin: float
    end: float
    move: str
    score: float = 1.0


Videos = Mapping[str, Sequence[Span]]


def tiou(a: Span, b: Span) -> float:
    """Temporal intersection over union, 0 for empty intervals."""
    inside = min(a.end, b.end) - max(a.begin, b.begin)
    union = max(a.end, b.end) - min(a.begin, b.begin)
    return inside / union if inside > 0 and union > 0 else 0.0


def match(predictions: Sequence[Span], truths: Sequence[Span], threshold: float = 0.5, with_class: bool = True) -> list[int | None]:
    """For each prediction the index of its truth, or None. The highest score chooses first and takes the free truth with the
    greatest overlap; each truth is taken once."""
    out: list[int | None] = [None] * len(predictions)
    taken: set[int] = set()
    for i in sorted(range(len(predictions)), key=lambda i: (-predictions[i].score, predictions[i].begin)):
        best, best_overlap = None, threshold
        for k, truth in enumerate(truths):
            if k in taken or (with_class and truth.move != predictions[i].move):
                continue
            overlap = tiou(predictions[i], truth)
            if overlap >= best_overlap and (best is None or overlap > best_overlap):
                best, best_overlap = k, overlap
        if best is not None:
            out[i] = best
            taken.add(best)
    return out


def f1(predictions: Videos, truths: Videos, threshold: float = 0.5, with_class: bool = True) -> dict[str, float]:
    """{"f1", "precision", "recall", "found", "predicted", "truth"} pooled over all videos; no prediction and no truth is 0."""
    found = predicted = total = 0
    for video in sorted({*predictions, *truths}):
        mine, real = predictions.get(video, ()), truths.get(video, ())
        found += sum(k is not None for k in match(mine, real, threshold, with_class))
        predicted, total = predicted + len(mine), total + len(real)
    precision, recall = found / predicted if predicted else 0.0, found / total if total else 0.0
    score = 2 * found / (predicted + total) if predicted + total else 0.0
    return {"f1": score, "precision": precision, "recall": recall, "found": found, "predicted": predicted, "truth": total}


def average_precision(predictions: Videos, truths: Videos, move: str, threshold: float) -> float | None:
    """Area under the score-ranked precision-recall curve of one class, precision made monotonous (all points); None without truth."""
    rows: list[tuple[float, bool]] = []
    total = 0
    for video in sorted({*predictions, *truths}):
        mine = [p for p in predictions.get(video, ()) if p.move == move]
        real = [t for t in truths.get(video, ()) if t.move == move]
        total += len(real)
        rows += [(p.score, k is not None) for p, k in zip(mine, match(mine, real, threshold))]
    if not total:
        return None
    if not rows:
        return 0.0
    hits = np.array([hit for _, hit in sorted(rows, key=lambda row: -row[0])])
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * hits).sum() / total)


def mean_average_precision(predictions: Videos, truths: Videos, thresholds: Sequence[float] = THRESHOLDS) -> float:
    """Mean over classes that occur in the truth and over thresholds (.50:.05:.95)."""
    moves = sorted({t.move for real in truths.values() for t in real})
    values = [average_precision(predictions, truths, move, th) for move in moves for th in thresholds]
    return float(np.mean([v for v in values if v is not None])) if moves else 0.0


def map_by_threshold(predictions: Videos, truths: Videos, thresholds: Sequence[float] = THRESHOLDS) -> dict[float, float]:
    """mAP at each temporal IoU alone; their mean is `mean_average_precision`."""
    return {threshold: mean_average_precision(predictions, truths, (threshold,)) for threshold in thresholds}


def official_counts(predictions: Videos, truths: Videos, threshold: float) -> tuple[float, float]:
    """(precision, recall) as the official scripts count: classes are ignored, predictions go in the order given."""
    tp = fp = fn = 0
    for video in {*predictions, *truths}:
        real = truths.get(video, ())
        taken = [False] * len(real)
        for prediction in predictions.get(video, ()):
            hit = False
            for k, truth in enumerate(real):
                if not taken[k] and tiou(prediction, truth) >= threshold:
                    taken[k] = hit = True
                    tp += 1
            fp += not hit
        fn += taken.count(False)
    return (tp / (tp + fp) if tp + fp else 0.0), (tp / (tp + fn) if tp + fn else 0.0)


def mediaeval22(predictions: Videos, truths: Videos) -> dict[str, float]:
    """{"map", "global_iou"} of the official script of 2022 and 2023."""
    products = [precision * recall for precision, recall in (official_counts(predictions, truths, th) for th in THRESHOLDS)]
    return {"map": float(np.mean(products)), "global_iou": global_iou(predictions, truths)}


def mediaeval21(predictions: Videos, truths: Videos) -> dict[str, float]:
    """{"map", "global_iou"} of the task of 2021. Its curve has one point per temporal IoU threshold, not per score: the sum, in
    the order of recall from 0 on, of the greatest precision at this recall or a higher one times the gain in recall. Not comparable with
    `mediaeval22`."""
    points = sorted((recall, precision) for precision, recall in (official_counts(predictions, truths, th) for th in THRESHOLDS))
    recalls = np.array([0.0] + [recall for recall, _ in points])
    envelope = np.maximum.accumulate(np.array([precision for _, precision in points])[::-1])[::-1]
    return {"map": float((np.diff(recalls) * envelope).sum()), "global_iou": global_iou(predictions, truths)}


def global_iou(predictions: Videos, truths: Videos) -> float:
    """|gt AND predicted| / |gt OR predicted| over the per-frame vectors of all videos; frames are whole numbers."""
    both = either = 0
    for video in {*predictions, *truths}:
        spans = [*predictions.get(video, ()), *truths.get(video, ())]
        n = int(max((s.end for s in spans), default=0))
        a, b = np.zeros(n, bool), np.zeros(n, bool)
        for vector, found in ((a, predictions.get(video, ())), (b, truths.get(video, ()))):
            for s in found:
                vector[int(s.begin) : int(s.end)] = True
        both, either = both + int((a & b).sum()), either + int((a | b).sum())
    return both / either if either else 0.0


def edges(predictions: Videos, truths: Videos, threshold: float = 0.5, with_class: bool = True) -> dict[str, NDArray[np.float64]]:
    """Signed errors (prediction minus truth) of matched intervals: {"begin": (n,), "end": (n,)} in the unit given."""
    begin, end = [], []
    for video in sorted(predictions):
        real = truths.get(video, ())
        for prediction, k in zip(predictions[video], match(predictions[video], real, threshold, with_class)):
            if k is not None:
                begin.append(prediction.begin - real[k].begin)
                end.append(prediction.end - real[k].end)
    return {"begin": np.array(begin, np.float64), "end": np.array(end, np.float64)}


def edge_errors(predictions: Videos, truths: Videos, fps: float) -> dict[str, float]:
    """Median and 90th percentile of absolute edge errors, `fps` frames a second: {"begin_frames", "begin_ms", "end_frames", ...}."""
    out = {}
    for name, error in edges(predictions, truths).items():
        for label, share in (("", 50), ("_p90", 90)):
            value = float(np.percentile(np.abs(error), share)) if error.size else float("nan")
            out[f"{name}_frames{label}"], out[f"{name}_ms{label}"] = value, value * 1000 / fps
    return {key: value for key, value in out.items() if value == value}


def edit_score(predictions: Videos, truths: Videos) -> float:
    """1 - Levenshtein distance between the sequences of classes in order of time over the longer one's length, mean over videos
    with any stroke (Lea et al., CVPR 2017). Background is no segment; time does not count."""
    scores = []
    for video in sorted({*predictions, *truths}):
        a, b = ([s.move for s in sorted(spans.get(video, ()), key=lambda s: s.begin)] for spans in (predictions, truths))
        if a or b:
            row = list(range(len(b) + 1))
            for i, move in enumerate(a, 1):
                before, row[0] = row[0], i
                for k, other in enumerate(b, 1):
                    before, row[k] = row[k], min(row[k] + 1, row[k - 1] + 1, before + (move != other))
            scores.append(1 - row[-1] / max(len(a), len(b)))
    return float(np.mean(scores)) if scores else 0.0


def segmental(predictions: Videos, truths: Videos) -> dict[str, float]:
    """{"edit", "f1@10", "f1@25", "f1@50"}: as reported for temporal segmentation (Lea et al., CVPR 2017). In order of time each
    prediction takes its best overlapping truth of the same class; one that is taken already makes it wrong."""
    out = {"edit": edit_score(predictions, truths)}
    total = sum(len(spans) for videos in (predictions, truths) for spans in videos.values())
    for share in (10, 25, 50):
        found = 0
        for video, spans in predictions.items():
            real, taken = truths.get(video, ()), set()
            for s in sorted(spans, key=lambda s: s.begin):
                overlaps = [tiou(s, t) if t.move == s.move else 0.0 for t in real]
                best = int(np.argmax(overlaps)) if overlaps else -1
                if best >= 0 and overlaps[best] >= share / 100:
                    taken.add(best)
            found += len(taken)
        out[f"f1@{share}"] = 2 * found / total if total else 0.0
    return out


Counts = dict[str, int]  # {"found", "predicted", "truth"}


def video_of(name: str) -> str:
    """The film of a stretch named as in `evaluate.Seen`: "film:region" or "fold/film:region"; a name without these is its own."""
    return name.rpartition("/")[2].partition(":")[0]


def per_video(found: Videos, truths: Videos, *, threshold: float = 0.5, with_class: bool = True, video_of: Callable[[str], str] = video_of) -> dict[str, Counts]:
    """Counts of each video; 2 found / (predicted + truth) of their sum is `f1`. `video_of` says which video a stretch belongs to."""
    out: dict[str, Counts] = {}
    for name in sorted({*found, *truths}):
        mine, real = found.get(name, ()), truths.get(name, ())
        row = out.setdefault(video_of(name), {"found": 0, "predicted": 0, "truth": 0})
        row["found"] += sum(k is not None for k in match(mine, real, threshold, with_class))
        row["predicted"], row["truth"] = row["predicted"] + len(mine), row["truth"] + len(real)
    return out


def renamed(videos: Videos, names: Mapping[str, str]) -> dict[str, list[Span]]:
    """The same intervals under coarser classes (`names` from `super_classes`); a class it does not know stays."""
    return {video: [Span(s.begin, s.end, names.get(s.move, s.move), s.score) for s in spans] for video, spans in videos.items()}


def per_class(found: Videos, truths: Videos, moves: Sequence[str], threshold: float = 0.5) -> dict[str, Counts]:
    """Counts of each of `moves` that was marked or proposed, over all videos."""
    out: dict[str, Counts] = {move: {"found": 0, "predicted": 0, "truth": 0} for move in moves}
    for name in {*found, *truths}:
        mine, real = found.get(name, ()), truths.get(name, ())
        hits = [p for p, k in zip(mine, match(mine, real, threshold)) if k is not None]
        for key, spans in (("found", hits), ("predicted", mine), ("truth", real)):
            for s in spans:
                if s.move in out:
                    out[s.move][key] += 1
    return {move: counts for move, counts in out.items() if counts["predicted"] or counts["truth"]}


def taken_for_strokes(found: Videos, negatives: Videos, threshold: float = 0.5) -> tuple[int, int]:
    """(how many of the stretches that are no stroke have a proposal on them, how many there are): tIoU of `threshold` or more."""
    spans = [(found.get(video, ()), n) for video, real in negatives.items() for n in real]
    return sum(any(tiou(p, n) >= threshold for p in mine) for mine, n in spans), len(spans)


def confusion(truth: Sequence[int], predicted: Sequence[int], classes: int) -> NDArray[np.int64]:
    """(classes, classes) counts, rows are the truth."""
    out = np.zeros((classes, classes), np.int64)
    np.add.at(out, (np.asarray(truth, int), np.asarray(predicted, int)), 1)
    return out


def recalls(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall of each class that occurs; NaN for the others."""
    totals = matrix.sum(1)
    return np.where(totals > 0, np.diag(matrix) / np.maximum(totals, 1), np.nan)


def wilson(share: float, n: float, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a share out of n trials (0, 1 for n = 0)."""
    if n <= 0:
        return 0.0, 1.0
    centre, spread = share + z * z / (2 * n), z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))


def balanced_accuracy(matrix: NDArray[np.int64]) -> dict[str, float]:
    """Mean recall over the classes that occur, with Wilson's interval for the effective number of trials: the n of a plain
    share that would have the same variance as this mean of recalls (all of them, when classes are equally many)."""
    totals = matrix.sum(1)
    seen = totals > 0
    if not seen.any():
        return {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0}
    value = float(np.nanmean(recalls(matrix)))
    effective = float(seen.sum() ** 2 / (1.0 / totals[seen]).sum())
    low, high = wilson(value, effective)
    return {"value": value, "low": low, "high": high, "n": int(totals.sum())}


def super_classes(taxonomy: Taxonomy) -> dict[str, list[str]]:
    """For each class its type, hand and both; Negative keeps its name. A taxonomy without types or hands gives "" there."""
    pairs = [(m.type, m.hand) for m in taxonomy.moves] + [(NEGATIVE, NEGATIVE)]
    return {"type": [t for t, _ in pairs], "hand": [h for _, h in pairs],
            "both": [t if t == NEGATIVE else f"{t} {h}".strip() for t, h in pairs]}  # fmt: skip


def classification(truth: Sequence[int], predicted: Sequence[int], taxonomy: Taxonomy) -> dict[str, Any]:
    """Accuracy, balanced accuracy with interval, super-class accuracies (where the taxonomy has them), recalls, confusion matrix."""
    classes = taxonomy.classes
    matrix = confusion(truth, predicted, len(classes))
    out: dict[str, Any] = {"n": len(truth), "accuracy": float(np.trace(matrix) / max(1, matrix.sum())),
                           "balanced_accuracy": balanced_accuracy(matrix), "confusion": matrix.tolist()}  # fmt: skip
    out["recalls"] = {c: float(r) for c, r in zip(classes, recalls(matrix)) if r == r}
    for name, groups in super_classes(taxonomy).items():
        if len(set(groups)) > 2:
            hits = [groups[t] == groups[p] for t, p in zip(truth, predicted)]
            out[f"{name}_accuracy"] = float(np.mean(hits)) if hits else 0.0
    return out
