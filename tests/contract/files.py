"""The README's list of files: `python -m tests.contract.files` writes it from each file's own first line."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["annotator", "strokes", "mlcore", "static/js", "static/css", "templates", "benchmarks", "deploy", "tests"]
LEFT_OUT = re.compile(r"(^|/)(vendor/|__init__\.py|migrations/|data/|package\.json)|\.(mo|po|svg|png|json|xml|mp4|md|txt)$")
BEGIN, END = "<!-- files -->", "<!-- /files -->"


def described(path: Path) -> str:
    """What a file says of itself in its first sentence: docstring, first comment, or template title."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        found = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    elif path.suffix == ".html":
        comment = re.search(r"\{#(.+?)#\}", text)
        title = re.search(r"\{% block title %\}(?:\{% translate \"(.+?)\" %\})?", text)
        found = comment[1] if comment else f"page: {title[1] or path.stem}" if title else ""
    elif path.suffix in (".css", ".js"):
        block = re.match(r"(?:/\*(.+?)\*/|((?://[^\n]*\n)+))", text, re.S)
        found = (block[1] or block[2].replace("//", "")) if block else ""
    else:
        found = next((line.lstrip("# ") for line in text.splitlines() if line.startswith("# ")), "")
    found = " ".join(found.replace("*", " ").split())
    return re.split(r"(?<=[.:]) (?=[A-Z`])", found, maxsplit=1)[0].rstrip(".:")


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *ROOMS], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / line for line in sorted(set(listed.stdout.splitlines())) if not LEFT_OUT.search(line) and (ROOT / line).exists()]


def index() -> str:
    """The list in Markdown, a heading per room."""
    lines = []
    for room in ROOMS:
        mine = [path for path in files() if path.relative_to(ROOT).as_posix().startswith(room + "/")]
        lines += ["", f"**{room}/**", ""]
        lines += [f"* `{path.relative_to(ROOT / room).as_posix()}`: {described(path)}" for path in mine]
    return "\n".join(lines).strip()


def written(readme: str) -> str:
    """`readme` with the list between its marks made anew."""
    head, rest = readme.split(BEGIN, 1)
    return f"{head}{BEGIN}\n{index()}\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    target = ROOT / "README.md"
    target.write_text(written(target.read_text("utf-8")), "utf-8")
