"""The acceptance on drawn scenes: `python -m benchmarks.scenes [--out DIR] [--quick]`.

Draws scenes split by player (test players lie outside the training ranges), prepares them as videos are prepared, trains with
the cpu preset for at most 20 minutes, looks at the test scenes with the run's own folder, and writes `index.html` with the
figures, the scenes' controls (what can be told without seeing motion), confusion matrix and curves. Prepared scenes are kept in
DIR/prepared: a second run does not draw them again. Goals: balanced accuracy over 21 classes on at least 400 given intervals
at least 0.90 (Wilson's lower bound 0.86), detection F1 at temporal IoU 0.5 at least 0.80.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import controls
from mlcore import prepare, synthetic
from mlcore.formats import Dataset, DatasetVideo, Interval, Part, Run, Taxonomy

RATE, WIDTH, HEIGHT = 30, 320, 180
TAXONOMY = Path(__file__).parent.parent / "strokes" / "taxonomies" / "ttstroke21.json"
FULL, QUICK = {"train": 36, "validation": 4, "test": 16}, {"train": 6, "validation": 1, "test": 2}
FIRST = {"train": 1000, "validation": 2000, "test": 3000}


def scene_of(part: str, number: int) -> synthetic.Scene:
    """Scene `number` of a part, each with its own player; validation players are drawn like training players."""
    return synthetic.make_scene(FIRST[part] + number, split="test" if part == "test" else "train", strokes=20)


def drawn_by() -> str:
    """A name for the code that draws and prepares, so that stores drawn by other code are not used again."""
    root = Path(synthetic.__file__).parent
    names = ("synthetic", "kinematics", "drawing", "rally", "prepare", "segments", "flow", "roi", "store", "pile")
    return hashlib.sha256(b"".join((root / f"{name}.py").read_bytes() for name in names)).hexdigest()[:8]


def prepared(job: tuple[Path, str, int]) -> tuple[str, int, str, int, list[dict[str, Any]]]:
    """Draw and prepare one scene, unless it is there: (part, number, folder, pictures, truth)."""
    root, part, number = job
    scene = scene_of(part, number)
    pictures = round(scene.events[-1].end_s * RATE) + RATE
    folder = root / "prepared" / f"{part}-{number:03d}-{drawn_by()}"
    if not (folder / "prepared.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        drawn: Iterator[Any] = synthetic.render(scene, width=WIDTH, height=HEIGHT, fps=RATE, begin=0, end=pictures)
        prepare.from_pictures(folder, drawn, [k / RATE for k in range(pictures)], identity=folder.name)
    truth = [vars(i) for i in synthetic.truth(scene, float(RATE), negatives=True) if i.end <= pictures]
    return part, number, str(folder.resolve()), pictures, truth


def make_dataset(root: Path, sizes: dict[str, int]) -> Path:
    """All scenes as a hold-out dataset; two processes prepare them."""
    jobs = [(root, part, number) for part, count in sizes.items() for number in range(count)]
    videos = []
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for done, (part, number, folder, n, truth) in enumerate(pool.imap_unordered(prepared, jobs), 1):
            name = f"{part}-{number:03d}"
            videos.append(DatasetVideo(name, name, folder, n, name, True, [Part(part, 0, n)], [Interval(**i) for i in truth]))
            print(f"prepared {done}/{len(jobs)}", flush=True)
    videos.sort(key=lambda video: video.id)
    path = root / "dataset.json"
    Dataset("scenes", Taxonomy.read(TAXONOMY), "hold-out", 1, videos).write(path)
    return path


def train(path: Path, out: Path, minutes: float) -> float:
    """The product's own step in its own process; seconds it took."""
    began = time.monotonic()
    command = [sys.executable, "-m", "mlcore.train", str(path), "--out", str(out), "--id", "scenes", "--preset", "cpu", "--max-minutes", str(minutes)]
    shown = -1
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            if "progress" not in said:
                print(str(said)[:300])
            elif int(said["progress"] * 20) > shown:
                shown = int(said["progress"] * 20)
                print(f"{said['phase']} {said['progress']:.0%}", flush=True)
    if process.returncode:
        raise SystemExit(f"training ended with {process.returncode}")
    return time.monotonic() - began


