"""Answers are kept with what they answered: once in effect, the same words again, gone after two days."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from strokes import answers
from strokes.errors import Refused
from strokes.models import Answer


def test_the_work_is_done_once_and_its_answer_given_again(alice):
    key, done = uuid.uuid4(), []

    def work():
        done.append(1)
        return {"n": len(done)}

    for _ in range(3):
        assert answers.once(user=alice, key=key, request="a", work=work) == {"n": 1}
    assert answers.once(user=alice, key=None, request="a", work=work) == {"n": 2}


def test_one_key_for_two_requests_is_refused(alice, bob):
    key = uuid.uuid4()
    answers.once(user=alice, key=key, request="a", work=dict)
    with pytest.raises(Refused, match="key_reused"):
        answers.once(user=alice, key=key, request="b", work=dict)
    assert answers.once(user=bob, key=key, request="b", work=lambda: {"bob": 1}) == {"bob": 1}


def test_what_failed_is_not_kept(alice):
    key = uuid.uuid4()

    def refuse():
        Answer.objects.create(user=alice, key=uuid.uuid4(), request="", body={})
        raise Refused("not_ready")

    with pytest.raises(Refused):
        answers.once(user=alice, key=key, request="a", work=refuse)
    assert not Answer.objects.exists(), "neither the answer nor what the work wrote"
    assert answers.once(user=alice, key=key, request="a", work=lambda: {"n": 1}) == {"n": 1}


def test_forgotten_after_two_days(alice):
    for hours in (1, 47, 49):
        Answer.objects.create(
            user=alice, key=uuid.uuid4(), request="", body={}, created=timezone.now() - dt.timedelta(hours=hours)
        )
    assert answers.forget() == 1
    assert Answer.objects.count() == 2
