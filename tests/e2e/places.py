"""Every page of the site, in each state that looks different: what axe, the pseudo-locale, the keyboard and the screenshots visit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

from tests.e2e.conftest import PASSWORD, Site, sign_in
from tests.e2e.test_frames import bring, open_workspace

# Rows that make every corner of the pages show something: people, videos in each state, a model, splits, work of two experts.
FURNITURE = """
import json, uuid
from django.contrib.auth.models import Group, User
from django.utils import timezone
from strokes import decisions, players, records, taxonomy
from strokes.models import Appearance, Job, Run, Split, SplitMember, Suggestion, Video
experts = Group.objects.get(name="experts")
bob = User.objects.create_user("bob", password=PASSWORD)
bob.groups.add(experts)
User.objects.create_user("charlie", password=PASSWORD)
alice, video = User.objects.get(username="alice"), Video.objects.get(pk=PK)
video.title = "Training match, table 3"
video.save()
for name, side in (("P1", "left"), ("P2", "right")):
    Appearance.objects.create(video=video, player=players.named(pseudonym=name), side=side)
def more(n, **fields):
    body = {"title": f"Video {n}", "taxonomy": video.taxonomy, "file": "source.mp4", "sha256": str(n) * 64, "bytes": 10**7,
            "n_frames": 1000, "fps": 120, "duration_s": 8.3, "width": 1280, "height": 720, **fields}
    return Video.objects.create(**body)
waiting = more(1, state="indexed")
more(2, state="refused", error_code="empty_file")
blind = more(3, state="watchable", blind=True)
failed = more(4, state="watchable")
new = more(5, state="new", n_frames=0)
now = timezone.now()
Job.objects.create(kind="proxy", video=waiting, slot="cpu", state="running", progress=0.4, left_s=130, started=now, lease_until=now)
Job.objects.create(kind="prepare", video=failed, slot="cpu", state="failed", error_code="killed", log="gone", finished=now)
Job.objects.create(kind="probe", video=new, slot="probe", state="queued")
figures = {"f1": 0.81, "f1_any": 0.9, "classes": {}}
metrics = {"unseen": {"model": figures, "baseline": {"f1": 0.0, "f1_any": 0.6}, "strokes": 61}, "fit": {"f1": 0.95}}
run = Run.objects.filter(taxonomy=video.taxonomy, current=True).first()
n = Run.objects.count()
if run is None:
    run = Run.objects.create(number=n + 1, taxonomy=video.taxonomy, preset="cpu", state="promoted", current=True, metrics=metrics,
                             finished=now, chosen=now, reasons=[])
    n += 1
Run.objects.create(number=n + 1, taxonomy=video.taxonomy, preset="cpu", state="trained", metrics=metrics, finished=now)
Job.objects.create(kind="train", taxonomy=video.taxonomy, slot="gpu", state="failed", error_code="killed", log="x", finished=now)
names = taxonomy.names(video.taxonomy)
for place, (score, begin) in enumerate([(0.93, 60), (0.55, 200), (0.31, 300)]):
    top = [[names[place], score], [names[place + 1], 0.04], [names[place + 2], 0.02]]
    Suggestion.objects.create(video=video, run=run, begin=begin, end=begin + 40, move=names[place], score=score, top=top)
Suggestion.objects.create(video=video, begin=400, end=440, score=0.7)
def add(who, marks):
    ops = [{"id": str(uuid.uuid4()), "kind": "add", "stroke": str(uuid.uuid4()), "data": mark, "seconds": 6} for mark in marks]
    lane = records.lane(video=video, expert=who)
    decisions.apply(lane=lane, expert=who, ops=ops, base=None)
add(alice, [{"begin": 100, "end": 140, "move": names[8], "player": "P1"},
            {"begin": 132, "end": 170, "move": "Serve Forehand", "unsure": True, "note": "left hand?"},
            {"begin": 250, "end": 280}])