def control_figures(sizes: dict[str, int], epochs: int) -> dict[str, float]:
    """What networks that see no motion reach on the same scenes."""
    parts = [controls.gather([scene_of(part, k) for k in range(sizes[part])]) for part in ("train", "test")]
    return controls.controls(parts[0], parts[1], epochs=epochs)


def rows(metrics: dict[str, Any], figures: dict[str, float], minutes: float) -> list[tuple[str, str, str]]:
    """(what, figure, goal)."""
    test = metrics["test"]
    given = test["classification"]
    accuracy = given["balanced_accuracy"]
    out = [
        ("balanced accuracy over 21 classes, given intervals", f"{accuracy['value']:.3f}", "at least 0.90"),
        ("its 95 % interval (Wilson)", f"{accuracy['low']:.3f} to {accuracy['high']:.3f}", "from 0.86"),
        ("given intervals, Negative among them", f"{given['n']}", "at least 400"),
        ("detection F1 at temporal IoU 0.5, right class", f"{test['f1']:.3f}", "at least 0.80"),
        ("the same, any class", f"{test['f1_any']:.3f}", ""),
        ("motion baseline, any class", f"{metrics['unseen']['baseline']['f1_any']:.3f}", ""),
        ("mAP .50:.05:.95", f"{test['map']:.3f}", ""),
        ("MediaEval 2022 mAP, global IoU", f"{test['mediaeval22']['map']:.3f}, {test['mediaeval22']['global_iou']:.3f}", ""),
        ("median error of begin, end (ms)", f"{test['edges'].get('begin_ms', 0):.0f}, {test['edges'].get('end_ms', 0):.0f}", ""),
        ("training, minutes", f"{minutes:.1f}", "at most 20"),
    ]
    names = {"single_frame": ("control: one picture per stroke", "below 0.35"), "shuffled": ("control: pictures in no order", "below 0.50"), "chance": ("chance", "")}
    return out + [(*names.get(k, (k, ""))[:1], f"{v:.3f}", names.get(k, (k, ""))[1]) for k, v in figures.items()]


def page(out: Path, table: Sequence[tuple[str, str, str]], run: Run) -> None:
    """index.html beside the pictures."""
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table)
    recalls = "".join(f"<tr><td>{html.escape(k)}</td><td>{v:.2f}</td></tr>" for k, v in run.metrics["test"]["classification"]["recalls"].items())
    text = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Scenes</title>
<style>body{{font:16px system-ui;max-width:60rem;margin:2rem auto;color:#1b1f24}}td{{padding:4px 16px 4px 0}}img{{max-width:100%}}</style>
<h1>Drawn scenes, split by player</h1><table><tr><th align="left">figure</th><th></th><th>goal</th></tr>{body}</table>
<h2>Recall by class</h2><table>{recalls}</table>
<h2>Confusion, given intervals of the test players</h2><img src="confusion.png" alt="Confusion matrix"><h2>Training</h2><img src="curves.png" alt="Curves">
</html>"""
    (out / "index.html").write_text(text, "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenes", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/benchmarks/scenes"))
    parser.add_argument("--quick", action="store_true", help="few scenes, two minutes: does it run?")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--again", action="store_true", help="train again although DIR holds a run")
    options = parser.parse_args(arguments)
    sizes, minutes = (QUICK, min(2.0, options.minutes)) if options.quick else (FULL, options.minutes)
    out: Path = options.out / ("quick" if options.quick else "full")
    out.mkdir(parents=True, exist_ok=True)
    path = make_dataset(out, sizes)
    if options.again:
        shutil.rmtree(out / "run", ignore_errors=True)
    took = train(path, out / "run", minutes)
    run = Run.read(out / "run" / "run.json")
    table = rows(run.metrics, control_figures(sizes, 2 if options.quick else 24), took / 60)
    for name in ("confusion.png", "curves.png"):
        shutil.copy(out / "run" / name, out / name)
    page(out, table, run)
    for what, figure, goal in table:
        print(f"{what:56} {figure:>16}  {goal}")
    print(f"page: {out / 'index.html'}")


if __name__ == "__main__":
    main()
