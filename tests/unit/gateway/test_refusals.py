from __future__ import annotations

import json

import pytest

from codegen_platform.errors import StoreUnavailable
from codegen_platform.events.delivery import BadSignature, EncodedBody, IncompleteDelivery
from codegen_platform.gateway.bodies import BodyTooLarge, BodyTooSlow, SenderTooBusy, TooManyBodies
from codegen_platform.gateway.refusals import REFUSALS


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_is_a_problem_with_its_code_and_a_sentence(code: str):
    refusal = REFUSALS[code]
    body = json.loads(refusal.body)
    assert (body["code"], body["status"], body["type"]) == (code, refusal.status, "about:blank")
    assert body["title"] != "Refused"
    assert body["detail"].endswith(".")
    assert (b"content-type", b"application/problem+json") in refusal.headers


def test_who_is_refused_for_want_of_room_or_database_is_told_when_to_come_again():
    waits = {code for code, refusal in REFUSALS.items() if b"retry-after" in dict(refusal.headers)}
    assert waits == {"too_busy", "sender_too_busy", "store_unavailable"}


def test_every_error_of_intake_has_its_refusal():
    errors = [
        BadSignature,
        IncompleteDelivery,
        EncodedBody,
        BodyTooLarge,
        BodyTooSlow,
        TooManyBodies,
        SenderTooBusy,
    ]
    assert {error.code for error in [*errors, StoreUnavailable]} == set(REFUSALS)
