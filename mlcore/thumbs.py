"""Small pictures of a video: the poster, and the sprite of thumbnails that is shown while the pointer moves over it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from PIL import Image

from mlcore.files import write_atomic
from mlcore.formats import FrameTable
from mlcore.video import Painter

COUNT, WIDTH, COLUMNS, POSTER = 120, 160, 12, 640


class Thumbs:
    """Collects the poster (the middle picture) and at most COUNT evenly spaced thumbnails while a video is decoded."""

    def __init__(self, table: FrameTable) -> None:
        seconds = table.duration_s
        self.count = max(1, min(COUNT, table.n, math.ceil(seconds / 0.25)))
        self.every_s = seconds / self.count if seconds else 1.0
        self._size = (min(WIDTH, table.width), max(1, round(min(WIDTH, table.width) * table.height / table.width)))
        poster = min(POSTER, table.width)
        self._poster_size = (poster, max(1, round(poster * table.height / table.width)))
        self._rotation = table.rotation
        self._painter = Painter(self._size, table.rotation)
        self._middle = table.n // 2
        self._pictures: list[Image.Image] = []
        self._poster: Image.Image | None = None

    def see(self, ordinal: int, second: float, frame: Any) -> None:
        """Take what is needed of the picture `ordinal`, shown from `second` on."""
        if ordinal >= self._middle and self._poster is None:
            self._poster = Image.fromarray(Painter(self._poster_size, self._rotation).paint(frame))
        if len(self._pictures) < self.count and second >= (len(self._pictures) + 0.5) * self.every_s:
            small = Image.fromarray(self._painter.paint(frame))
            while len(self._pictures) < self.count and second >= (len(self._pictures) + 0.5) * self.every_s:
                self._pictures.append(small)

    def write(self, folder: Path) -> None:
        """Write poster.jpg, thumbs.jpg and thumbs.json into `folder`."""
        last = self._pictures[-1] if self._pictures else self._poster
        if last is None or self._poster is None:
            raise ValueError("no picture was seen")
        if not self._pictures:
            last = last.resize(self._size)
        pictures = self._pictures + [last] * (self.count - len(self._pictures))
        width, height = self._size
        columns = min(COLUMNS, self.count)
        sprite = Image.new("RGB", (columns * width, math.ceil(self.count / columns) * height))
        for k, picture in enumerate(pictures):
            sprite.paste(picture, (k % columns * width, k // columns * height))
        self._poster.save(folder / "poster.jpg", quality=85)
        sprite.save(folder / "thumbs.jpg", quality=80)
        write_atomic(folder / "thumbs.json", json.dumps({
            "every_s": round(self.every_s, 6), "width": width, "height": height, "columns": columns,
            "count": self.count}).encode())
