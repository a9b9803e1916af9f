from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive

from codegen_platform.gateway.bodies import (
    BodyLimits,
    BodyReading,
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    TooManyBodies,
    pass_over_rest,
)


def limits(one: int = 10, all: int = 100, seconds: float = 5.0) -> BodyLimits:
    return BodyLimits(one_bytes=one, all_bytes=all, deadline_seconds=seconds)


class Sender:
    """Sends the given parts, then nothing for ever; counts what was taken from it."""

    def __init__(self, *parts: bytes, complete: bool = True, gone: bool = False) -> None:
        self.messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        if complete and self.messages:
            self.messages[-1]["more_body"] = False
        if gone:
            self.messages.append({"type": "http.disconnect"})
        self.taken = 0

    async def __call__(self) -> Message:
        if self.taken == len(self.messages):
            await asyncio.Event().wait()
        self.taken += 1
        return self.messages[self.taken - 1]


def read(sender: Receive, given: BodyLimits | None = None) -> bytes:
    return asyncio.run(BodyReading(given or limits()).read(sender))


@pytest.mark.parametrize("parts", [[b""], [b"abc"], [b"ab", b"", b"c"], [b"0123456789"]])
def test_the_parts_make_the_body(parts: Sequence[bytes]):
    assert read(Sender(*parts)) == b"".join(parts)


def test_nothing_more_is_taken_once_the_limit_is_passed():
    sender = Sender(b"01234", b"56789", b"x", *[b"more"] * 100)
    with pytest.raises(BodyTooLarge):
        read(sender)
    assert sender.taken == 3


def test_the_deadline_counts_for_the_whole_body_not_for_each_part():
    async def drip() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"", "more_body": True}

    with pytest.raises(BodyTooSlow):
        read(drip, limits(seconds=0.1))


def test_a_sender_that_hangs_up_is_gone():
    with pytest.raises(ClientGone):
        read(Sender(b"abc", complete=False, gone=True))


def test_all_bodies_together_have_a_limit_and_a_finished_request_makes_room():
    given = limits(one=10, all=15)

    async def story() -> None:
        first, second, third = (BodyReading(given) for _ in range(3))
        assert await first.read(Sender(b"0123456789")) == b"0123456789"
        with pytest.raises(TooManyBodies):
            await second.read(Sender(b"0123456789"))
        second.release()
        first.release()
        assert await third.read(Sender(b"0123456789")) == b"0123456789"
        third.release()
        third.release()

    asyncio.run(story())

    async def again() -> None:
        for _ in range(20):  # nothing that was released is still counted
            one = BodyReading(given)
            assert await one.read(Sender(b"0123456789"))
            one.release()

    asyncio.run(again())


def test_what_still_comes_is_passed_over_up_to_a_limit():
    sender = Sender(*[b"x" * 10] * 100, complete=False)
    asyncio.run(pass_over_rest(sender, limit_bytes=50))
    assert sender.taken == 6


def test_passing_over_ends_with_the_body_or_the_connection():
    for sender in (Sender(b"a", b"b"), Sender(b"a", complete=False, gone=True)):
        asyncio.run(pass_over_rest(sender, limit_bytes=50))
        assert sender.taken == 2
