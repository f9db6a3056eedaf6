"""A forgotten password: by mail where the site sends mail, by an administrator's link where it does not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from tests.conftest import PASSWORD

NEW = "seven quiet green tables"


def follow(client: Client, path: str) -> str:
    """Where the form of a link is: Django keeps the token out of the address by a redirect."""
    answer = client.get(path)
    return str(answer["Location"]) if answer.status_code == 302 else path


@pytest.fixture
def posts(settings: Any, alice: Any) -> Any:
    settings.SENDS_MAIL = True
    alice.email = "alice@example.org"
    alice.save()
    return alice


def test_by_mail(posts: Any) -> None:
    client = Client()
    assert client.post("/password/", {"email": "alice@example.org"})["Location"] == "/password/sent/"
    (letter,) = mail.outbox
    assert letter.to == ["alice@example.org"] and "alice" in letter.body
    path = re.search(r"https?://testserver(/password/set/\S+)", letter.body)
    assert path
    form = follow(client, path[1])
    answer = client.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert answer["Location"] == "/"
    assert client.get("/").status_code == 200, "signed in at once"
    assert Client().login(username="alice", password=NEW) and not Client().login(username="alice", password=PASSWORD)
    again = Client().get(path[1])
    assert "used up" in again.content.decode(), "a link is good once"


def test_nobody_learns_who_has_an_account(posts: Any) -> None:
    answers = [Client().post("/password/", {"email": address}) for address in ("alice@example.org", "no@example.org")]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert len(mail.outbox) == 1


def test_no_mailbox_is_flooded(posts: Any) -> None:
    codes = [Client().post("/password/", {"email": "alice@example.org"}).status_code for _ in range(7)]
    assert codes == [302] * 5 + [429] * 2 and len(mail.outbox) == 5


def test_without_mail_the_page_says_what_to_do(alice: Any) -> None:
    assert "sends no mail" in Client().get("/password/").content.decode()
    assert Client().post("/password/", {"email": "alice@example.org"}).status_code == 409
    assert mail.outbox == []


def test_by_the_operators_link(alice: Any, capsys: Any) -> None:
    call_command("password_link", "alice")
    client = Client()
    form = follow(client, capsys.readouterr().out.strip())
    wrong = client.post(form, {"new_password1": "short", "new_password2": "short"})
    assert wrong.status_code == 200 and 'role="alert"' in wrong.content.decode()
    assert client.post(form, {"new_password1": NEW, "new_password2": NEW}).status_code == 302
    assert Client().login(username="alice", password=NEW)
    with pytest.raises(CommandError, match="nobody"):
        call_command("password_link", "nobody")
