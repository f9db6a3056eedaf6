"""Every code that is raised anywhere has its sentence, and every sentence can be said in both languages."""

from __future__ import annotations

import ast
import string
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override
from rest_framework import exceptions

from annotator.messages import SENTENCES, api_exception, sentence, status_of
from mlcore.files import FormatError
from strokes.errors import Conflict, Refused

ROOT = Path(__file__).resolve().parents[2]
RAISERS = {"Refused", "Conflict", "StepError", "EngineError"}
TELLERS = {"_why": 0, "_leak": 0, "problem": 0, "refuse": 1, "fail": 1, "_refused": 0, "_problem": 0}


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def texts(node: ast.expr) -> list[str]:
    """The plain texts that an argument may be: itself, or both arms of a conditional."""
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def codes_in(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node)
        place = 0 if name in RAISERS else TELLERS.get(name)
        given = [*node.args[place : place + 1]] if place is not None else []
        given += [word.value for word in node.keywords if word.arg == "code"] if place is not None else []
        for text in (text for argument in given for text in texts(argument)):
            found.add(text)
    return {text for text in found if text.isidentifier() and text.islower()}


FILES = sorted(path for part in ("annotator", "strokes", "mlcore") for path in (ROOT / part).rglob("*.py"))


def test_the_search_finds_codes() -> None:
    found = set().union(*(codes_in(path) for path in FILES))
    assert {"already_here", "stale", "codec_not_allowed", "few_strokes", "player_in_parts", "signed_out"} <= found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_raised_code_has_a_sentence(path: Path) -> None:
    assert not codes_in(path) - set(SENTENCES)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_sentence_can_be_said_with_and_without_its_parameters(language: str) -> None:
    with override(language):
        for code, template in SENTENCES.items():
            names = {name for _, name, _, _ in string.Formatter().parse(str(template)) if name}
            full = sentence(code, {name: 0.5 if name in ("f1", "other") else 7 for name in names})
            empty = sentence(code)
            for said in (full, empty):
                assert said[0].isupper() or not said[0].isalpha(), said
                assert said.rstrip()[-1] in ".…" and "{" not in said, said


def test_figures_are_written_as_the_language_writes_them() -> None:
    params = {"f1": 0.724, "other": 0.5, "strokes": 34}
    assert sentence("beats_baseline", params).startswith("72\xa0% on 34")
    with override("fr"):
        assert "72\xa0%" in sentence("beats_baseline", params)
        assert "0,25" in sentence("bad_rate", {"rate": 0.25})


def test_sizes_and_lists_and_hostile_values() -> None:
    assert "8.0\xa0GB" in sentence("upload_too_large", {"limit_bytes": 8 * 1024**3})
    assert "train, test" in sentence("player_in_parts", {"player": "A", "parts": ["train", "test"], "videos": ["x"]})
    assert "{0.__class__}" in sentence("already_here", {"title": "{0.__class__}"})


def test_an_unknown_code_is_named_plainly() -> None:
    assert "never_heard_of" in sentence("never_heard_of")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused("end_before_begin"), 400, "end_before_begin"),
        (Refused("already_here", title="x", id="y"), 409, "already_here"),
        (Refused("disk_full"), 507, "disk_full"),
        (Conflict("stale", version=3), 412, "stale"),
        (Conflict("job_busy"), 409, "job_busy"),
        (FormatError("x is not JSON"), 400, "bad_file"),
        (OSError(28, "No space left on device"), 507, "disk_full"),
        (exceptions.NotAuthenticated(), 401, "signed_out"),
        (exceptions.ParseError(), 400, "bad_json"),
        (exceptions.UnsupportedMediaType("text/x"), 415, "wrong_content_type"),
        (exceptions.ValidationError({"ops": [{}, {"id": ["Must be a UUID."]}]}), 400, "bad_field"),
    ],
    ids=repr,
)
def test_errors_become_answers(error: Exception, status: int, code: str, db: Any) -> None:
    answer = api_exception(error, {})
    assert answer is not None and answer.status_code == status and answer.data is not None
    assert answer.data["code"] == code and answer.data["message"]
    if isinstance(error, Refused):
        assert status_of(error) == status


def test_a_bad_field_says_where() -> None:
    answer = api_exception(exceptions.ValidationError({"ops": [{}, {"id": ["Must be a UUID."]}]}), {})
    assert answer is not None and answer.data is not None
    assert "ops[1].id" in answer.data["message"]


def test_a_defect_stays_a_defect() -> None:
    assert api_exception(ZeroDivisionError(), {}) is None
