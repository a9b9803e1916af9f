from __future__ import annotations

import pytest

from codegen_platform.events.delivery import BadSignature, IncompleteDelivery, read_headers, read_signature

SIGNATURE = b"sha256=" + b"a1" * 32
ID = (b"x-github-delivery", b"72d3162e-cc78-11e3-81ab-4c9367dc0958")
EVENT = (b"x-github-event", b"pull_request")


def test_one_well_formed_signature_is_read():
    assert read_signature([(b"x-hub-signature-256", SIGNATURE), ID]) == SIGNATURE


@pytest.mark.parametrize(
    "values",
    [
        [],
        [SIGNATURE, SIGNATURE],
        [SIGNATURE.upper()],
        [b"sha256=" + b"A1" * 32],
        [SIGNATURE[7:]],
        [SIGNATURE + b" "],
        [SIGNATURE + b"\n"],
        [b"sha1=" + b"a1" * 20],
        [b"sha256=\xff\xfe" + b"a" * 62],
        [b""],
    ],
)
def test_no_other_signature_is_read(values: list[bytes]):
    with pytest.raises(BadSignature):
        read_signature([(b"x-hub-signature-256", value) for value in values])


def test_the_old_sha1_header_does_not_count():
    with pytest.raises(BadSignature):
        read_signature([(b"x-hub-signature", b"sha1=" + b"a1" * 20)])


def test_headers_say_which_delivery_it_is():
    delivery = read_headers([ID, EVENT])
    assert (delivery.delivery_id, delivery.event_type) == (ID[1].decode(), "pull_request")


def test_only_harmless_headers_are_kept_as_printable_ascii():
    kept = read_headers(
        [ID, EVENT, (b"user-agent", b"GitHub-Hookshot/\xff\x1b[31m"), (b"cookie", b"session"), (b"authorization", b"x")]
    ).kept
    assert kept == {"user-agent": "GitHub-Hookshot/??[31m"}


@pytest.mark.parametrize(
    "headers",
    [
        [ID],
        [EVENT],
        [ID, ID, EVENT],
        [ID, EVENT, EVENT],
        [(ID[0], b""), EVENT],
        [(ID[0], b"../../etc"), EVENT],
        [(ID[0], b"a" * 101), EVENT],
        [(ID[0], b"\xff"), EVENT],
        [ID, (EVENT[0], b"Pull Request")],
        [ID, (EVENT[0], b"\xc3\xbc")],
        [ID, (EVENT[0], b"a" * 65)],
    ],
)
def test_a_delivery_that_does_not_say_what_it_is_is_incomplete(headers: list[tuple[bytes, bytes]]):
    with pytest.raises(IncompleteDelivery):
        read_headers(headers)
