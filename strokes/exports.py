"""Exports: the one door through which labels leave. Each part lives in its own module.

dataset: what a training run reads (strokes.datasets). csv, mediaeval2020, mediaeval2022: the labels for other people's
code (strokes.labels, strokes.mediaeval). bundle: all of it in one zip file (strokes.bundles).
"""

from strokes.bundles import bundle
from strokes.datasets import dataset
from strokes.labels import csv, mediaeval2020, mediaeval2022

__all__ = ["bundle", "csv", "dataset", "mediaeval2020", "mediaeval2022"]
