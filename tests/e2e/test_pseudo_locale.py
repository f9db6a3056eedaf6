"""Nothing is left untranslated: a copy of the site speaks a made-up French, ⟦ëvérÿ têxt⟧, and a crawl finds what does not.

The made-up catalogues are the real ones with every translation replaced; all pages and states are visited with them, and
each text, title, label and placeholder on screen has to carry the brackets, be data that people or files brought, or stand on the white list.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import ROOT, start_site, stop
from tests.e2e.places import PLACES, Home, Place, enter, furnish

pytestmark = pytest.mark.browser
LOCALE = Path("annotator/locale/fr/LC_MESSAGES")
LETTERS = str.maketrans("aeiouyAEIOUYcns", "àëîöûÿÀËÎÖÛŸçñš")
GAP = re.compile(r"(%\(\w+\)(?:\.\d)?[sdf]|%[sd]|\{\w*[^}]*\}|<[^>]+>|&\w+;)")
WORD = re.compile(r"[^\W\d_]{2,}")

# What stays as it is in every language, or was brought by people and files. Each line says why.
WHITE = [
    r"Topspin|TTStroke-21|MediaEval|CSV|JSON|XML|ELAN|PDF|ZIP|CRISP|MIT|MPL",  # names
    r"EN|FR|English|Français|AZERTY|QWERTY|QWERTZ",  # languages and keyboards, in their own words
    r"alice|bob|admin|charlie|P1|P2",  # people
    r"Training match, table 3|Video \d|120fps|left hand\?",  # titles and notes that people wrote
    r"Ctrl|Shift|⇧|Esc|(?:Num )?Enter|Space|Home|End|Del|Alt|Tab|PgUp|PgDn",  # caps of keys
    r"manage\.py password_link NAME|[\w.-]+\.(mp4|mkv|py|json|xml|zip)",  # commands and files
    r"janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|\w{3,5}\.|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",  # Django's dates
    r"fps|[KMG]i?o|octets|ms|min|px|cpu|tiny|Hz",  # units and presets
    r"[SOD][FB][A-Z]?\??|Neg",  # short forms of classes
]


def pseudo(text: str) -> str:
    return "⟦" + "".join(part if GAP.fullmatch(part) else part.translate(LETTERS) for part in GAP.split(text)) + "⟧"


def speak_pseudo(root: Path) -> None:
    """Replace every translation in the copy of the site by made-up French."""
    for domain in ("django", "djangojs"):
        catalogue = polib.pofile(str(ROOT / LOCALE / f"{domain}.po"))
        for entry in catalogue:
            if entry.msgid_plural:
                entry.msgstr_plural = {0: pseudo(entry.msgid), 1: pseudo(entry.msgid_plural)}
            else:
                entry.msgstr = pseudo(entry.msgid)
        catalogue.save_as_mofile(str(root / LOCALE / f"{domain}.mo"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("pseudo")
    root = folder / "site"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "annotator", "strokes", "mlcore", "templates", "static", "manage.py"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    for name in listed:
        if (ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    speak_pseudo(root)
    site, processes = start_site(folder / "data", work=False, root=root)
    yield furnish(site)
    stop(processes)


# Every text that a person can see or hear: text nodes of what is shown or read out, and the attributes that are words.
TEXTS = """() => {
  const words = ["aria-label", "title", "placeholder", "alt", "aria-valuetext", "aria-description", "data-says"];
  const found = [document.title];
  for (const element of document.body.querySelectorAll("*")) {
    if (element.closest("script, style, noscript, template") || !element.checkVisibility()) continue;
    for (const name of words) if (element.hasAttribute(name)) found.push(element.getAttribute(name));
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
  }
  return found;
}"""


def brought() -> list[str]:
    """Class names and written rules in both languages: they come from the file of classes, not from the catalogues."""

    def texts(body: Any) -> Iterator[str]:
        if isinstance(body, str):
            yield body.strip()
        elif isinstance(body, (list, dict)):
            for each in body.values() if isinstance(body, dict) else body:
                yield from texts(each)

    file = json.loads((ROOT / "strokes" / "taxonomies" / "ttstroke21.json").read_text())
    return sorted({*texts(file), "Pas un coup", "Negative"} - {""}, key=len, reverse=True)


def left_over(texts: list[str]) -> list[str]:
    """What of `texts` is neither translated, nor brought, nor white."""
    known = [re.escape(name) for name in brought()]
    strip = re.compile(rf"(?<!\w)(?:{'|'.join(known + WHITE)})(?!\w)")
    found = set()
    for text in texts:
        rest = re.sub(r"⟦[^⟦⟧]*⟧", "", re.sub(r"⟦[^⟦⟧]*⟧", "", text))  # twice: a filled gap may hold another text
        if WORD.search(strip.sub("", rest)):
            found.add(" ".join(text.split()))
    return sorted(found)


@pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
def test_no_text_is_left_untranslated(page: Page, home: Home, place: Place) -> None:
    enter(page, home, place)
    page.wait_for_timeout(200)
    texts = page.evaluate(TEXTS)
    assert sum("⟦" in text for text in texts) > 3, "the page speaks made-up French"
    assert left_over(texts) == []


def test_the_crawl_can_find_something(page: Page, home: Home) -> None:
    enter(page, home, PLACES[0])
    page.evaluate("document.querySelector('h1').textContent = 'Left in English'")
    assert left_over(page.evaluate(TEXTS)) == ["Left in English"]


def test_identical_messages_are_meant() -> None:
    """A translation that is its source is forgotten work, unless both languages really say the same."""
    same = {entry.msgid for domain in ("django", "djangojs") for entry in polib.pofile(str(ROOT / LOCALE / f"{domain}.po"))
            if entry.msgid == entry.msgstr and WORD.search(GAP.sub("", entry.msgid))}
    assert same - IDENTICAL == set()


# The same word in both languages.
IDENTICAL = {
    "−%(ms)s ms",
    "%(n)d min",
    "Action",
    "Actions",
    "Classes",
    "Exports",
    "Import",
    "Consensus",
    "Expert",
    "Note",
    "Pages",
    "Pause",
    "Suggestion",
    "Suggestions",
    "Test",
    "Validation",
    "Zoom",
    "classes",
    "consensus",
    "expert",
    "site",
    "worker",
}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of somebody who reads French."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="fr-FR")
    yield context.new_page()
    context.close()
