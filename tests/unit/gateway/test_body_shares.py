"""How the room for unfinished bodies is shared: a part is for small ones, and no address gets all of it."""

from __future__ import annotations

import pytest

from codegen_platform.gateway.bodies import BodyLimits, BodyTooLarge, SenderTooBusy, TooManyBodies

SMALL, LARGE = 10, 100


def limits() -> BodyLimits:
    return BodyLimits(one_bytes=LARGE, all_bytes=8 * LARGE, deadline_seconds=5.0, small_bytes=SMALL)


def test_large_bodies_leave_a_quarter_of_the_room_to_small_ones():
    given = limits()
    for number in range(6):
        given.take(LARGE, taken_before=0, sender=f"192.0.2.{number}")
    with pytest.raises(TooManyBodies):
        given.take(LARGE, taken_before=0, sender="192.0.2.7")
    given.release(LARGE, sender="192.0.2.7")
    for number in range(20):
        given.take(SMALL, taken_before=0, sender=f"198.51.100.{number}")
    with pytest.raises(TooManyBodies):
        given.take(SMALL, taken_before=0, sender="203.0.113.1")


def test_a_body_counts_as_large_from_the_byte_on_that_makes_it_large():
    given = limits()
    for number in range(60):
        given.take(SMALL, taken_before=0, sender=f"192.0.2.{number}")
    for number in range(54):
        given.take(1, taken_before=SMALL, sender=f"192.0.2.{number}")
    with pytest.raises(TooManyBodies):
        given.take(LARGE - SMALL, taken_before=SMALL, sender="192.0.2.59")


def test_one_address_may_hold_two_of_the_largest_bodies_and_others_are_still_served():
    given = limits()
    given.take(LARGE, taken_before=0, sender="192.0.2.1")
    given.take(LARGE, taken_before=0, sender="192.0.2.1")
    with pytest.raises(SenderTooBusy):
        given.take(1, taken_before=0, sender="192.0.2.1")
    given.take(LARGE, taken_before=0, sender="192.0.2.2")
    given.release(LARGE, sender="192.0.2.1")
    given.take(LARGE - 1, taken_before=0, sender="192.0.2.1")


def test_many_small_bodies_of_one_address_are_limited_too():
    given = limits()
    for _ in range(20):
        given.take(SMALL, taken_before=0, sender="192.0.2.1")
    with pytest.raises(SenderTooBusy):
        given.take(SMALL, taken_before=0, sender="192.0.2.1")


def test_a_proxy_that_names_no_sender_is_not_limited_as_one_sender():
    given = limits()
    for _ in range(6):
        given.take(LARGE, taken_before=0, sender=None)
    with pytest.raises(BodyTooLarge):
        given.take(1, taken_before=LARGE, sender=None)
