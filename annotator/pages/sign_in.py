"""Signing in: one plain form, the same answer whether the name exists or not."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from annotator import access
from annotator.api.me import remember_language
from annotator.messages import sentence, status_of
from strokes import preferences
from strokes.errors import Refused


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: a place on this site, or the library."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else ""


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    onward = _next(request)
    if request.method != "POST":
        if access.member(request.user):
            return redirect(settings.LOGIN_REDIRECT_URL)
        return render(request, "sign_in.html", {"next": onward})
    username = request.POST.get("username", "").strip()[:150]
    try:
        access.sign_in(request, username=username, password=request.POST.get("password", "")[:4096])
    except Refused as refused:
        shown = {"next": onward, "username": username, "error": sentence(refused.code, refused.params)}
        return render(request, "sign_in.html", shown, status=status_of(refused))
    answer = HttpResponseRedirect(onward) if onward else redirect(settings.LOGIN_REDIRECT_URL)
    language = preferences.get(user=access.person(request))["language"]
    if language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        remember_language(answer, language)
    return answer
