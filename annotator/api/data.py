"""Sets of classes, splits, exports and imports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import IsAdmin, IsMember, person, video_or_404, visible_videos
from annotator.api import Endpoint, Untouched
from annotator.api.serializers import TaxonomyShown
from annotator.api.site_serializers import ExportQuery, ImportQuery, ImportReport, TaxonomyWanted
from annotator.messages import sentence
from strokes import exports, imports, splits, taxonomy
from strokes.errors import Refused
from strokes.models import Taxonomy, Video

XML_MAX = 10 * 1024**2


def _shown(row: Taxonomy) -> dict[str, Any]:
    return {"id": row.pk, "name": row.name, "revision": row.revision, "moves": row.moves}


class Taxonomies(Endpoint):
    def get_permissions(self) -> list[Any]:
        return [IsMember() if self.request.method in ("GET", "HEAD", "OPTIONS") else IsAdmin()]

    @extend_schema(responses=TaxonomyShown(many=True))
    def get(self, request: Request) -> Response:
        return Response([_shown(row) for row in Taxonomy.objects.order_by("name", "revision")])

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: TaxonomyShown})
    def post(self, request: Request) -> Response:
        return Response(_shown(taxonomy.add(request.data)), status=201)


class Splits(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=TaxonomyWanted, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Bring the split of a set of classes up to date with its videos."""
        wanted = TaxonomyWanted(data=request.data)
        wanted.is_valid(raise_exception=True)
        split = splits.current(get_object_or_404(Taxonomy, pk=wanted.validated_data["taxonomy"]))
        return Response({"version": split.version, "frozen": split.frozen}, status=201)


class Exports(Endpoint):
    parser_classes = [JSONParser, FormParser]

    @extend_schema(parameters=[ExportQuery], responses={(200, "application/octet-stream"): bytes})
    def get(self, request: Request) -> HttpResponseBase:
        query = ExportQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        return _export(request, query.validated_data)

    @extend_schema(parameters=[ExportQuery], request=None, responses={(200, "application/zip"): bytes})
    def post(self, request: Request) -> HttpResponseBase:
        """The bundle freezes the split it was made with, so a GET does not make one."""
        query = ExportQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        if query.validated_data["format"] != "bundle":
            return _export(request, query.validated_data)
        row = get_object_or_404(Taxonomy, pk=query.validated_data.get("taxonomy"))
        return _download(exports.bundle(row), f"{slugify(row.name)}-r{row.revision}.zip")


def _download(path: Path, name: str) -> HttpResponseBase:
    response = FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="application/zip")
    response["Cache-Control"] = "private, no-store"
    return response


def _export(request: Request, query: dict[str, Any]) -> HttpResponseBase:
    kind = query["format"]
    if kind == "bundle":
        raise Refused("use_post")
    if kind == "csv":
        rows = visible_videos(request.user)
        if "video" in query:
            rows = rows.filter(pk=video_or_404(request.user, query["video"]).pk)
        elif "taxonomy" in query:
            rows = rows.filter(taxonomy=query["taxonomy"])
        return _attachment(exports.csv(rows).encode(), "text/csv; charset=utf-8", "strokes.csv")
    if "video" not in query:
        raise Refused("which_video")
    video = video_or_404(request.user, query["video"])
    year = kind.removeprefix("mediaeval")
    body = exports.mediaeval2020(video) if year == "2020" else exports.mediaeval2022(video, query["task"])
    return _attachment(body, "application/xml", f"{_name_of(video)}-{year}.xml")


def _name_of(video: Video) -> str:
    return slugify(video.title) or str(video.pk)


def _attachment(body: bytes, content_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(body, content_type=content_type, headers=headers)


class Imports(Endpoint):
    parser_classes = [Untouched]

    @extend_schema(parameters=[ImportQuery], request={"application/xml": bytes}, responses=ImportReport)
    def post(self, request: Request) -> Response:
        query = ImportQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        video = video_or_404(request.user, wanted["video"])
        xml = request._request.read(XML_MAX + 1)
        if len(xml) > XML_MAX:
            raise Refused("file_too_large")
        intervals = imports.read_mediaeval(xml, inclusive=wanted["inclusive"])
        user = person(request)
        if wanted["dry_run"]:
            report = imports.plan(video=video, expert=user, intervals=intervals)
        else:
            choice = {"complete": wanted["complete"], "skip_bad": wanted["skip_bad"]}
            report = imports.apply(video=video, expert=user, intervals=intervals, **choice)
        return Response({**_worded(report), "done": not wanted["dry_run"]})


def _worded(report: Any) -> dict[str, Any]:
    refused = [{"line": line.get("line"), "code": line["code"], "message": sentence(line["code"], line.get("params"))}
               for line in report["refused"]]  # fmt: skip
    return {"add": report["add"], "duplicate": report["duplicate"], "refused": refused}
