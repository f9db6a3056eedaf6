"""People and videos for all tests. alice annotates, bob is another expert, charlie is a stranger, admin runs the site.

Nothing here needs a real file; `data_root` gives each test its own folders for media, runs and datasets.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from strokes.models import Video

PASSWORD = "correct horse battery"
MakeVideo = Callable[..., "Video"]


@pytest.fixture
def data_root(settings: Any, tmp_path: Path) -> Path:
    """The test's own data folder; settings.MEDIA_ROOT, RUNS_ROOT and DATASETS_ROOT lie in it."""
    root = tmp_path / "data"
    for name, folder in (("MEDIA_ROOT", "media"), ("RUNS_ROOT", "runs"), ("DATASETS_ROOT", "datasets")):
        (root / folder).mkdir(parents=True)
        setattr(settings, name, root / folder)
    settings.DATA = root
    settings.DISK_RESERVE_BYTES = 0
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return root


def person(name: str, *, expert: bool = False, staff: bool = False) -> User:
    """A user called `name`, in the group "experts" if `expert`."""
    from django.contrib.auth.models import Group, User

    user = User.objects.create_user(name, password=PASSWORD, is_staff=staff)
    if expert:
        user.groups.add(Group.objects.get_or_create(name="experts")[0])
    return user


@pytest.fixture
def alice(db: None, data_root: Path) -> User:
    return person("alice", expert=True)


@pytest.fixture
def bob(db: None, data_root: Path) -> User:
    return person("bob", expert=True)


@pytest.fixture
def charlie(db: None, data_root: Path) -> User:
    return person("charlie")


@pytest.fixture
def admin(db: None, data_root: Path) -> User:
    return person("admin", staff=True)


@pytest.fixture
def video(db: None, data_root: Path) -> MakeVideo:
    """A function that makes a video row: video(title=, n_frames=, fps=, players=["p1"], blind=, state=, **fields).

    By default it is prepared, 1000 frames at 120 fps, of the default taxonomy, without players, not blind.
    """
    from strokes import players as player_verbs
    from strokes import taxonomy
    from strokes.models import Appearance, Video

    counter = itertools.count(1)

    def make(*, players: Iterable[str] = (), n_frames: int = 1000, fps: float = 120.0, **fields: Any) -> Video:
        number = next(counter)
        fields = {
            "title": f"video {number}",
            "state": Video.State.PREPARED,
            "file": "source.mp4",
            "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
            "bytes": 1000,
            "width": 320,
            "height": 180,
            "prepared_key": "key",
            **fields,
        }
        fields.setdefault("taxonomy", None)
        fields["taxonomy"] = fields["taxonomy"] or taxonomy.default()
        made = Video.objects.create(n_frames=n_frames, fps=fps, duration_s=n_frames / fps, **fields)
        for pseudonym in players:
            player = player_verbs.named(pseudonym=pseudonym)
            Appearance.objects.create(video=made, player=player)
        return made

    return make
