"""Codes in, sentences out: what happened, what is safe, what to do next, in the reader's language."""

from __future__ import annotations

import logging
import math
import string
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.template.defaultfilters import filesizeformat
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from annotator.sentences import SENTENCES
from mlcore.files import FormatError
from strokes.errors import Conflict, Refused

__all__ = ["SENTENCES", "api_exception", "problem", "sentence", "status_of"]
log = logging.getLogger(__name__)

STATUS = {
    "forbidden": 403,
    "not_admin": 403,
    "not_your_lane": 403,
    "not_complete_yet": 403,
    "not_yours": 403,
    "wrong_password": 403,
    "other_person": 401,
    "already_here": 409,
    "name_taken": 409,
    "not_yourself": 409,
    "not_active": 409,
    "op_reused": 409,
    "has_labels": 409,
    "player_has_strokes": 409,
    "run_here": 409,
    "run_not_trained": 409,
    "no_previous_run": 409,
    "blind_video": 409,
    "example_blind": 409,
    "not_watchable": 409,
    "not_practice": 409,
    "nothing_marked": 409,
    "practice_video": 409,
    "not_ready": 409,
    "too_few_finished": 409,
    "nothing_agreed": 409,
    "consensus_not_begun": 409,
    "no_mail": 409,
    "stale": 412,
    "body_too_large": 413,
    "key_reused": 422,
    "upload_too_large": 413,
    "file_too_large": 413,
    "version_missing": 428,
    "wrong_offset": 409,
    "upload_gone": 410,
    "tus_version": 412,
    "upload_beyond": 413,
    "upload_busy": 423,
    "too_many_uploads": 429,
    "too_many_tries": 429,
    "bad_checksum": 460,
    "disk_full": 507,
    "not_found": 404,
    "no_such_frame": 404,
    "frame_lost": 404,
    "pictures_busy": 503,
    "pictures_failed": 500,
}


class Words(string.Formatter):
    """Formats for people: numbers as the current language writes them, sizes as sizes, gaps instead of errors."""

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        value = kwargs.get(str(key))
        return filesizeformat(value) if str(key).endswith("_bytes") and value is not None else value

    def format_field(self, value: Any, spec: str) -> str:
        if isinstance(value, (list, tuple, set)):
            return ", ".join(self.format_field(each, "") for each in value)
        if isinstance(value, float) and math.isfinite(value):
            text = format(value, spec or ".3g").replace("%", "\N{NO-BREAK SPACE}%")
            return text.replace(".", ",") if get_format("DECIMAL_SEPARATOR") == "," else text
        return "…" if value is None else str(value)


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """The sentence for `code` in the current language. An unknown code gets a plain general one that names it."""
    template = SENTENCES.get(code)
    if template is None:
        log.error("no sentence for the code %s", code)
        general = _("This did not work, and nothing was changed. Please tell your administrator this word: {code}")
        return general.format(code=code)
    return Words().vformat(str(template), (), params or {})


def problem(code: str, params: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The body of every error answer."""
    return {"code": code, "message": sentence(code, params), "params": dict(params or {}), **more}


def status_of(error: Refused) -> int:
    """The HTTP status of a refusal by the domain."""
    return STATUS.get(error.code, 409 if isinstance(error, Conflict) else 400)


def api_exception(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Every error of the API as {"code", "message", "params"}; None (a 500) only for defects."""
    set_rollback()
    headers: dict[str, str] = {}
    if isinstance(exc, Refused):
        if exc.code == "too_many_tries":
            headers["Retry-After"] = "900"
        return Response(problem(exc.code, exc.params), status=status_of(exc), headers=headers)
    if isinstance(exc, FormatError):
        return Response(problem("bad_file", {"detail": str(exc)}), status=400)
    if isinstance(exc, OSError) and exc.errno == 28:  # ENOSPC
        return Response(problem("disk_full"), status=507)
    if isinstance(exc, OperationalError) and "locked" in str(exc):
        return Response(problem("busy"), status=503, headers={"Retry-After": "2"})
    if isinstance(exc, (Http404, exceptions.NotFound)):
        return Response(problem("not_found"), status=404)
    if isinstance(exc, (PermissionDenied, exceptions.PermissionDenied)):
        csrf = isinstance(exc, exceptions.PermissionDenied) and str(exc.detail).startswith("CSRF")
        return Response(problem("csrf_failed" if csrf else "forbidden"), status=403)
    if isinstance(exc, exceptions.NotAuthenticated):
        if header := getattr(exc, "auth_header", None):
            headers["WWW-Authenticate"] = header
        return Response(problem("signed_out"), status=401, headers=headers)
    if isinstance(exc, exceptions.ValidationError):
        field, detail = _first(exc.detail)
        return Response(problem("bad_field", {"field": field, "detail": detail}), status=400)
    if isinstance(exc, exceptions.APIException):
        code = {400: "bad_json", 405: "method_not_allowed", 415: "wrong_content_type", 406: "wrong_content_type"}
        return Response(problem(code.get(exc.status_code, "bad_request")), status=exc.status_code)
    return None


def _first(detail: Any, path: str = "") -> tuple[str, str]:
    """The first complaint of a serializer: where, and what in words."""
    if isinstance(detail, Mapping):
        key = next(key for key, value in detail.items() if value)
        return _first(detail[key], f"{path}.{key}" if path else str(key))
    if isinstance(detail, list):
        at = next(index for index, value in enumerate(detail) if value)
        inner = f"{path}[{at}]" if isinstance(detail[at], (Mapping, list)) else path
        return _first(detail[at], inner)
    return path.removesuffix(".non_field_errors"), str(detail)
