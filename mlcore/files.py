"""How the exchanged files are written and read: whole or not at all, and with a format name and a version."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self


class FormatError(ValueError):
    """The file is not what its name says; the message tells what was found."""


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the old file or the whole new one, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_json(path: Path, name: str, version: int) -> dict[str, Any]:
    """The JSON object in `path` if it is of format `name` and `version`; FormatError otherwise, FileNotFoundError if absent."""
    try:
        body = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FormatError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(body, dict) or body.get("format") != name:
        raise FormatError(f"{path.name} is not a {name} file")
    if body.get("version") != version:
        raise FormatError(f"{path.name} has version {body.get('version')} of {name}; this Topspin reads {version}")
    return body


@dataclass
class File:
    """Base of the file dataclasses below: JSON with `format` and `version` beside the fields."""

    FORMAT: ClassVar[str]
    VERSION: ClassVar[int] = 1

    def body(self) -> dict[str, Any]:
        return {"format": self.FORMAT, "version": self.VERSION, **asdict(self)}

    def write(self, path: Path) -> None:
        write_atomic(path, json.dumps(self.body(), separators=(",", ":")).encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        body = read_json(path, cls.FORMAT, cls.VERSION)
        return cls.parse({key: value for key, value in body.items() if key not in ("format", "version")})

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        try:
            return cls(**body)
        except TypeError as error:
            raise FormatError(f"a {cls.FORMAT} file does not look like this: {error}") from error