add(bob, [{"begin": 101, "end": 139, "move": names[8]}, {"begin": 250, "end": 282, "move": names[12]}])
split = Split.objects.create(taxonomy=video.taxonomy, version=1, seed=1, frozen=True)
SplitMember.objects.create(split=split, video=video, part="train", group="P1")
print(json.dumps({"video": PK, "waiting": str(waiting.pk), "blind": str(blind.pk)}))
"""


@dataclass
class Home:
    """A furnished site and the ids of what stands in it."""

    site: Site
    ids: dict[str, str] = field(default_factory=dict)

    def url(self, path: str = "/") -> str:
        return f"{self.site.url}{path}"


def furnish(site: Site, pk: str = "") -> Home:
    """Something in every corner: a video to label (a numbered one, or `pk`), videos in other states, a model, two experts' work."""
    pk = pk or bring(site, "120fps")
    printed = site.shell(f"PASSWORD = {PASSWORD!r}\nPK = {pk!r}\n{FURNITURE}")
    return Home(site, json.loads(printed.splitlines()[-1]))


Go = Callable[[Page, Home], None]


@dataclass(frozen=True)
class Place:
    """One state of one page: the route it is on, who sees it, how one gets there, and whether docs/screens/ shows it."""

    name: str
    route: str
    go: Go
    who: str = "alice"
    kept: bool = False


def at(path: str, then: Callable[[Page], None] | None = None) -> Go:
    """Open `path` ({video} and other ids are filled in), then do something there."""

    def go(page: Page, home: Home) -> None:
        page.goto(home.url(path.format(**home.ids)))
        page.wait_for_load_state("load")
        if then:
            then(page)

    return go


def workspace(*keys: str, wait: str = "") -> Go:
    """Open the workspace of the furnished video, then press keys."""

    def go(page: Page, home: Home) -> None:
        open_workspace(page, home.site, home.ids["video"])
        for key in keys:
            page.keyboard.press(key)
        if wait:
            page.wait_for_selector(wait)

    return go


def press(selector: str, wait: str) -> Callable[[Page], None]:
    def do(page: Page) -> None:
        page.click(selector)
        page.wait_for_selector(wait)

    return do


def shown(selector: str) -> Callable[[Page], None]:
    def wait(page: Page) -> None:
        page.wait_for_selector(selector, timeout=20_000)

    return wait


def the_code_window(page: Page) -> None:
    page.wait_for_selector("body[data-ready=true]")
    page.click("[data-mode=whole]")
    page.wait_for_selector("#classes.is-code")


def is_every_stroke_marked(page: Page) -> None:
    page.wait_for_selector("body[data-ready=true]")
    page.click("#complete")
    page.wait_for_selector("#complete-check[open]")


def a_wrong_password(page: Page) -> None:
    page.fill("[name=username]", "alice")
    page.fill("[name=password]", "wrong")
    page.click("button[type=submit]")
    page.wait_for_selector("[role=alert]")


def uploads(page: Page) -> None:
    """The panel with one file that is taken and one that is not."""
    press("#upload-open", "#upload-input")(page)
    film = {"name": "film.mp4", "mimeType": "video/mp4", "buffer": b"\0\0\0\x14ftypisom" + bytes(600)}
    page.set_input_files("#upload-input", [film, {"name": "notes.mp4", "mimeType": "video/mp4", "buffer": b"only notes"}])
    page.wait_for_selector(".upload-file[data-state=failed]")


