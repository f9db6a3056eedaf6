"""A forgotten password: a link by mail where the site sends mail, by an administrator where it does not, good once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import reverse, reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from annotator.messages import sentence, status_of
from strokes.errors import Refused

ASKS, ASKS_SECONDS = 5, 60 * 60


def link_for(user: User) -> str:
    """The path of the page where `user` sets a password: good once, for PASSWORD_RESET_TIMEOUT seconds."""
    number = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("password-set", args=[number, default_token_generator.make_token(user)])


def _count(request: HttpRequest) -> None:
    """Refused("too_many_tries") after five wishes of one address in an hour: nobody's mailbox is flooded from here."""
    key = f"password:{request.META.get('REMOTE_ADDR', '')}"
    cache.add(key, 0, ASKS_SECONDS)
    if cache.incr(key) > ASKS:
        raise Refused("too_many_tries")


class Ask(views.PasswordResetView):
    """Ask for a link. The answer is the same whether the address is known or not."""

    template_name = "password_ask.html"
    email_template_name = "mail/password.txt"
    subject_template_name = "mail/password_subject.txt"
    success_url = reverse_lazy("password-sent")

    def get_context_data(self, **known: Any) -> dict[str, Any]:
        return super().get_context_data(**known, mail=settings.SENDS_MAIL)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            if not settings.SENDS_MAIL:
                raise Refused("no_mail")
            _count(request)
        except Refused as refused:
            shown = self.get_context_data(error=sentence(refused.code, refused.params))
            return self.render_to_response(shown, status=status_of(refused))
        return super().post(request, *args, **kwargs)


class Sent(views.PasswordResetDoneView):
    template_name = "password_sent.html"


class Set(views.PasswordResetConfirmView):
    """Set a new password by a link, and be signed in with it."""

    template_name = "password_set.html"
    post_reset_login = True
    success_url = reverse_lazy("library")
