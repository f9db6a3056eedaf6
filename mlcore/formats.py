"""The files that product and learning exchange. Standard library only; each carries a format name and a version.

Reading validates: a reader reads, or refuses with FormatError in words; it never guesses. Writing is atomic
(temporary file in the same folder, fsync, rename), so a half-written file is never read. Full description: docs/formats.md.
Frames are ordinals of the source video in presentation order, 0-based; intervals are half-open [begin, end).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar, Self

from mlcore.files import File, FormatError

NEGATIVE = "Negative"


@dataclass
class FrameTable(File):
    """Exact table of the presentable pictures of one video stream (`frames.json`), made once by `mlcore.probe`.

    `pts[k]` is the presentation time of ordinal k in units of `time_base` (numerator, denominator) seconds; strictly rising.
    `width` and `height` are as displayed (rotation applied). `unreadable` lists ordinals that keep their place but cannot be
    decoded. The proxy shows ordinal k at `pts[k] - pts[0]`.
    """

    FORMAT: ClassVar[str] = "topspin-frames"
    sha256: str
    stream: int
    codec: str
    width: int
    height: int
    rotation: int
    time_base: tuple[int, int]
    pts: list[int]
    keyframes: list[int]
    unreadable: list[int] = field(default_factory=list)
    audio: bool = False
    declared_frames: int = 0
    bytes: int = 0

    def __post_init__(self) -> None:
        self.time_base = (int(self.time_base[0]), int(self.time_base[1]))
        if any(b <= a for a, b in zip(self.pts, self.pts[1:])):
            raise FormatError("frame times do not rise")

    @property
    def n(self) -> int:
        return len(self.pts)

    @property
    def duration_s(self) -> float:
        """From the first picture's begin to the last one's end (the last picture is taken to last as long as the mean)."""
        if self.n < 2:
            return 0.04 * self.n
        return float((self.pts[-1] - self.pts[0]) * Fraction(*self.time_base)) * self.n / (self.n - 1)

    @property
    def fps(self) -> float:
        return self.n / self.duration_s if self.n else 0.0

    def seconds(self, ordinal: int) -> float:
        """Begin of picture `ordinal` in seconds from the first picture; `n` gives the end of the video."""
        if ordinal >= self.n:
            return self.duration_s
        return float((self.pts[ordinal] - self.pts[0]) * Fraction(*self.time_base))


@dataclass
class Move:
    """One class of a taxonomy. `name` is the full class name used in every record and export."""

    name: str
    short: str = ""
    fr: str = ""
    group: str = ""
    group_fr: str = ""
    leaf: str = ""
    leaf_fr: str = ""
    type: str = ""
    hand: str = ""


@dataclass
class Taxonomy(File):
    """The classes, as data. `Negative` is not among `moves`; it always exists."""

    FORMAT: ClassVar[str] = "topspin-taxonomy"
    name: str
    revision: int
    moves: list[Move]

    def __post_init__(self) -> None:
        self.moves = [move if isinstance(move, Move) else Move(**move) for move in self.moves]
        names = [move.name for move in self.moves]
        if not names:
            raise FormatError("a taxonomy needs at least one class")
        if len(set(names)) != len(names):
            raise FormatError("a class name occurs twice")
        if NEGATIVE in names:
            raise FormatError("Negative always exists and is not listed")

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """`rules` (the written rules of a taxonomy file) are for people: learning does not read them."""
        return super().parse({key: value for key, value in body.items() if key != "rules"})

    @property
    def classes(self) -> list[str]:
        """The names a network is trained on, in a fixed order: the moves, then Negative (last)."""
        return [move.name for move in self.moves] + [NEGATIVE]


@dataclass
class Interval:
    """A labelled stretch of one video: `[begin, end)` in source ordinals. `weight` is its weight in training."""

    begin: int
    end: int
    move: str
    weight: float = 1.0
    source: str = "blind"


@dataclass
class Part:
    """`[begin, end)` of a video belongs to a part of the split: train, validation or test."""

    part: str
    begin: int
    end: int


@dataclass
class DatasetVideo:
    """One video of a dataset. `prepared` is the folder made by `mlcore.prepare` (relative to the dataset file, or absolute).

    `complete`: its expert said that every stroke is marked, so gaps are negatives. `rejected`: suggestions an expert
    rejected (hard negatives). `group`: videos that share a player share a group and never cross parts.
    """

    id: str
    sha256: str
    prepared: str
    n_frames: int
    group: str
    complete: bool
    parts: list[Part]
    strokes: list[Interval]
    rejected: list[Interval] = field(default_factory=list)
    players: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parts = [part if isinstance(part, Part) else Part(**part) for part in self.parts]
        self.strokes = [s if isinstance(s, Interval) else Interval(**s) for s in self.strokes]
        self.rejected = [s if isinstance(s, Interval) else Interval(**s) for s in self.rejected]


@dataclass
class Dataset(File):
    """What a training run reads (`dataset.json`). `protocol`: hold-out, leave-one-video-out or time-blocks."""

    FORMAT: ClassVar[str] = "topspin-dataset"
    name: str
    taxonomy: Taxonomy
    protocol: str
    seed: int
    videos: list[DatasetVideo]

    def __post_init__(self) -> None:
        if isinstance(self.taxonomy, Mapping):
            self.taxonomy = Taxonomy.parse({k: v for k, v in self.taxonomy.items() if k not in ("format", "version")})
        self.videos = [video if isinstance(video, DatasetVideo) else DatasetVideo(**video) for video in self.videos]
        known = set(self.taxonomy.classes)
        for video in self.videos:
            for stroke in (*video.strokes, *video.rejected):
                if stroke.move not in known and stroke.move:
                    raise FormatError(f"video {video.id}: “{stroke.move}” is not a class of {self.taxonomy.name}")
                if not 0 <= stroke.begin < stroke.end <= video.n_frames:
                    raise FormatError(f"video {video.id}: [{stroke.begin}, {stroke.end}) lies outside 0..{video.n_frames}")


@dataclass
class SuggestedStroke:
    """A suggestion has the shape of a truth plus a score. `move` is empty when only motion was seen. `top`: best first."""

    begin: int
    end: int
    move: str
    score: float
    top: list[tuple[str, float]] = field(default_factory=list)


@dataclass
class Suggestions(File):
    """What `mlcore.infer` writes (`suggestions.json`). `run` is the run's id, empty for motion proposals."""

    FORMAT: ClassVar[str] = "topspin-suggestions"
    run: str
    strokes: list[SuggestedStroke]

    def __post_init__(self) -> None:
        self.strokes = [s if isinstance(s, SuggestedStroke) else SuggestedStroke(**s) for s in self.strokes]


