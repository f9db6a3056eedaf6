"""French is whole: every text of pages, scripts and messages has its translation, and the pages show it."""

from __future__ import annotations

import ast
import gettext as gnu
import json
import re
import string
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.translation.template import templatize

from strokes.models import Job, Split, SplitMember, Suggestion

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "annotator" / "locale" / "fr" / "LC_MESSAGES"
MARKERS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
JS = re.compile(
    r"""\b(n?)gettext\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(?:,\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))?"""
)


def in_python(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKERS:
            for argument in node.args[: 2 if node.func.id.startswith("n") else 1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def in_template(source: str) -> Iterator[str]:
    code = templatize(source)
    for match in re.finditer(r"""\b_?(n?)gettext\((u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))(?:\s*,\s*(u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')))?""", code):  # fmt: skip
        yield ast.literal_eval(match[2])
        if match[1] and match[3]:
            yield ast.literal_eval(match[3])
    for match in re.finditer(r"""(?<![\w.])_\((u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))\)""", code):
        yield ast.literal_eval(match[1])


def in_script(source: str) -> Iterator[str]:
    for match in JS.finditer(source):
        yield ast.literal_eval(match[2])
        if match[1] and match[3]:
            yield ast.literal_eval(match[3])


def wanted(domain: str) -> set[str]:
    if domain == "djangojs":
        files = (ROOT / "static" / "js").rglob("*.js")
        return {text for path in files for text in in_script(path.read_text("utf-8"))}
    found = {text for path in (ROOT / "annotator").rglob("*.py") for text in in_python(path.read_text("utf-8"))}
    return found | {
        text for path in (ROOT / "templates").rglob("*.html") for text in in_template(path.read_text("utf-8"))
    }


def catalogue(domain: str) -> dict[Any, str]:
    """The compiled catalogue, as the site reads it: text, or (text, number of the plural form)."""
    with (LOCALE / f"{domain}.mo").open("rb") as file:
        return dict(gnu.GNUTranslations(file)._catalog)


def source(domain: str) -> str:
    return (LOCALE / f"{domain}.po").read_text("utf-8")


DOMAINS = ["django", "djangojs"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_text_is_translated(domain: str) -> None:
    texts = wanted(domain)
    assert len(texts) > 100, "the search has found the texts"
    known = catalogue(domain)
    singular = {key if isinstance(key, str) else key[0] for key in known}
    plurals = set(re.findall(r'^msgid_plural "(.*)"$', source(domain), re.M))
    plural_texts = {json.loads(f'"{text}"') for text in plurals}
    assert not texts - singular - plural_texts


@pytest.mark.parametrize("domain", DOMAINS)
def test_nothing_is_fuzzy_empty_or_left_over(domain: str) -> None:
    text = source(domain)
    assert "fuzzy" not in text and "#~" not in text
    body = text.split("\n\n", 1)[1]
    assert not re.findall(r'^msgstr(?:\[\d\])? ""$', body, re.M)
    for key, value in catalogue(domain).items():
        assert value, key


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_compiled_catalogue_is_that_of_the_source(domain: str) -> None:
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', source(domain), re.M)
    known = catalogue(domain)
    assert len(pairs) > 50
    for text, said in pairs:
        assert known[json.loads(f'"{text}"')] == json.loads(f'"{said}"')


def gaps(text: str) -> list[str]:
    named = re.findall(r"%\(\w+\)(?:\.\d)?[sdf]|%s", text)
    braces = [name + spec for _, name, spec, _ in string.Formatter().parse(text) if name] if "{" in text else []  # type: ignore[operator]
    return sorted(named + braces)


@pytest.mark.parametrize("domain", DOMAINS)
def test_translations_have_the_same_gaps(domain: str) -> None:
    for key, said in catalogue(domain).items():
        text = key if isinstance(key, str) else key[0]
        if text:
            assert gaps(text) == gaps(said), text


@pytest.mark.parametrize("domain", DOMAINS)
def test_french_spacing(domain: str) -> None:
    for said in list(catalogue(domain).values())[1:]:
        assert not re.search(r"\w [:;?!](?:\s|$)", said), f"a line must not break before its sign: {said!r}"


def test_the_search_reads_all_three_kinds() -> None:
    assert set(in_python('_("a"); ngettext("b", "c", n); other("d")')) == {"a", "b", "c"}
    html = '{% load i18n %}{% translate "a" %}{% blocktranslate count n=1 %}b{% plural %}c{% endblocktranslate %}'
    assert set(in_template(html)) == {"a", "b", "c"}
    assert set(in_script('x(gettext("a")); ngettext("b", "c", n); nogettext("d")')) == {"a", "b", "c"}


@pytest.fixture
def full_site(as_admin: Client, video: Any) -> Client:
    """A site with something in every corner of its pages."""
    row = video(title="T1", players=["P1"], disk_estimate=10**6, unreadable=2)
    video(title="T2", state="indexed")
    video(title="T3", state="refused", error_code="empty_file", blind=True)
    Suggestion.objects.create(video=row, begin=1, end=50, score=0.9)
    Job.objects.create(kind="prepare", video=row, slot="cpu", state="running", progress=0.5, left_s=100)
    Job.objects.create(kind="train", taxonomy=row.taxonomy, slot="gpu", state="failed", error_code="killed", log="x")
    split = Split.objects.create(taxonomy=row.taxonomy, version=1, seed=1, frozen=True)
    SplitMember.objects.create(split=split, video=row, part="train", group="P1")
    return as_admin


@pytest.mark.parametrize("address", ["/", "/models/", "/data/", "/nowhere/"])
def test_a_french_page_has_no_english_left(full_site: Client, address: str) -> None:
    response = full_site.get(address, headers={"accept-language": "fr-FR,fr;q=0.9"})
    html = response.content.decode()
    assert '<html lang="fr">' in html and response["Content-Language"] == "fr"
    words = unescape(re.sub(r"\s+", " ", re.sub(r"<script.*?</script>|<[^>]+>", "\n", html, flags=re.S)))
    attributes = set(map(unescape, re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]+)"', html)))
    known = catalogue("django")
    for key, said in known.items():
        text = key if isinstance(key, str) else key[0]
        if len(text) > 12 and "%" not in text and "{" not in text and text != said:
            assert text not in words and text not in attributes, text


def test_the_switch_stays(as_alice: Client) -> None:
    assert '<html lang="en">' in as_alice.get("/").content.decode()
    answer = as_alice.post("/language/", {"language": "fr", "next": "/models/"})
    assert answer["Location"] == "/models/"
    page = as_alice.get("/models/").content.decode()
    assert '<html lang="fr">' in page and "Modèles" in page


def test_scripts_get_their_words(as_alice: Client) -> None:
    script = as_alice.get("/jsi18n/", headers={"accept-language": "fr"})
    body = script.content.decode()
    assert script["Content-Type"].startswith("text/javascript")
    assert "moins d\\u2019une minute" in body
    assert re.search(r"v\s*=\s*\(?n\s*>\s*1", body), "the rule of French plurals comes with them"


def test_the_api_speaks_the_language_too(as_alice: Client, video: Any) -> None:
    url = f"/api/v1/videos/{video().pk}/decisions/"
    answer = as_alice.post(url, {"ops": []}, "application/json", headers={"accept-language": "fr"})
    assert "Rien n’a été changé" in answer.json()["message"]
