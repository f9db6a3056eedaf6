"""Controls for every figure taken on drawn scenes: what can be told without seeing motion?

`single_frame` sees one picture from the middle of the stroke, `shuffled` sees all of its pictures in no order (the
same 2-D network on each, features averaged and maximised over the pictures). Both get augmentation, a cosine schedule
and batch normalisation, and are scored by their best epoch on the test part, which flatters them. `python -m
benchmarks.controls` draws a quick set, trains both and prints balanced accuracies.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mlcore import synthetic
from mlcore.formats import NEGATIVE

Clips = NDArray[np.uint8]
Labels = NDArray[np.int64]
Part = tuple[Clips, Labels]
RATE = 1e-3
SHARE = 120 / 180  # side of the region of interest in parts of the picture's height


def stroke_clips(scene: synthetic.Scene, *, ticks: int = 32, rate: float = 30.0, size: int = 64) -> Part:
    """Clips (n, ticks, size, size, 3) uint8 around the middle of every stroke and negative of a scene, and their
    classes (n,).

    The square follows the player as the region of interest does (somewhat beside them, the same way for the whole
    clip). Classes are places in `synthetic.moves()`; 20 is Negative.
    """
    random = np.random.Generator(np.random.PCG64([scene.seed, 17]))
    names = [*synthetic.moves(), NEGATIVE]
    clips, labels = [], []
    for event in scene.events:
        middle = (event.begin_s + event.end_s) / 2
        times = [middle + (k - (ticks - 1) / 2) / rate for k in range(ticks)]
        dx, dy = random.uniform(-0.1, 0.1), random.uniform(-0.05, 0.05)
        pictures = synthetic.render_at(scene, times, 320, 180)
        clips.append([_crop(scene, picture, second, dx, dy, size) for second, picture in zip(times, pictures)])
        labels.append(names.index(event.move or NEGATIVE))
    return np.array(clips, np.uint8).reshape(-1, ticks, size, size, 3), np.array(labels, np.int64)


def _crop(
    scene: synthetic.Scene, picture: NDArray[np.uint8], second: float, dx: float, dy: float, size: int
) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    setting, side = scene.setting, round(SHARE * height)
    x = (scene.feet(second) + dx + 0.15 * scene.facing - setting.centre) * height / setting.span + width / 2
    y = height - (0.95 + dy - setting.bottom) * height / setting.span
    left, top = min(max(round(x - side / 2), 0), width - side), min(max(round(y - side / 2), 0), height - side)
    return cv2.resize(picture[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)


def gather(scenes: Sequence[synthetic.Scene], *, negatives_per_class: float = 1.5) -> Part:
    """The clips of several scenes; Negative is thinned to `negatives_per_class` times the mean number of a stroke's
    clips."""
    parts = [stroke_clips(scene) for scene in scenes]
    clips, labels = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    negative = np.flatnonzero(labels == 20)
    keep = round(negatives_per_class * (len(labels) - len(negative)) / 20)
    thrown = np.random.Generator(np.random.PCG64(5)).permutation(negative)[keep:]
    return np.delete(clips, thrown, 0), np.delete(labels, thrown, 0)


class Frames(nn.Module):
    """A residual 2-D network on each picture of a set (B, N, 3, H, W); mean and maximum over the set; class scores
    (B, classes)."""

    def __init__(self, classes: int, widths: tuple[int, ...] = (24, 48, 96, 128)) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 5, 2, 2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise(widths)
        )
        self.stay = nn.ModuleList(
            nn.Sequential(nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()) for b in widths[1:]
        )
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * 16, 192), nn.LayerNorm(192), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(384, classes))

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.stem(pictures.flatten(0, 1))
        for down, stay in zip(self.down, self.stay):
            x = down(x)
            x = x + stay(x)
        features = self.features(F.adaptive_avg_pool2d(x, 4)).unflatten(0, pictures.shape[:2])
        return self.head(torch.cat([features.mean(1), features.amax(1)], 1))


def _as_input(clips: Clips) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(clips)).permute(0, 1, 4, 2, 3).float() / 127.5 - 1


def _augment(pictures: Tensor, random: np.random.Generator) -> Tensor:
    """Mirror, shift and light, the same way for all pictures of a set."""
    out = []
    for one in pictures:
        if random.random() < 0.5:
            one = one.flip(-1)
        y, x = (int(value) for value in random.integers(-5, 6, 2))
        out.append(torch.roll(one, (y, x), (-2, -1)) * float(random.uniform(0.85, 1.15)))
    return torch.stack(out)


def balanced_accuracy(truth: Labels, guess: Labels) -> float:
    """Mean over the classes that occur of the share of their clips that was named rightly."""
    return float(np.mean([(guess[truth == name] == name).mean() for name in np.unique(truth)]))


def _train(
    train: Part,
    test: Part,
    *,
    pick: Callable[[np.random.Generator, int], NDArray[np.int64]],
    final: NDArray[np.int64],
    epochs: int,
    seed: int,
) -> tuple[float, float]:
    """Best balanced accuracy on test over the epochs, and the last on 400 training clips. `pick`: pictures of a clip seen in training; `final`: in the
    test."""
    torch.manual_seed(seed)
    random = np.random.Generator(np.random.PCG64(seed))
    clips, labels = train
    classes = int(max(labels.max(), test[1].max())) + 1
    net, batch = Frames(classes), 32
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=epochs * -(-len(labels) // batch))
    counts = np.bincount(labels, minlength=classes)
    weight = torch.tensor(counts.mean() / np.maximum(counts, 1), dtype=torch.float32)
    best = 0.0
    for _ in range(epochs):
        net.train()
        order = random.permutation(len(labels))
        for rows in np.array_split(order, -(-len(order) // batch)):
            chosen = np.stack([clips[row][pick(random, clips.shape[1])] for row in rows])
            loss = F.cross_entropy(
                net(_augment(_as_input(chosen), random)), torch.from_numpy(labels[rows]), weight, label_smoothing=0.05
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        net.eval()
        best = max(best, balanced_accuracy(test[1], _guess(net, test[0], final)))
    return best, balanced_accuracy(labels[:400], _guess(net, clips[:400], final))


def _guess(net: Frames, clips: Clips, final: NDArray[np.int64]) -> Labels:
    with torch.inference_mode():
        rows = [net(_as_input(clips[k : k + 32, final])).argmax(1).numpy() for k in range(0, len(clips), 32)]
    return np.concatenate(rows)


def controls(train: Part, test: Part, *, epochs: int = 24, seed: int = 1) -> dict[str, float]:
    """Balanced accuracy on `test` of networks that see no motion: {"single_frame", "shuffled", "chance"}.

    `single_frame_fit` and `shuffled_fit` are theirs on training clips: at chance there, a control did not learn and its
    figure says nothing about the scenes.

    `train` and `test`: clips (n, T, H, W, 3) uint8 and classes (n,). The single picture is drawn from the middle
    quarter in training and is the middle one in the test; `shuffled` learns from 10 pictures of a clip at random and
    is tested on every second one.
    """
    ticks = train[0].shape[1]
    middle, near = ticks // 2, max(1, ticks // 8)
    single, single_fit = _train(
        train,
        test,
        pick=lambda random, n: random.integers(middle - near, middle + near, 1),
        final=np.array([middle]),
        epochs=epochs * 2,
        seed=seed,
    )
    shuffled, shuffled_fit = _train(
        train,
        test,
        pick=lambda random, n: random.permutation(n)[:10],
        final=np.arange(0, ticks, 2),
        epochs=epochs,
        seed=seed,
    )
    return {
        "single_frame": single,
        "shuffled": shuffled,
        "chance": 1 / len(np.unique(test[1])),
        "single_frame_fit": single_fit,
        "shuffled_fit": shuffled_fit,
    }


def scenes_of(split: str, *, players: int, strokes: int, first: int = 100) -> list[synthetic.Scene]:
    """One scene of `strokes` strokes for each of `players` players."""
    return [
        synthetic.make_scene(first + k, split=split, strokes=strokes, player=synthetic.make_player(first + k, split))
        for k in range(players)
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the controls of a freshly drawn set as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.controls", description=__doc__)
    for name, value in (("players", 24), ("test-players", 8), ("strokes", 40), ("epochs", 24)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args(argv)
    began = time.monotonic()
    train = gather(scenes_of("train", players=options.players, strokes=options.strokes))
    test = gather(scenes_of("test", players=options.test_players, strokes=options.strokes))
    result = controls(train, test, epochs=options.epochs)
    print(
        json.dumps(
            {name: round(value, 3) for name, value in result.items()}
            | {"train_clips": len(train[1]), "test_clips": len(test[1]), "seconds": round(time.monotonic() - began)}
        )
    )


if __name__ == "__main__":
    main()
