"""`python -m mlcore.predict VIDEO --run DIR [--out DIR] [--work DIR] [--preview]`: the strokes of a video file, without a server.

The folder after --run is a trained run or an export of one (`mlcore.export`). Written to --out (default: beside the video, `<name>-strokes`):
    predictions.json                  every stroke with its first classes, frames and seconds (topspin-predictions 1)
    predictions.csv                   one line per stroke; frames 0-based, half-open
    mediaeval-2020/<name>.xml         with classes; `end` is the last frame of the stroke (inclusive)
    mediaeval-2022-detection/<name>.xml   without classes; `end` is exclusive
    preview.mp4                       with --preview: the video with name, score, region of interest and timeline
Frame table and prepared pictures go to --work (default: a temporary folder). A run that was interrupted with a --work of its own goes on
where it was.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import cv2

from mlcore import export, files, infer, layouts, limits, prepare, preview, probe
from mlcore import store as stores
from mlcore.files import FormatError
from mlcore.formats import FrameTable, Interval, Run, SuggestedStroke
from mlcore.infer import Model
from mlcore.progress import Progress, StepError, Stopped, run_step

Tell = Callable[[float], None]
LONGEST_S = 4 * 3600.0


def sha256_of(path: Path) -> str:
    """Raises StepError("file_missing")."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise StepError("file_missing", path=str(path)) from error


def table_of(video: Path, work: Path, sha256: str) -> FrameTable:
    """The exact frame table of `video`, made once and kept as work/<sha256>.frames.json. Raises StepError as `mlcore.probe`."""
    kept = work / f"{sha256[:16]}.frames.json"
    try:
        return FrameTable.read(kept)
    except (FileNotFoundError, FormatError):
        pass
    try:
        table = probe.probe(video, sha256=sha256, max_seconds=LONGEST_S, progress=Progress(out=lambda **line: None))
    except av.FFmpegError as error:
        raise StepError("not_a_video", found=f"damaged video ({error.strerror})") from error
    table.write(kept)
    return table


def ready(video: Path, work: Path, *, method: str, rate: float, segment: int = stores.SEGMENT, tell: Tell = lambda share: None) -> tuple[FrameTable, Path]:
    """(frame table, prepared folder) of `video` in `work`, made where missing; flow by `method`, at least `rate` pictures a second.

    Raises StepError: file_missing, and those of `mlcore.probe` and `mlcore.prepare`.
    """
    table = table_of(video, work, sha256_of(video))
    made = prepare.run(video, table, work, rate=max(rate, prepare.RATE), method=method, segment=segment,
                       say=lambda **line: tell(float(line["progress"])))  # fmt: skip
    return table, work / str(made["key"])


def load(folder: Path, device: str = "auto") -> tuple[Run, Model]:
    """The model of a run folder or of an exported one. Raises StepError: those of `infer.load_model` and `export.load_bundle`."""
    chosen = infer.choose_device(device)
    exported = (folder / "model.onnx").exists() and not (folder / "weights.safetensors").exists()
    return export.load_bundle(folder, chosen) if exported else infer.load_model(folder, chosen)


def predict(video: Path, folder: Path, out: Path, work: Path, *, top: int = 3, with_preview: bool = False, device: str = "auto",
            tell: Callable[[float, str], None] = lambda share, phase: None) -> dict[str, Any]:  # fmt: skip
    """Write everything into `out`; {"strokes", "frames", "out"}. `top`: classes kept per stroke. Raises StepError: file_missing,
    other_flow (before anything is decoded), and those of `ready` and `load`."""
    run, model = load(folder, device)
    _check_versions(model)
    phases = (0.6, 0.85) if with_preview else (0.7, 1.0)
    table, prepared = ready(video, work, method=str(model.flow["method"]), rate=model.grid.rate, segment=int(model.flow.get("segment", stores.SEGMENT)),
                            tell=lambda share: tell(phases[0] * share, "flow"))  # fmt: skip
    store = stores.read(prepared)
    infer.check_flow(model.flow, store)
    seen = model.look(store, tell=lambda share: tell(phases[0] + (phases[1] - phases[0]) * share, "suggest"))
    strokes = infer.suggest(model, store, seen, table)
    write(out, video.stem, run.id, table, strokes, top)
    if with_preview:
        preview.write(video, table, out / "preview.mp4", strokes, run.taxonomy, store.roi, tell=lambda share: tell(phases[1] + (1 - phases[1]) * share, "preview"))
    return {"strokes": len(strokes), "frames": table.n, "out": str(out)}


