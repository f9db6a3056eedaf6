"""My settings: keys, marking, language, password; for admins the people of the site."""

from __future__ import annotations

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from annotator import people
from annotator.access import members_only, person
from annotator.api.people import shown


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    user = person(request)
    accounts = [shown(each) for each in people.everybody()] if user.is_staff else []
    return render(request, "settings.html", {"accounts": accounts, "admin": user.is_staff})


@method_decorator(members_only, name="dispatch")
class Password(PasswordChangeView):
    """A new password, by whoever knows the old one; other windows are signed out."""

    template_name = "password_change.html"
    success_url = reverse_lazy("settings")
