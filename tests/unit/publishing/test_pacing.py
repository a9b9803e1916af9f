from __future__ import annotations

import pytest

from codegen_platform.publishing.pacing import Pacing
from codegen_platform.publishing.timings import Timings


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_writes_of_one_installation_are_spaced_and_others_are_not_held_back(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=1.0, clock=clock)
    waits = [pacing.reserve_write("octo/a", patience_seconds=60) for _ in range(3)]
    assert waits == [0.0, 1.0, 2.0]
    assert pacing.reserve_write("other/a", patience_seconds=60) == 0.0
    clock.now += 10
    assert pacing.reserve_write("octo/b", patience_seconds=60) == 0.0


def test_who_would_wait_too_long_gets_no_place_and_takes_none(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=10.0, clock=clock)
    assert pacing.reserve_write("octo/a", patience_seconds=5) == 0.0
    assert pacing.reserve_write("octo/a", patience_seconds=5) is None
    clock.now += 10
    assert pacing.reserve_write("octo/a", patience_seconds=5) == 0.0


def test_no_more_writes_than_allowed_fall_into_any_hour(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=1.0, hourly_max=3, clock=clock)
    starts = []
    for _ in range(8):
        wait = pacing.reserve_write("octo/a", patience_seconds=1e9)
        assert wait is not None
        starts.append(clock.now + wait)
    assert all(later - earlier >= 3600.0 for earlier, later in zip(starts, starts[3:], strict=False))


def test_a_limit_closes_the_whole_installation_for_exactly_what_was_asked(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=clock)
    assert pacing.close("octo/a", 7.0) == 7.0
    assert pacing.closed_seconds("Octo/b") == 7.0
    assert pacing.closed_seconds("other/a") == 0.0
    clock.now += 7.0
    assert pacing.closed_seconds("octo/a") == 0.0


def test_a_shorter_limit_does_not_shorten_a_longer_one(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=clock)
    pacing.close("octo/a", 30.0)
    assert pacing.close("octo/a", 5.0) == 30.0


def test_a_limit_without_a_figure_is_a_minute_and_doubles_until_a_call_succeeds(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=clock)
    waits = []
    for _ in range(3):
        waits.append(pacing.close("octo/a", None))
        clock.now += waits[-1]
    assert waits == [60.0, 120.0, 240.0]
    pacing.succeeded("octo/a")
    assert pacing.close("octo/a", None) == 60.0


def test_a_wait_that_was_asked_for_is_never_shortened_by_jitter() -> None:
    timings = Timings(jitter_seconds=5.0)
    assert all(30.0 <= timings.jittered(30.0) <= 35.0 for _ in range(200))
    assert timings.jittered(0.0) == 0.0


def test_backing_off_grows_to_its_ceiling_and_no_further() -> None:
    timings = Timings(backoff_base_seconds=1.0, backoff_max_seconds=60.0)
    assert all(timings.backoff_seconds(0) <= 1.0 for _ in range(100))
    assert all(timings.backoff_seconds(10_000) <= 60.0 for _ in range(100))


def test_the_default_lease_outlives_a_request_and_its_read_back() -> None:
    timings = Timings()
    assert timings.lease_seconds > 3 * timings.request_timeout_seconds + timings.patience_seconds
    assert timings.send_within_seconds < timings.quiet_seconds
