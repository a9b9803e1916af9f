"""Whose limit a request counts against, behind proxies that are trusted and others that are not."""

from __future__ import annotations

import pytest

from codegen_platform.gateway.senders import Senders

SENDERS = Senders.behind(["127.0.0.0/8", "::1/128", "10.0.0.0/8"])


def sender_of(client: str | None, *forwarded: str) -> str | None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return SENDERS.sender_of({"type": "http", "client": (client, 1) if client else None, "headers": headers})


@pytest.mark.parametrize(
    ("client", "forwarded", "sender"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),  # nobody trusts it, so it may write what it likes
        ("127.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("127.0.0.1", ["203.0.113.1, 198.51.100.9"], "198.51.100.9"),  # the first was written by the sender
        ("127.0.0.1", ["203.0.113.1", "198.51.100.9"], "198.51.100.9"),
        ("127.0.0.1", ["198.51.100.9, 10.0.0.7"], "198.51.100.9"),  # two proxies, one behind the other
        ("::ffff:127.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("127.0.0.1", ["2001:db8:0:1:2:3:4:5"], "2001:db8:0:1::/64"),
        ("127.0.0.1", ["2001:db8:0:1:ffff::1"], "2001:db8:0:1::/64"),
    ],
)
def test_the_sender_is_the_last_address_that_no_trusted_proxy_has(client: str, forwarded: list[str], sender: str):
    assert sender_of(client, *forwarded) == sender


@pytest.mark.parametrize("forwarded", [[], [""], ["unknown"], ["198.51.100.9, x"], ["10.0.0.7"], ["\xff"]])
def test_a_trusted_proxy_without_a_sender_counts_as_many_senders(forwarded: list[str]):
    assert sender_of("127.0.0.1", *forwarded) is None
    assert sender_of(None, *forwarded) is None