def _check_versions(model: Model) -> None:
    """StepError("other_flow") at once when this machine would make another flow than the run learned from, not after hours of it."""
    try:
        here = prepare.planned(sha256="", seconds=[0.0], width=320, height=180, rate=prepare.RATE, method=str(model.flow.get("method")),
                               segment=int(model.flow.get("segment", stores.SEGMENT))).method  # fmt: skip
    except (TypeError, ValueError) as error:
        raise StepError("not_a_run", path="flow", found=str(error)) from error
    if here != model.flow:
        differing = sorted(k for k in {*here, *model.flow} if here.get(k) != model.flow.get(k))
        raise StepError("other_flow", prepared=", ".join(f"{k} {here.get(k)}" for k in differing), run=", ".join(f"{k} {model.flow.get(k)}" for k in differing))


def write(out: Path, name: str, run: str, table: FrameTable, strokes: Sequence[SuggestedStroke], top: int = 3) -> None:
    """The files of one video: JSON, CSV and both XML dialects, each whole or not at all."""
    rows = [{"begin": s.begin, "end": s.end, "begin_s": round(table.seconds(s.begin), 4), "end_s": round(table.seconds(s.end), 4), "move": s.move,
             "score": s.score, "top": [[move, score] for move, score in s.top[:top]]} for s in strokes]  # fmt: skip
    body = {"format": "topspin-predictions", "version": 1, "video": name, "sha256": table.sha256, "run": run, "frames": table.n, "fps": round(table.fps, 4),
            "intervals": "[begin, end), 0-based frames of the file", "strokes": rows}  # fmt: skip
    files.write_atomic(out / "predictions.json", json.dumps(body, indent=1, ensure_ascii=False).encode())
    files.write_atomic(out / "predictions.csv", _csv(rows, top))
    found = [Interval(s.begin, s.end, s.move) for s in strokes]
    files.write_atomic(out / "mediaeval-2020" / f"{name}.xml", layouts.actions_xml(found, moves=True))
    files.write_atomic(out / "mediaeval-2022-detection" / f"{name}.xml", layouts.actions_xml(found, moves=False))


def _csv(rows: Sequence[dict[str, Any]], top: int) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["begin", "end", "begin_s", "end_s", "move", "score", *(f"{what}_{k}" for k in range(2, top + 1) for what in ("move", "score"))])
    for row in rows:
        others = [value for pair in row["top"][1:] for value in pair]
        lines.writerow([row[name] for name in ("begin", "end", "begin_s", "end_s", "move", "score")] + others + [""] * (2 * (top - 1) - len(others)))
    return text.getvalue().encode()


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--run", type=Path, required=True, help="run folder or exported folder")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", type=Path, help="keep frame table and prepared pictures here")
    parser.add_argument("--top", type=int, default=3, choices=range(1, 4))
    parser.add_argument("--preview", action="store_true")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(arguments)
    limits.apply(files=1024)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGTERM, _stop)
    progress = Progress("flow")
    with tempfile.TemporaryDirectory(prefix="topspin-") as temporary:
        return predict(options.video, options.run, options.out or options.video.with_name(f"{options.video.stem}-strokes"), options.work or Path(temporary),
                       top=options.top, with_preview=options.preview, device=options.device, tell=progress.at)  # fmt: skip


def _stop(*_: Any) -> None:
    raise Stopped(phase="predict")


if __name__ == "__main__":
    raise SystemExit(run_step(main))
