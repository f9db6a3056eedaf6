"""Clients of the four people, and the folder that WhiteNoise looks into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation


@pytest.fixture(autouse=True)
def static_root(settings: Any, tmp_path: Path) -> Path:
    """An empty folder of collected files: pages then use plain names."""
    root = tmp_path / "staticfiles"
    root.mkdir()
    settings.STATIC_ROOT = root
    return root


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request leaves its language behind in the thread; each test starts in English."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def no_tries() -> Iterator[None]:
    """Each test starts with no failed sign-ins."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_alice(alice: Any) -> Client:
    return client_of(alice)


@pytest.fixture
def as_bob(bob: Any) -> Client:
    return client_of(bob)


@pytest.fixture
def as_charlie(charlie: Any) -> Client:
    return client_of(charlie)


@pytest.fixture
def as_admin(admin: Any) -> Client:
    return client_of(admin)
