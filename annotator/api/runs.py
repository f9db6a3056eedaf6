"""Models and the work behind them: runs, their curves, promotion, training now, the job log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator import plans
from annotator.access import IsAdmin, person
from annotator.api import Endpoint, shapes
from annotator.api.site_serializers import Epochs, JobShown, RunShown, TaxonomyWanted
from strokes import jobs, registry
from strokes.models import Job, Run, Taxonomy

JOBS_SHOWN = 200


def _taxonomy(data: Any) -> Taxonomy:
    wanted = TaxonomyWanted(data=data)
    wanted.is_valid(raise_exception=True)
    return get_object_or_404(Taxonomy, pk=wanted.validated_data["taxonomy"])


def epochs_of(run: Run) -> list[dict[str, Any]]:
    """The lines of epochs.jsonl so far; a last line that is just being written is left for the next look."""
    try:
        text = (Path(settings.RUNS_ROOT) / str(run.pk) / "epochs.jsonl").read_text("utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n") and line.strip()]


class Runs(Endpoint):
    @extend_schema(parameters=[OpenApiParameter("taxonomy", int)], responses=RunShown(many=True))
    def get(self, request: Request) -> Response:
        runs = Run.objects.select_related("taxonomy")
        if request.query_params.get("taxonomy"):
            runs = runs.filter(taxonomy=_taxonomy(request.query_params.dict()))
        return Response([shapes.run(run) for run in runs])


class EpochsOfRun(Endpoint):
    @extend_schema(responses=Epochs)
    def get(self, request: Request, pk: UUID) -> Response:
        return Response({"epochs": epochs_of(get_object_or_404(Run, pk=pk))})


class Promote(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=RunShown)
    def post(self, request: Request, pk: UUID) -> Response:
        run = get_object_or_404(Run.objects.select_related("taxonomy"), pk=pk)
        registry.promote(run=run, user=person(request))
        plans.suggest_again(run.taxonomy)
        run.refresh_from_db()
        return Response(shapes.run(run))


class RollBack(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=TaxonomyWanted, responses=RunShown)
    def post(self, request: Request) -> Response:
        run = registry.roll_back(taxonomy=_taxonomy(request.data), user=person(request))
        plans.suggest_again(run.taxonomy)
        return Response(shapes.run(run))


class Retrain(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=TaxonomyWanted, responses={201: JobShown})
    def post(self, request: Request) -> Response:
        job = jobs.enqueue(kind=Job.Kind.TRAIN, taxonomy=_taxonomy(request.data), args={"preset": settings.PRESET})
        return Response(shapes.job(job), status=201)


class Jobs(Endpoint):
    @extend_schema(responses=JobShown(many=True))
    def get(self, request: Request) -> Response:
        return Response([shapes.job(job) for job in Job.objects.defer("log").order_by("-pk")[:JOBS_SHOWN]])


class Retry(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses={201: JobShown})
    def post(self, request: Request, pk: int) -> Response:
        job = jobs.retry(get_object_or_404(Job, pk=pk))
        return Response(shapes.job(job), status=201)
