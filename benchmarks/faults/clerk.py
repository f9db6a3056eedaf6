"""The clerk: looks into the site's database for the scenarios, one JSON line in, one JSON line out.

A process of its own, because the browser's event loop and Django's database do not go together in one thread.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any
from uuid import UUID, uuid4

import django

MOVES = ["Serve Forehand Loop", "Negative"]


def film(source: str, strokes: list[list[Any]], suggestions: list[list[int]]) -> dict[str, Any]:
    """A video of its own with the pictures of `source`, strokes already marked by alice, suggestions to decide."""
    from django.conf import settings

    from strokes import decisions, records
    from strokes.models import Suggestion, Video

    made = Video.objects.get(pk=source)
    made.pk, made.sha256, made.title = uuid4(), uuid4().hex * 2, f"Scenario {Video.objects.count()}"
    made.save(force_insert=True)
    shutil.copytree(settings.MEDIA_ROOT / source, settings.MEDIA_ROOT / str(made.pk), copy_function=os.link)
    rows = [Suggestion.objects.create(video=made, begin=b, end=e, move=MOVES[0], score=0.7, top=[[MOVES[0], 0.7]])
            for b, e in suggestions]  # fmt: skip
    lane = records.lane(video=made, expert=_user("alice"))
    ids = [uuid4() for _ in strokes]
    ops = [{"id": uuid4(), "kind": "add", "stroke": key, "data": {"begin": b, "end": e, "move": m}}
           for key, (b, e, m) in zip(ids, strokes, strict=True)]  # fmt: skip
    decisions.apply(lane=lane, expert=_user("alice"), ops=ops, base=0)
    return {"video": str(made.pk), "strokes": [str(key) for key in ids], "suggestions": [str(row.pk) for row in rows]}


def look(video: str, name: str) -> dict[str, Any]:
    """What the server has of this person's work, from its rows; and whether the log folds to the same."""
    from strokes import records
    from strokes.models import Decision, Lane

    lane = Lane.objects.filter(video=video, expert__username=name).first()
    if lane is None:
        return {"strokes": [], "verdicts": {}, "complete": False, "log": [], "sound": True}
    state = records.rows(lane)
    log = list(Decision.objects.filter(lane=lane).order_by("number"))
    sound = state == records.fold(lane) and [entry.number for entry in log] == list(range(1, lane.version + 1))
    marks = [[m.begin, m.end, m.move, m.note, m.unsure] for m in state.strokes.values()]
    return {
        "strokes": sorted(marks),
        "verdicts": {str(key): value for key, value in state.verdicts.items()},
        "complete": state.complete,
        "log": [[str(entry.id), entry.kind] for entry in log],
        "sound": sound,
    }


def elsewhere(video: str, stroke: str, data: dict[str, Any]) -> dict[str, Any]:
    """alice changes a stroke on another machine."""
    from strokes import decisions, records
    from strokes.models import Video

    lane = records.lane(video=Video.objects.get(pk=video), expert=_user("alice"))
    op = {"id": uuid4(), "kind": "change", "stroke": UUID(stroke), "data": data}
    decisions.apply(lane=lane, expert=_user("alice"), ops=[op], base=None)
    return {"id": str(op["id"])}


def sign_out() -> dict[str, Any]:
    """Every session of this site ends."""
    from django.contrib.sessions.models import Session

    return {"ended": Session.objects.all().delete()[0]}


def _user(name: str) -> Any:
    from django.contrib.auth.models import User

    return User.objects.get(username=name)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
    django.setup()
    verbs = {"film": film, "look": look, "elsewhere": elsewhere, "sign_out": sign_out}
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(verbs[asked.pop("do")](**asked)), flush=True)


if __name__ == "__main__":
    main()
