"""The report of a run: `report/index.html` with its style, pictures and looping clips beside it, and the figures as `report.json`.

A folder that can be opened from disk or served: no script, nothing from elsewhere, no style inside the page, at most `LIMIT` bytes.
Figures carry 95 % intervals over videos (`bootstrap`); what they mean stands beside them in a sentence.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from mlcore import calibration, clips, decide, explain, figures, gallery, metrics, plots
from mlcore.cache import OwnCache
from mlcore.clips import Pictures
from mlcore.dataset import Film
from mlcore.dataset import Span as Label
from mlcore.evaluate import Seen
from mlcore.files import write_atomic
from mlcore.formats import Taxonomy
from mlcore.infer import Model
from mlcore.metrics import Videos, video_of

LIMIT = 15_000_000  # bytes of the whole folder
EACH, EXPLAINED = 4, 4  # clips per kind of error; clips with what the network saw
LEVELS = {"class": "Strokes by class", "type": "By type", "hand": "By hand", "both": "By type and hand"}
RULES = {"centre": "its middle alone (“no window”)", "vote": "vote of its moments", "mean": "mean of its moments", "gaussian": "Gaussian-weighted mean", "here": "as this model decides"}
STYLE = """
:root { color-scheme: light; --ink: #1b1f24; --quiet: #5c636b; --line: #e5e5df; --paper: #fafaf8; --panel: #fff; --accent: #1f66b8; }
body { margin: 0 auto; max-width: 1100px; padding: 24px 20px 64px; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; line-height: 1.25; } h2 { margin: 48px 0 8px; } h3 { margin: 24px 0 4px; font-size: 1rem; }
p { max-width: 76ch; margin: 4px 0 12px; } .quiet, figcaption, th small { color: var(--quiet); font-size: 0.875rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin: 24px 0; padding: 0; }
.figures div { padding: 12px 16px; border: 1px solid var(--line); border-radius: 12px; background: var(--panel); }
.figures dt { color: var(--quiet); font-size: 0.875rem; } .figures dd { margin: 0; font-size: 1.75rem; font-weight: 600; line-height: 1.25; }
.figures dd + dd { font-size: 0.875rem; font-weight: 400; color: var(--quiet); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; background: var(--panel); border: 1px solid var(--line); margin: 8px 0; }
th, td { padding: 4px 12px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th:first-child { text-align: left; font-weight: 500; } thead th { color: var(--quiet); font-size: 0.875rem; font-weight: 500; }
td small { color: var(--quiet); } img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 16px; } .wide { grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
figure { margin: 8px 0; } .row { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 24px; } summary { cursor: pointer; color: var(--accent); } :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""


@dataclass(frozen=True)
class Subject:
    """What a report is about. `seen` and `found`: the model's curves and intervals on labelled stretches named as in `Seen`; `data`: which
    stretches these are, in words; `others`: what other ways to decide found there; `ranked`: `found` with what lies below the threshold, for mAP;
    `temperature`: of the model's class probabilities; `model`: to show what it saw and looked at."""

    run: str
    data: str
    seen: Seen
    found: Videos
    films: Sequence[Film]
    taxonomy: Taxonomy
    fps: float
    others: Mapping[str, Videos] = field(default_factory=dict)
    ranked: Videos | None = None
    temperature: float = 1.0
    history: Sequence[Mapping[str, Any]] = ()
    model: Model | None = None


@dataclass
class Page:
    """The page as it grows, and its folder with the bytes already in it."""

    folder: Path
    parts: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, *html: str) -> None:
        self.parts += html

    def put(self, name: str, data: bytes) -> None:
        write_atomic(self.folder / name, data)
        self.size += len(data)

    def image(self, name: str, words: str) -> str:
        """An image that a plot has written to the folder."""
        self.size += (self.folder / name).stat().st_size
        return f'<figure><img src="{name}" alt="{escape(words)}"></figure>'

    def moving(self, name: str, made: tuple[bytes, bytes], words: str) -> str:
        """A looping clip with its words; nothing once the folder is full."""
        if self.size + sum(map(len, made)) > LIMIT - 500_000:
            return ""
        self.put(f"{name}.webp", made[0])
        self.put(f"{name}-still.webp", made[1])
        source = f'<source media="(prefers-reduced-motion: reduce)" srcset="{name}-still.webp">'
        return f'<figure><picture>{source}<img src="{name}.webp" alt="{escape(words)}" loading="lazy"></picture><figcaption>{escape(words)}</figcaption></figure>'


def write(folder: Path, subject: Subject, tell: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
    """Write the report into `folder` (what was there goes), index.html last; the figures, as they stand in report.json."""
    s = subject
    found = figures.plain(figures.everything(s.seen, s.found, s.films, s.taxonomy, s.fps, others=s.others, ranked=s.ranked, temperature=s.temperature))
    shutil.rmtree(folder, ignore_errors=True)
    page = Page(folder)
    page.put("report.json", json.dumps({"run": subject.run, "data": subject.data, **found}).encode())
    page.put("report.css", STYLE.strip().encode())
    tell(0.2)
    _head(page, subject, found)
    _tables(page, found)
    _classes(page, found["classification"])
    _calibration(page, found["calibration"])
    _time(page, subject, found["detection"])
    tell(0.4)
    _errors(page, subject, lambda share: tell(0.4 + 0.3 * share))
    _sight(page, subject, lambda share: tell(0.7 + 0.3 * share))
    title = escape(f"Report of model {subject.run}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><link rel="stylesheet" href="report.css">'
    page.put("index.html", f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>\n{chr(10).join(page.parts)}\n</main></body></html>\n'.encode())
    tell(1.0)
    return dict(found)


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def ranged(interval: Sequence[float | None] | None, unit: Callable[[float | None], str] = percent) -> str:
    """A figure with its interval; without one where too few videos were seen."""
    value, low, high = interval or (None, None, None)
    return unit(value) + (f" <small>{unit(low)} to {unit(high)}</small>" if low is not None else "")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first cell of a row names it. Cells are HTML, names are text."""
    body = "".join(f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows)
    return f'<div class="scroll"><table><thead><tr>{"".join(f"<th scope=col>{escape(h)}</th>" for h in head)}</tr></thead><tbody>{body}</tbody></table></div>'


def _tile(name: str, interval: Sequence[float | None] | None, below: str = "", unit: Callable[[float | None], str] = percent) -> str:
    value, low, high = interval or (None, None, None)
    lines = [f"95 %: {unit(low)} to {unit(high)}"] * (low is not None) + [escape(below)] * bool(below)
    return f"<div><dt>{escape(name)}</dt><dd>{unit(value)}</dd>{''.join(f'<dd>{line}</dd>' for line in lines)}</div>"


def _head(page: Page, subject: Subject, found: Mapping[str, Any]) -> None:
    d, c, k = found["detection"], found["classification"], found["calibration"]["given"]
    page.add(f"<h1>Model {escape(subject.run)}</h1>",
             f"<p>{escape(subject.data)}: {d['strokes']} strokes in {d['videos']} videos, {d['proposals']} proposals of the model.</p>",
             "<p class=quiet>Behind each figure stands the range it would lie in for other videos like these (95 %, bootstrap over videos). "
             "With one video there is no such range; with fewer than ten it is too narrow.</p>")  # fmt: skip
    page.add('<dl class="figures">',
             _tile("Right time and class", d["f1"], "F1 at temporal IoU 0.5"), _tile("Right time, any class", d["f1_any"], "F1 at temporal IoU 0.5"),
             _tile("mAP", d["map"], "temporal IoU .50 to .95"), _tile("Class of a given stroke", c["accuracy"] if c["n"] else None, f"{c['n']} marked intervals"),
             _tile("The same, every class equal", c["balanced_accuracy"] if c["n"] else None, "mean of the recalls"),
             _tile("Calibration error", [k["ece"], None, None], f"by chance alone: {percent(k['floor'])}"),
             *(_tile(f"Error of the {edge}", v, "median, of strokes found", milliseconds) for edge, v in d["edges_ms"].items()), "</dl>")  # fmt: skip


def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"


def _tables(page: Page, found: Mapping[str, Any]) -> None:
    d = found["detection"]
    page.add("<h2>Finding strokes</h2>", "<p>The higher the temporal IoU, the more exactly begin and end must be right.</p>")
    keys = ("precision", "recall", "f1", "f1_any", "map")
    page.add(table(("tIoU", "precision", "recall", "F1", "F1 any class", "mAP"), ([f"{r['tiou']:.2f}", *(percent(r[key]) for key in keys)] for r in d["by_tiou"])))
    new, old, s = d["mediaeval22"], d["mediaeval21"], d["segmental"]
    page.add("<h3>As others report it</h3>", table(("", "value"), [
        ("MediaEval 2022 and 2023: mAP", f"{new['map']:.4f}"), ("MediaEval 2022 and 2023: global IoU", f"{new['global_iou']:.4f}"),
        ("MediaEval 2021: mAP", f"{old['map']:.4f}"), ("Segmental edit score", percent(s["edit"])),
        *((f"Segmental F1@{share}", percent(s[f"f1@{share}"])) for share in (10, 25, 50))]))  # fmt: skip
    page.add("<h3>Ways to decide, compared</h3>", table(("", "right time and class", "right time, any class"), (
        [name, ranged(v["f1"]), ranged(v["f1_any"])] for name, v in found["compared"].items())))  # fmt: skip
    hits, n = found["false"]
    if n:
        page.add(f"<p>Of {n} stretches that an expert called no stroke (rejected, or marked Negative) the model proposes {hits}.</p>")
    for name, rows in found["levels"].items():
        page.add(f"<h3>{LEVELS[name]}</h3>", table(("", "marked", "proposed", "right", "recall", "F1"), (
            [r["name"] or "–", str(r["truth"]), str(r["predicted"]), str(r["found"]), ranged(r["recall"]), ranged(r["f1"])] for r in rows)))  # fmt: skip


def _classes(page: Page, c: Mapping[str, Any]) -> None:
    page.add("<h2>Naming strokes</h2>", "<p>The model is given the intervals that experts marked, and only asked for the class. Rows are what was marked, columns what the model says.</p>", '<div class="row">')
    for name, m in c["matrices"].items():
        plots.confusion_png(page.folder / f"confusion-{name}.png", m["matrix"], m["names"], LEVELS[name])
        page.add(page.image(f"confusion-{name}.png", f"Confusion matrix, {LEVELS[name].lower()}"))
    ways = [(RULES[name], percent(value)) for name, value in c["rules"].items()]
    page.add("</div><h3>Accuracy by way to decide</h3>", table(("class of an interval by", "accuracy"), ways))
    if c["super"]:
        page.add(table(("coarser", "accuracy"), ((LEVELS[name], percent(value)) for name, value in c["super"].items())))


def _calibration(page: Page, c: Mapping[str, Any]) -> None:
    page.add("<h2>Does 80 % mean 80 %?</h2>", "<p>A dot on the line is as often right as it says; below it the model is too sure, above it too modest.</p>", '<div class="row">')
    told = []
    for name, words in (("given", "Classes of given intervals"), ("proposals", "Proposals, right in time and class")):
        part = c[name]
        plots.reliability_png(page.folder / f"reliability-{name}.png", part["bins"], words)
        page.add(page.image(f"reliability-{name}.png", f"Reliability, {words.lower()}"))
        few = "" if part["enough"] else f" Fewer than {calibration.ENOUGH:,} decisions cannot tell an error of a few points from chance."
        against = f"calibration error {percent(part['ece'])}; a perfectly calibrated model would show {percent(part['floor'])} on as many by chance.{few}"
        told.append(f"<p>{words}: {part['n']:,} decisions, {against if part['n'] else 'so there is nothing to measure.'}</p>")
    if c["given"]["n"]:
        told.append(f"<p class=quiet>Classes are judged at the model's temperature {c['temperature']:.2f}; without it the error is {percent(c['raw_ece'])}. "
                    f"These intervals alone would ask for {c['best_temperature']:.2f}.</p>")  # fmt: skip
    page.add("</div>", *told)


def _time(page: Page, subject: Subject, d: Mapping[str, Any]) -> None:
    page.add("<h2>Begin and end</h2>", "<p>Model minus expert, for proposals on a stroke of their class; left of 0 the model is early.</p>")
    errors = {edge: [1000 * float(v) for v in found] for edge, found in metrics.edges(subject.found, subject.seen.truths).items()}
    plots.histogram_png(page.folder / "edges.png", errors, "ms", "Errors of begin and end", 500.0)
    page.add(page.image("edges.png", "Histograms of the errors of begin and end in milliseconds"))
    if d["edges"]:
        rows = [(edge, *(f"{d['edges'][f'{edge}_{key}']:.1f}" for key in ("frames", "frames_p90", "ms", "ms_p90"))) for edge in ("begin", "end")]
        page.add(table(("", "median, frames", "90 %, frames", "median, ms", "90 %, ms"), rows))
    if subject.history:
        plots.curves_png(page.folder / "curves.png", subject.history, "Training")
        page.add("<h2>Training</h2>", page.image("curves.png", "Loss and accuracy by epoch"))


def _where(film: Film, second: float) -> str:
    return f"{film.video.id} at {int(second // 60)}:{second % 60:04.1f}"


def _errors(page: Page, subject: Subject, tell: Callable[[float], None]) -> None:
    worst = gallery.worst(subject.seen, subject.found, EACH)
    page.add("<h2>The worst errors</h2>")
    if not worst:
        page.add("<p>There are none on this data.</p>")
    heads = {"wrong class": "Right time, wrong class, and sure of it", "missed": "Missed", "not a stroke": "Proposed where no stroke is marked"}
    for kind, words in heads.items():
        shown = []
        for i, m in enumerate(worst):
            if m.kind == kind:
                said = [f"expert: {m.truth.move or 'a stroke'}" if m.truth else "expert: nothing", f"model: {m.found.move} ({m.found.score:.0%})" if m.found else "model: nothing"]
                film = subject.films[int(video_of(m.stretch))]
                shown.append(page.moving(f"error-{i + 1}", gallery.error_loop(film.store, m), f"{'; '.join(said)}. {_where(film, m.about.begin)}"))
                tell((i + 1) / len(worst))
        if shown:
            page.add(f'<details open><summary>{words}</summary><div class="clips">', *shown, "</div></details>")


def _sight(page: Page, subject: Subject, tell: Callable[[float], None]) -> None:
    """The network's input around the middle of some strokes, the surest right ones and the surest wrong ones, and where it looked."""
    model = subject.model
    chosen = explained(subject) if model and {"RGB", "Flow"} >= set(model.net.streams) else []
    if model is None or not chosen:
        return
    page.add("<h2>What the model saw</h2>", "<p>Its whole input: the cropped picture and the motion (colour is direction, brightness speed). Beneath, where each "
             "branch finds what speaks for the class it names (Grad-CAM), and how much of that lies in which picture.</p>", '<div class="clips wide">')  # fmt: skip
    for i, (film, label, p) in enumerate(chosen):
        pictures = Pictures(film.store, model.grid, OwnCache())
        inputs = dict(zip(("RGB", "Flow"), clips.clip(pictures, label.centre, model.normal)))
        named = int(p.argmax())
        made = gallery.input_loop(inputs, explain.gradcam(model.net, inputs, named, model.device), model.grid.rate)
        words = f"Marked {model.classes[label.allowed[0]]}; the model says {model.classes[named]} ({p[named]:.0%}). {_where(film, label.centre)}"
        page.add(page.moving(f"saw-{i + 1}", made, words))
        tell((i + 1) / len(chosen))
    page.add("</div>")


def explained(subject: Subject) -> list[tuple[Film, Label, figures.Floats]]:
    """(film, label, class probabilities) of the surest right strokes, then of the surest wrong ones."""
    all_of = []
    for stretch, film, label in figures.labelled(subject.seen, subject.films):
        strip = subject.seen.strips[stretch]
        if len(label.allowed) == 1 and label.interval in film.video.strokes:
            begin, end = ((t - strip.start) * strip.rate for t in (label.begin, label.end))
            all_of.append((film, label, calibration.scaled(decide.given(strip.curve, begin, end), subject.temperature)))
    all_of.sort(key=lambda one: -float(one[2].max()))
    right = [one for one in all_of if int(one[2].argmax()) == one[1].allowed[0] < len(subject.seen.classes) - 1]
    wrong = [one for one in all_of if int(one[2].argmax()) != one[1].allowed[0]]
    return [*right[: EXPLAINED // 2], *wrong[: EXPLAINED - EXPLAINED // 2]]
