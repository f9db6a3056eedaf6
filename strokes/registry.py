"""The model registry: which run is used, by which rule, and how one goes back.

The rule (champion and challenger on data that neither saw). Below GATE strokes in the hold-out a run becomes
*provisional* if it beats motion alone and is not clearly worse than the model in use, if any. From GATE strokes on it
is *promoted* if it is not worse than the model in use (or better than motion, if there is none): strokes.gate, or
the two figures alone where a run was measured without counts by video. All else is kept as *trained*, with reasons.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from strokes import gate, records
from strokes.errors import Conflict, Refused
from strokes.models import Run, Taxonomy

State = Run.State
GATE = 50  # strokes in the hold-out from which the full gate applies
MARGIN_GATE, MARGIN_PROVISIONAL = 0.01, 0.02
SHARE_ANY = 0.8  # of what motion finds, where no class can be checked: the run adds classes, which motion cannot
USABLE = [State.PROVISIONAL, State.PROMOTED]
Reasons = list[dict[str, Any]]
Scores = dict[str, float]


def folder(run: Run) -> Path:
    """Where the files of `run` lie."""
    return Path(settings.RUNS_ROOT) / str(run.pk)


def current(taxonomy: Taxonomy) -> Run | None:
    """The run whose suggestions are shown, if any."""
    return Run.objects.filter(taxonomy=taxonomy, current=True).first()


def start(*, taxonomy: Taxonomy, preset: str, dataset: Path | None = None, id: uuid.UUID | None = None) -> Run:
    """A new run, in training. Call it before its data is taken, so that later decisions count as new.

    `dataset`: its dataset.json, if it is made already. `id`: of a run trained elsewhere; Refused run_here{number}.
    """
    with transaction.atomic():
        here = Run.objects.filter(pk=id).first() if id else None
        if here:
            raise Refused("run_here", number=here.number)
        number = (Run.objects.aggregate(last=Max("number"))["last"] or 0) + 1
        run = Run(
            number=number, taxonomy=taxonomy, preset=preset, decisions_seen=records.decisions_of(taxonomy.pk),
            dataset_sha256=dataset.parent.name if dataset else "",
        )  # fmt: skip
        run.pk = id or run.pk
        run.save(force_insert=True)
    return run


def use(*, run: Run, dataset: Path) -> None:
    """Say which dataset (its dataset.json) the run is trained on."""
    Run.objects.filter(pk=run.pk).update(dataset_sha256=dataset.parent.name)
    run.dataset_sha256 = dataset.parent.name


def new_decisions(taxonomy: Taxonomy) -> int:
    """How many decisions were taken since the data of the last run that was trained to its end."""
    last = Run.objects.filter(taxonomy=taxonomy).exclude(state__in=[State.FAILED, State.TRAINING]).first()
    return records.decisions_of(taxonomy.pk) - (last.decisions_seen if last else 0)


def judge(run: Run, metrics: Mapping[str, Any]) -> tuple[str, Reasons]:
    """(state, reasons) that `metrics` (of mlcore.train) earn `run`; changes nothing."""
    unseen = metrics.get("unseen") or {}
    strokes = int(unseen.get("strokes") or 0)
    model, baseline = _scores(unseen.get("model")), _scores(unseen.get("baseline"))
    if strokes < 1 or model is None or baseline is None:
        return State.TRAINED, [_why("not_measured")]
    champion = _scores(unseen.get("champion"))
    used, checkable = current(run.taxonomy), bool(unseen.get("classes_checkable", True))
    if metrics.get("protocol") == "hold-out" and strokes >= GATE:
        return _gate(unseen, model, baseline, champion, used, strokes, checkable)
    return _first_look(model, baseline, champion, used, strokes, checkable)


def finish(*, run: Run, metrics: Mapping[str, Any]) -> Run:
    """The run is trained: judge it and, if it earned it, use it. Conflict run_not_training{number, state}."""
    with transaction.atomic():
        state, reasons = judge(run, metrics)
        changed = Run.objects.filter(pk=run.pk, state=State.TRAINING).update(
            state=state, metrics=_storable(dict(metrics)), reasons=reasons, finished=timezone.now()
        )
        if not changed:
            run.refresh_from_db()
            raise Conflict("run_not_training", number=run.number, state=run.state)
        if state in USABLE:
            _choose(run)
    run.refresh_from_db()
    return run


def fail(*, run: Run, code: str, params: Mapping[str, Any] | None = None) -> None:
    """Training ended without a model. Conflict run_not_training{number, state}."""
    changed = Run.objects.filter(pk=run.pk, state=State.TRAINING).update(
        state=State.FAILED, reasons=[_why(code, **dict(params or {}))], finished=timezone.now()
    )
    run.refresh_from_db()
    if not changed:
        raise Conflict("run_not_training", number=run.number, state=run.state)


def promote(*, run: Run, user: User) -> Run:
    """An admin uses `run`, whatever the rule said. Refused: not_admin; run_not_trained{number, state}."""
    if not user.is_staff:
        raise Refused("not_admin")
    trained = [State.TRAINED, State.PROVISIONAL, State.PROMOTED, State.ROLLED_BACK]
    with transaction.atomic():
        run.refresh_from_db()
        reasons = [*run.reasons, _why("chosen_by_admin")]
        if not Run.objects.filter(pk=run.pk, state__in=trained).update(state=State.PROMOTED, reasons=reasons):
            raise Refused("run_not_trained", number=run.number, state=run.state)
        _choose(run)
    run.refresh_from_db()
    return run


def roll_back(*, taxonomy: Taxonomy, user: User) -> Run:
    """Go back to the run used before the current one; returns it. Refused: not_admin, no_previous_run."""
    if not user.is_staff:
        raise Refused("not_admin")
    with transaction.atomic():
        used = current(taxonomy)
        before = Run.objects.filter(taxonomy=taxonomy, current=False, state__in=USABLE, chosen__isnull=False)
        previous = before.order_by("-chosen", "-number").first()
        if used is None or previous is None:
            raise Refused("no_previous_run")
        if not Run.objects.filter(pk=used.pk, current=True).update(state=State.ROLLED_BACK, current=False):
            raise Conflict("run_changed", number=used.number)
        _choose(previous)
    previous.refresh_from_db()
    return previous


def _choose(run: Run) -> None:
    Run.objects.filter(taxonomy=run.taxonomy_id, current=True).exclude(pk=run.pk).update(current=False)
    Run.objects.filter(pk=run.pk).update(current=True, chosen=timezone.now())


def _gate(
    unseen: Mapping[str, Any],
    model: Scores,
    baseline: Scores,
    champion: Scores | None,
    used: Run | None,
    strokes: int,
    checkable: bool,
) -> tuple[str, Reasons]:
    if used and champion is None and used.state == State.PROMOTED:
        return State.TRAINED, [_why("champion_not_measured", number=used.number)]
    if used and champion is None:  # it was trained on what is now held out, so it cannot be compared
        return _first_look(model, baseline, champion, used, strokes, checkable)
    rival, against = (champion, "champion") if used and champion else (baseline, "baseline")
    params = {"f1": model["f1"], "other": rival["f1"], "strokes": strokes, "number": used.number if used else None}
    counted = gate.counts(unseen, against)
    if counted is not None:
        passed, reasons = gate.judge(unseen, counted, against, params)
        return State.PROMOTED if passed else State.TRAINED, reasons
    if model["f1"] >= rival["f1"] - MARGIN_GATE:
        return State.PROMOTED, [_why(f"not_worse_than_{against}", **params)]
    return State.TRAINED, [_why(f"worse_than_{against}", **params)]


def _first_look(
    model: Scores, baseline: Scores, champion: Scores | None, used: Run | None, strokes: int, checkable: bool
) -> tuple[str, Reasons]:
    key = "f1" if checkable else "f1_any"
    params = {"f1": model[key], "other": baseline[key], "strokes": strokes}
    if model["f1"] > baseline["f1"]:
        reasons = [_why("beats_baseline", **params | {"f1": model["f1"], "other": baseline["f1"]})]
    elif not checkable and model["f1_any"] >= SHARE_ANY * baseline["f1_any"]:
        reasons = [_why("classes_not_checkable", **params)]
    else:
        return State.TRAINED, [_why("not_better_than_baseline", **params)]
    if used and champion is None:
        reasons.append(_why("champion_not_compared", number=used.number))
    elif used and champion and model[key] < champion[key] - MARGIN_PROVISIONAL:
        why = _why("worse_than_champion", f1=model[key], other=champion[key], strokes=strokes, number=used.number)
        return State.TRAINED, [why]
    if strokes < GATE:
        reasons.append(_why("few_strokes", strokes=strokes, needed=GATE))
    return State.PROVISIONAL, reasons


def _scores(body: Any) -> Scores | None:
    """f1 and f1_any as finite numbers, or None."""
    if not isinstance(body, Mapping):
        return None
    try:
        found = {key: float(body[key]) for key in ("f1", "f1_any")}
    except (KeyError, TypeError, ValueError):
        return None
    return found if all(math.isfinite(value) for value in found.values()) else None


def _storable(value: Any) -> Any:
    """`value` without NaN and infinity, which JSON columns do not hold: they become null."""
    if isinstance(value, Mapping):
        return {key: _storable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _why(code: str, **params: Any) -> dict[str, Any]:
    return {"code": code, "params": params}
