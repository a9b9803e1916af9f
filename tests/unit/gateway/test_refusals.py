from __future__ import annotations

import json

import pytest

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
    assert waits == {"too_busy", "store_unavailable"}


def test_a_connection_whose_body_was_not_read_is_closed():
    for refusal in REFUSALS.values():
        assert ((b"connection", b"close") in refusal.headers) is not refusal.after_body