PLACES = [
    Place("sign-in", "sign-in", at("/sign-in/"), "anonymous", kept=True),
    Place("sign-in-wrong", "sign-in", at("/sign-in/", a_wrong_password), "anonymous"),
    Place("sign-in-stranger", "sign-in", at("/sign-in/"), "charlie"),
    Place("password-ask", "password-ask", at("/password/"), "anonymous", kept=True),
    Place("password-sent", "password-sent", at("/password/sent/"), "anonymous"),
    Place("password-used", "password-set", at("/password/set/MQ/x-y/"), "anonymous"),
    Place("not-here", "", at("/nowhere/")),
    Place("library", "library", at("/"), kept=True),
    Place("library-admin", "library", at("/"), "admin"),
    Place("library-upload", "library", at("/", press("#upload-open", "#upload-input"))),
    Place("library-uploads", "library", at("/", uploads), kept=True),
    Place("library-edit", "library", at("/", press("[data-edit]", "#edit[open]"))),
    Place("library-none", "library", at("/?q=nowhere", lambda page: page.wait_for_selector(".empty"))),
    Place("library-delete", "library", at("/", press("[data-delete]", "#delete[open]")), "admin"),
    Place("queue", "queue", at("/queue/", shown("#queue[data-shown]")), kept=True),
    Place("queue-find", "queue", at("/queue/", press("[data-action=palette]", "#palette[open]"))),
    Place("queue-keys", "queue", at("/queue/", press("[data-do=sheet]", "#sheet[open]"))),
    Place("strokes", "strokes", at("/strokes/", shown("#strokes[data-ready]")), kept=True),
    Place("strokes-none", "strokes", at("/strokes/?text=nowhere", shown("#strokes[data-ready]"))),
    Place("strokes-admin", "strokes", at("/strokes/", shown("#strokes[data-ready]")), "admin"),
    Place("strokes-reel", "strokes", at("/strokes/", press("#play-reel", "#reel[data-shown]")), kept=True),
    Place("effect", "effect", at("/effect/")),
    Place("effect-admin", "effect", at("/effect/"), "admin", kept=True),
    Place("classes", "classes", at("/classes/"), kept=True),
    Place("models", "models", at("/models/")),
    Place("models-admin", "models", at("/models/"), "admin", kept=True),
    Place("data", "data", at("/data/")),
    Place("data-admin", "data", at("/data/"), "admin", kept=True),
    Place("settings", "settings", at("/settings/", lambda page: page.wait_for_selector("body[data-ready=true]")), kept=True),
    Place("settings-admin", "settings", at("/settings/", lambda page: page.wait_for_selector("body[data-ready=true]")), "admin", kept=True),
    Place("password-change", "password-change", at("/settings/password/")),
    Place("workspace", "workspace", workspace(), kept=True),
    Place("workspace-stroke", "workspace", workspace("ArrowDown", "ArrowDown", wait="#detail[data-kind=stroke]")),
    Place("workspace-suggestion", "workspace", workspace("n", wait="#detail[data-kind=suggestion]"), kept=True),
    Place("workspace-draft", "workspace", workspace("i", "q", wait="#detail[data-kind=draft]")),
    Place("workspace-keys", "workspace", workspace("?", wait="#sheet[open]"), kept=True),
    Place("workspace-hints", "workspace", workspace("w", wait="#hints:not([hidden])")),
    Place("workspace-complete", "workspace", at("/videos/{video}/", is_every_stroke_marked)),
    Place("workspace-find", "workspace", workspace("/", wait="#palette[open]")),
    Place("workspace-history", "workspace", workspace("h", wait="#history[open] li")),
    Place("workspace-rule", "workspace", workspace("q", "v", wait="body.workspace"), kept=True),
    Place("workspace-compare", "workspace", workspace("y"), "admin", kept=True),
    Place("workspace-blind", "workspace", at("/videos/{blind}/")),
    Place("workspace-go-to", "workspace", workspace("g", wait="#go-to[open]")),
    Place("workspace-compared", "workspace", workspace("y", "Shift+ArrowDown", wait="#detail[data-kind=other]"), "admin", kept=True),
    Place("workspace-waiting", "workspace", at("/videos/{waiting}/", lambda page: page.wait_for_selector("#waiting:not([hidden])"))),
    # The last: what a class does is kept for the person.
    Place("workspace-code-window", "workspace", at("/videos/{video}/", the_code_window), "admin", kept=True),
]


def enter(page: Page, home: Home, place: Place) -> None:
    """Be who the place is for (signed in afresh), and go there."""
    page.context.clear_cookies(name="sessionid")
    if place.who == "charlie":
        page.goto(home.url("/sign-in/"))
        page.fill("[name=username]", "charlie")
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_load_state("load")
    elif place.who != "anonymous":
        sign_in(page, home.site, place.who)
    place.go(page, home)
