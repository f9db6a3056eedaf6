"""No page runs or styles anything that does not come from a file of ours; hashed modules import hashed modules."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.template.loader import get_template
from django.test import Client

from annotator.staticfiles import HashedModules

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["/", "/queue/", "/strokes/", "/effect/", "/models/", "/data/", "/sign-in/", "/nowhere/"]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


class Inline(HTMLParser):
    """Collects what a strict policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        for name in ("src", "href", "action"):
            value = (given.get(name) or "").strip().lower()
            if value.startswith(("javascript:", "http:", "https:", "//")):
                self.found.append(f"{tag} {name}={value}")


def inline_in(html: str) -> list[str]:
    parser = Inline()
    parser.feed(html)
    return parser.found


def test_the_check_finds_what_it_should() -> None:
    bad = '<p onclick="x()" style="a"><script>1</script><style></style><a href="javascript:x">'
    assert inline_in(bad) == ["p onclick", "p style", "script", "style", "a href=javascript:x"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates(path: Path) -> None:
    text = path.read_text("utf-8")
    get_template(str(path.relative_to(ROOT / "templates")))
    assert not inline_in(re.sub(r"{%.*?%}|{{.*?}}", "x", text))
    assert "|safe" not in text and "autoescape off" not in text


@pytest.mark.parametrize("address", PAGES)
def test_pages(as_admin: Client, video: Any, address: str) -> None:
    video(title='<script>alert("x")</script>', players=["<b>bold</b>"])
    response = as_admin.get(address, follow=True)
    html = response.content.decode()
    assert not inline_in(html) and "<script>alert" not in html and "<b>bold" not in html
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy and "nonce" not in policy
    for rule in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy
    assert response["X-Frame-Options"] == "DENY" and response["X-Content-Type-Options"] == "nosniff"


def test_the_workspace_page(as_alice: Client, video: Any) -> None:
    response = as_alice.get(f"/videos/{video(title='<i>t</i>').pk}/")
    assert response.status_code == 200
    assert not inline_in(response.content.decode()) and "<i>t</i>" not in response.content.decode()


@pytest.mark.parametrize("path", sorted((ROOT / "static" / "js").rglob("*.js")), ids=lambda path: path.name)
def test_scripts_make_no_markup_and_no_code_from_text(path: Path) -> None:
    text = path.read_text("utf-8")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        'setAttribute("style"',
    ):
        assert word not in text


NETWORK = {"api.js"}


@pytest.mark.parametrize("path", sorted((ROOT / "static" / "js").glob("*.js")), ids=lambda path: path.name)
def test_one_door_to_the_network(path: Path) -> None:
    words = re.findall(r"\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|EventSource", path.read_text("utf-8"))
    assert bool(words) == (path.name in NETWORK)


def test_collected_modules_import_each_other_by_hash(settings: Any, static_root: Path) -> None:
    settings.STORAGES = {
        **settings.STORAGES, "staticfiles": {"BACKEND": "annotator.staticfiles.HashedModules"},
    }  # fmt: skip
    call_command("collectstatic", "--noinput", verbosity=0)
    names = json.loads((static_root / "staticfiles.json").read_text())["paths"]
    imports = 0
    for plain, hashed in names.items():
        if not plain.startswith("js/"):
            continue
        source = re.sub(r"^\s*(//|\*|/\*).*$", "", (static_root / hashed).read_text(), flags=re.M)
        for wanted in re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""", source):
            target = ((static_root / hashed).parent / wanted).resolve()
            assert target.exists(), f"{plain} imports {wanted}"
            assert re.search(r"\.[0-9a-f]{12}\.m?js$", wanted), f"{plain} imports {wanted} without its hash"
            imports += 1
    assert imports >= 4
    storage = HashedModules(location=str(static_root), base_url="/static/")
    assert re.fullmatch(r"/static/js/library\.[0-9a-f]{12}\.js", storage.url("js/library.js"))
    assert (static_root / f"{names['js/library.js']}.gz").exists(), "compressed beside"


def test_before_collecting_plain_names_are_used(static_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    storage = HashedModules(location=str(static_root), base_url="/static/")
    assert storage.url("js/library.js") == "/static/js/library.js"
    storage.url("js/api.js")
    assert [record.levelname for record in caplog.records] == ["WARNING"], "said once"