@dataclass
class Curves(File):
    """`curves.json`: what a run sees of a whole video, probabilities of all classes `rate` times a second.

    Position i is at `start` + i / `rate` seconds from the first picture. `values`: base64 of one byte (round(255 p)) for each
    position and each of `classes`, position after position.
    """

    FORMAT: ClassVar[str] = "topspin-curves"
    run: str
    start: float
    rate: float
    classes: list[str]
    values: str

    def __post_init__(self) -> None:
        try:
            n = len(base64.b64decode(self.values, validate=True))
        except (ValueError, TypeError) as error:
            raise FormatError(f"the values of the curves are not base64: {error}") from error
        if not self.classes or n % len(self.classes) or not self.rate > 0:
            raise FormatError(f"{n} values do not make curves of {len(self.classes)} classes, {self.rate} a second")

    @property
    def rows(self) -> list[bytes]:
        """For each position its classes' probabilities as bytes."""
        data, step = base64.b64decode(self.values), len(self.classes)
        return [data[k : k + step] for k in range(0, len(data), step)]


@dataclass
class Why(File):
    """`why/<suggestion>-<run>.json`: what the network saw of one suggestion (`mlcore.why`), beside a loop of it.

    `[begin, end)`: the source pictures in the window that speaks most for `move`; `pictures` of them were seen, `rate` a second,
    each cropped to `size`. `top`: what the network says of this window; `looked`: the branches whose looking is shown.
    """

    FORMAT: ClassVar[str] = "topspin-why"
    run: str
    move: str
    begin: int
    end: int
    rate: float
    pictures: int
    size: tuple[int, int]
    top: list[tuple[str, float]]
    looked: list[str]

    def __post_init__(self) -> None:
        self.size = (int(self.size[0]), int(self.size[1]))
        self.top = [(str(move), float(p)) for move, p in self.top]


@dataclass
class Practice(File):
    """`truth.json` of the practice video (`mlcore.lesson`): its strokes. Only for scoring a newcomer, never for learning."""

    FORMAT: ClassVar[str] = "topspin-practice"
    strokes: list[Interval]

    def __post_init__(self) -> None:
        self.strokes = [s if isinstance(s, Interval) else Interval(**s) for s in self.strokes]


@dataclass
class Run(File):
    """`run.json`: what a run folder holds and how its network is rebuilt. Weights: `weights.safetensors`; with a temporal head
    (`head`: its sizes, else empty) also `head.safetensors`.

    `config`: every setting of training; `normalisation`: flow statistics of the training videos; `decision`: how curves become
    intervals; `metrics`: `unseen` (model and baseline on data neither saw) and `fit` (on the training data); `flow`: method
    and versions that made the prepared data, which inference must match.
    """

    FORMAT: ClassVar[str] = "topspin-run"
    id: str
    taxonomy: Taxonomy
    network: dict[str, Any]
    config: dict[str, Any]
    normalisation: dict[str, Any]
    decision: dict[str, Any]
    metrics: dict[str, Any]
    flow: dict[str, Any]
    dataset_sha256: str
    code: str = ""
    head: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.taxonomy, Mapping):
            self.taxonomy = Taxonomy.parse({k: v for k, v in self.taxonomy.items() if k not in ("format", "version")})


@dataclass
class Prepared(File):
    """`prepared.json` of a prepared folder: written last, so its presence means that the folder is whole.

    `ordinals[i]` and `seconds[i]` name stored picture i; `flow[i]` is the motion from picture i-1 to i in pixels of the stored
    size (flow[0] is zero), lasting `seconds[i] - seconds[i-1]`. Pictures and flow (blurred, masked): the
    segments of `mlcore.store`; `roi.json` the track; `motion.json` the motion strip.
    """

    FORMAT: ClassVar[str] = "topspin-prepared"
    STORE: ClassVar[int] = 2  # of the files beside it (`method["store"]`); folders of another version are made anew
    key: str
    sha256: str
    width: int
    height: int
    rate: float
    method: dict[str, Any]
    ordinals: list[int]
    seconds: list[float]
    flow_maxima: list[tuple[float, float]]


@dataclass
class RoiTrack(File):
    """`roi.json`: centre of the square region of interest per stored picture.

    `x`, `y`: centre as a fraction of the stored picture (0..1); `side`: in stored pixels; `width`, `height`: of the stored
    picture; `source[i]`: "flow" or "manual".
    """

    FORMAT: ClassVar[str] = "topspin-roi"
    width: int
    height: int
    side: int
    ordinals: list[int]
    x: list[float]
    y: list[float]
    source: list[str]


@dataclass
class MotionStrip(File):
    """`motion.json`: motion energy of the whole picture, `rate` values a second from the first picture on, each 0..1."""

    FORMAT: ClassVar[str] = "topspin-motion"
    rate: float
    values: list[float]
