"""The documents say what is there: every file in one line, every link and every named test exists."""

from __future__ import annotations

import re

import pytest

from tests.contract import files

PAGES = sorted([files.ROOT / "README.md", *(files.ROOT / "docs").rglob("*.md")])


def test_the_readme_lists_every_file() -> None:
    readme = (files.ROOT / "README.md").read_text("utf-8")
    assert files.written(readme) == readme, "run: python -m tests.contract.files"


def test_every_file_says_what_it_is() -> None:
    silent = [path.relative_to(files.ROOT).as_posix() for path in files.files() if len(files.described(path)) < 8]
    assert silent == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: object) -> None:
    text = page.read_text("utf-8")  # type: ignore[attr-defined]
    targets = [t.split("#")[0] for t in re.findall(r"\]\(([^)]+)\)", text) if not t.startswith(("http", "#"))]
    missing = [t for t in targets if not (page.parent / t).exists()]  # type: ignore[attr-defined]
    assert missing == []


def test_every_test_named_in_crisp_exists() -> None:
    text = (files.ROOT / "docs" / "crisp.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) > 20
    for path, test in named:
        source = (files.ROOT / path).read_text("utf-8")
        assert not test or f"def {test}" in source, f"{path}::{test}"
