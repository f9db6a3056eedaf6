"""People: invited by a link, given roles, taken out of use; nobody shuts themselves out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotator import access
from annotator.api.site_serializers import AccountLink, AccountShown
from tests.conftest import PASSWORD

JSON = "application/json"


def test_invited_sets_a_password_and_marks(as_admin: Client) -> None:
    answer = as_admin.post("/api/v1/people/", {"name": "dora", "email": "d@example.org", "role": "expert"}, JSON)
    assert answer.status_code == 201 and AccountLink(data=answer.json()).is_valid()
    person = answer.json()["person"]
    assert (person["role"], person["invited"], person["last_login"]) == ("expert", True, None)
    link = urlsplit(answer.json()["link"]).path
    dora = Client()
    form = dora.get(link, follow=True)
    assert form.status_code == 200 and b"dora" in form.content
    there = form.redirect_chain[-1][0]
    new = {"new_password1": "a quiet long table", "new_password2": "a quiet long table"}
    assert dora.post(there, new).status_code == 302
    assert dora.get("/").status_code == 200
    assert access.member(User.objects.get(username="dora"))
    assert b"used up" in Client().get(link, follow=True).content, "good once"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "two words"}, "bad_name"),
        ({"name": "x", "role": "king"}, "bad_role"),
        ({"name": "x", "role": "none"}, "bad_role"),
        ({"name": "x", "email": "nowhere"}, "bad_email"),
        ({"name": "ALICE"}, "name_taken"),
        ({"name": ""}, "bad_field"),
    ],
)
def test_invitations_that_are_refused(as_admin: Client, alice: Any, body: dict[str, str], code: str) -> None:
    before = User.objects.count()
    answer = as_admin.post("/api/v1/people/", body, JSON)
    assert answer.json()["code"] == code and answer.json()["message"].endswith(".")
    assert User.objects.count() == before


def test_roles_and_out_of_use(as_admin: Client, as_alice: Client, alice: Any) -> None:
    changed = as_admin.patch(f"/api/v1/people/{alice.pk}/", {"role": "admin"}, JSON).json()
    assert changed["role"] == "admin" and as_alice.get("/api/v1/people/").status_code == 200
    as_admin.patch(f"/api/v1/people/{alice.pk}/", {"role": "expert"}, JSON)
    assert as_alice.get("/api/v1/people/").status_code == 403 and as_alice.get("/").status_code == 200
    as_admin.patch(f"/api/v1/people/{alice.pk}/", {"active": False}, JSON)
    assert as_alice.get("/api/v1/videos/").status_code == 401
    assert as_admin.post(f"/api/v1/people/{alice.pk}/link/").json()["code"] == "not_active"
    as_admin.patch(f"/api/v1/people/{alice.pk}/", {"active": True}, JSON)
    assert Client().login(username="alice", password=PASSWORD), "nothing of the account was lost"


def test_a_stranger_becomes_an_expert(as_admin: Client, as_charlie: Client, charlie: Any) -> None:
    listed = as_admin.get("/api/v1/people/").json()
    assert AccountShown(data=listed, many=True).is_valid()
    assert next(each["role"] for each in listed if each["name"] == "charlie") == "none"
    as_admin.patch(f"/api/v1/people/{charlie.pk}/", {"role": "expert"}, JSON)
    assert as_charlie.get("/").status_code == 200


def test_nobody_shuts_themselves_out(as_admin: Client, admin: Any) -> None:
    for body in ({"role": "expert"}, {"active": False}):
        answer = as_admin.patch(f"/api/v1/people/{admin.pk}/", body, JSON)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_yourself")
    assert as_admin.get("/api/v1/people/").status_code == 200


def test_the_page(as_admin: Client, as_alice: Client) -> None:
    page = as_admin.get("/settings/").content.decode()
    assert 'id="accounts"' in page and "administrator (you)" in page
    assert 'id="accounts"' not in as_alice.get("/settings/").content.decode()


def test_a_new_password_for_whoever_knows_the_old(as_alice: Client, alice: Any) -> None:
    wrong = {"old_password": "no", "new_password1": "a quiet long table", "new_password2": "a quiet long table"}
    assert b"form-error" in as_alice.post("/settings/password/", wrong).content
    right = {**wrong, "old_password": PASSWORD}
    assert as_alice.post("/settings/password/", right).headers["Location"] == "/settings/"
    assert as_alice.get("/").status_code == 200, "this window stays signed in"
    assert not Client().login(username="alice", password=PASSWORD)
