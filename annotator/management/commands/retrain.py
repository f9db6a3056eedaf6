"""`manage.py retrain`, for a person or cron: train in the foreground, under the lock of the worker's training job.

Exit codes: 0 promoted, provisional or nothing to do; 3 trained but not promoted; 75 already running; 1 failed.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotator import bars, engine, jobs, messages, worker
from annotator.management.commands import add_video
from mlcore import formats
from strokes import exports, registry
from strokes import jobs as table
from strokes.errors import Refused
from strokes.models import Job, Run, Taxonomy

DONE, FAILED, NOT_PROMOTED, BUSY = 0, 1, 3, 75


class Command(BaseCommand):
    help = "Trains a network on the decisions so far. Exit: 0 used or nothing to do, 3 not used, 75 running, 1 failed."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--taxonomy", metavar="NAME", help="only this taxonomy (default: each one that has videos)")
        parser.add_argument("--if-new", type=int, default=0, metavar="N", help="only with at least N new decisions")
        parser.add_argument("--max-minutes", type=float, metavar="M", help="stop training after M minutes")
        parser.add_argument("--device", choices=["auto", "cpu", "cuda"])
        parser.add_argument("--preset", choices=["tiny", "cpu", "published"])
        parser.add_argument("--dry-run", action="store_true", help="say what would be trained, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.getLogger("topspin").setLevel(logging.CRITICAL)  # a failure is one plain line; the job keeps its log
        codes = [self._one(taxonomy, options) for taxonomy in self._taxonomies(options["taxonomy"])]
        if not codes:
            self._say(_("There are no videos yet: nothing to train on."))
        worst = next((code for code in (FAILED, BUSY, NOT_PROMOTED) if code in codes), DONE)
        if worst:
            sys.exit(worst)

    def _say(self, text: str) -> None:
        self.stdout.write(text)

    def _taxonomies(self, name: str | None) -> list[Taxonomy]:
        if name is None:
            return list(Taxonomy.objects.filter(video__isnull=False).distinct().order_by("pk"))
        return [add_video.named(name)]

    def _one(self, taxonomy: Taxonomy, options: dict[str, Any]) -> int:
        new = registry.new_decisions(taxonomy)
        if new < options["if_new"]:
            text = _("%(taxonomy)s: %(new)d new decisions, fewer than %(n)d: nothing to do.")
            self._say(text % {"taxonomy": taxonomy, "new": new, "n": options["if_new"]})
            return DONE
        if options["dry_run"]:
            return self._dry_run(taxonomy, new)
        lock = engine.Lock(jobs.train_lock())
        try:
            if not lock.take():
                lock.remove_orphan(grace_s=engine.Limits.grace_s)
                if not lock.take():
                    self._say(_("A training is already running here."))
                    return BUSY
            return self._train(taxonomy, options, lock)
        finally:
            lock.release()

    def _dry_run(self, taxonomy: Taxonomy, new: int) -> int:
        with tempfile.TemporaryDirectory() as folder, transaction.atomic():
            try:
                dataset = formats.Dataset.read(exports.dataset(taxonomy=taxonomy, root=Path(folder)))
            except Refused as error:
                self._say(f"{taxonomy}: {messages.sentence(error.code, error.params)}")
                return DONE
            finally:
                transaction.set_rollback(True)
        strokes = sum(len(video.strokes) for video in dataset.videos)
        text = _(
            "%(taxonomy)s: would train on %(videos)d videos with %(strokes)d strokes (%(new)d new decisions; %(how)s)."
        )
        self._say(text % {"taxonomy": taxonomy, "videos": len(dataset.videos), "strokes": strokes, "new": new,
                          "how": dataset.protocol})  # fmt: skip
        return DONE

    def _train(self, taxonomy: Taxonomy, options: dict[str, Any], lock: engine.Lock) -> int:
        given = {key: options[key] for key in ("max_minutes", "device", "preset") if options[key] is not None}
        job = table.enqueue(kind=Job.Kind.TRAIN, taxonomy=taxonomy, args={"by": "command", **given})
        claimed = claim(job, given)
        if claimed is None:
            self._say(_("A training is already running elsewhere."))
            return BUSY
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        bar = bars.Bar(str(taxonomy))
        try:
            state = jobs.run(claimed, stop=stop, watch=bar.line, lock=lock)
        finally:
            bar.close()
        claimed.refresh_from_db()
        if state == Job.State.QUEUED and stop.is_set():
            self._say(_("Stopped. What was learnt so far is kept; the worker or the next retrain goes on from there."))
            return FAILED
        if state != Job.State.DONE or claimed.run is None:
            self.stderr.write(
                messages.sentence(claimed.error_code or "step_crashed", claimed.error_params or {"step": "train"})
            )
            return FAILED
        return self._verdict(claimed.run)

    def _verdict(self, run: Run) -> int:
        used = run.state in (Run.State.PROMOTED, Run.State.PROVISIONAL)
        text = (
            _("Model %(number)d is now in use (%(state)s).")
            if used
            else _("Model %(number)d was trained but is not used.")
        )
        why = " ".join(messages.sentence(reason["code"], reason.get("params", {})) for reason in run.reasons)
        self._say(f"{text % {'number': run.number, 'state': run.get_state_display()}} {why}".strip())
        return DONE if used else NOT_PROMOTED


def claim(job: Job, given: dict[str, Any]) -> Job | None:
    """Claim exactly this job (a queued one takes over what the command was given); None if somebody works on it."""
    table.reconcile(worker.alive)
    first = Job.objects.filter(state=Job.State.QUEUED, slot=job.slot).aggregate(top=Max("priority"))["top"] or 0
    Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(priority=first + 1, args={**job.args, **given})
    claimed = table.claim(slot=job.slot, owner=worker.owner())
    if claimed is not None and claimed.pk != job.pk:
        table.requeue(claimed, refund=True)
        return None
    return claimed
