"""How much of an answer is read, unpacked and believed."""

from __future__ import annotations

import gzip
import socket
import zlib

import pytest

from codegen_platform.forge.exchange import BrokenLimit, Exchange, read_body

MAX = 1_000


def pieces(data: bytes, size: int = 7) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("encoding", ["", "identity", " GZIP ", "x-gzip"])
def test_an_answer_is_read_plain_or_unpacked(encoding):
    body = b"x" * MAX
    sent = gzip.compress(body) if "gzip" in encoding.lower() else body
    assert read_body(pieces(sent), encoding, max_bytes=MAX) == body


@pytest.mark.parametrize(
    ("sent", "encoding", "kind"),
    [
        (b"x" * (MAX + 1), "", "too_large"),
        (gzip.compress(b"x" * (MAX + 1)), "gzip", "too_large"),
        (gzip.compress(b"x" * 10_000_000), "gzip", "too_large"),
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip", "encoding"),
        (zlib.compress(b"x"), "deflate", "encoding"),
        (b"x", "br", "encoding"),
        (b"x", "gzip;q=1", "encoding"),
        (b"plain", "gzip", "encoding"),
        (gzip.compress(b"x" * 500)[:-9], "gzip", "cut_off"),
        (b"", "gzip", "cut_off"),
    ],
)
def test_an_answer_that_is_too_large_or_packed_otherwise_is_refused(sent, encoding, kind):
    with pytest.raises(BrokenLimit, match=kind):
        read_body(pieces(sent, 100_000), encoding, max_bytes=MAX)


def test_unpacking_stops_at_the_limit_and_does_not_unpack_the_rest():
    bomb = gzip.compress(b" " * 2**26, compresslevel=1)
    given = iter(pieces(bomb, 1_000))
    with pytest.raises(BrokenLimit, match="too_large"):
        read_body(given, "gzip", max_bytes=MAX)
    assert len(list(given)) > 200


def test_a_call_is_not_sent_when_connecting_took_all_its_time():
    exchange = Exchange(silence_seconds=5, total_seconds=0.0, max_bytes=MAX)
    exchange.begin(None)
    with socket.socket() as sock, pytest.raises(BrokenLimit, match="too_slow"):
        exchange.leaves(sock)
    assert not exchange.request_left
