"""Curves of a training as TensorBoard files, for whoever has TensorBoard; without the package nothing is written.

    tensorboard --logdir RUN_DIR/tensorboard
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

CURVES = {"loss": "loss/train", "val_loss": "loss/validation", "accuracy": "accuracy/train", "val_accuracy": "accuracy/validation", "lr": "rate"}


class Board:
    """Event files in `folder` (None: none) that begin at epoch `first`: what an interrupted run wrote from there on is void."""

    def __init__(self, folder: Path | None, first: int) -> None:
        self._writer: Any = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter  # here: it takes a quarter of a second, and may be absent
        except ImportError:
            return
        self._writer = SummaryWriter(str(folder), purge_step=first)

    def epoch(self, line: Mapping[str, Any]) -> None:
        """One line of the history."""
        if self._writer is not None:
            for name, curve in CURVES.items():
                if line[name] is not None:
                    self._writer.add_scalar(curve, line[name], line["epoch"])
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
