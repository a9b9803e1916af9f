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
    assert pacing.reserve_write("octo/a") == 0.0
    assert pacing.reserve_write("Octo/b") == 1.0
    assert pacing.reserve_write("other/a") == 0.0
    clock.now += 1.0
    assert pacing.reserve_write("octo/b") == 0.0


def test_an_owner_is_closed_from_the_moment_an_effect_is_taken_until_the_distance_after_its_write(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=1.0, clock=clock)
    assert pacing.closed_owners() == {}
    pacing.take_turn("Octo/a")
    assert pacing.closed_owners() == {"octo": 2.0}
    clock.now += 0.5
    assert pacing.reserve_write("octo/a") == 0.0
    assert pacing.closed_owners() == {"octo": 1.0}
    clock.now += 1.0
    assert pacing.closed_owners() == {}


def test_an_effect_that_hangs_or_needs_no_write_does_not_keep_its_owner_closed(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=1.0, clock=clock)
    pacing.take_turn("octo/a")
    clock.now += 2.0
    assert pacing.closed_owners() == {}
    pacing.take_turn("octo/a")
    pacing.end_turn("octo/a")
    assert pacing.closed_owners() == {}


def test_without_spacing_no_owner_is_closed(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=clock)
    pacing.take_turn("octo/a")
    assert [pacing.reserve_write("octo/a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert pacing.closed_owners() == {}


def test_no_more_writes_than_allowed_fall_into_any_hour(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=1.0, hourly_max=3, clock=clock)
    starts = []
    for _ in range(8):
        clock.now += pacing.closed_owners().get("octo", 0.0)
        assert pacing.reserve_write("octo/a") == 0.0
        starts.append(clock.now)
    assert all(later - earlier >= 3600.0 for earlier, later in zip(starts, starts[3:], strict=False))


def test_a_limit_closes_the_whole_installation_for_the_requested_time(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=clock)
    assert pacing.throttle("octo/a", 7.0) == 7.0
    assert pacing.throttled_seconds("Octo/b") == 7.0
    assert pacing.throttled_seconds("other/a") == 0.0
    assert pacing.closed_owners() == pacing.throttled_owners() == {"octo": 7.0}
    clock.now += 7.0
    assert pacing.throttled_seconds("octo/a") == 0.0
    assert pacing.throttled_owners() == {}


@pytest.mark.parametrize("asked", [999_999_999.0, 1e300, float("inf"), float("nan")])
def test_no_limit_closes_an_owner_for_more_than_an_hour(clock: Clock, asked: float) -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=clock)
    assert pacing.throttle("octo/a", asked) == 3600.0
    assert pacing.throttle("octo/a", -5.0) == 3600.0
    clock.now += 3600.0
    assert pacing.closed_owners() == {}


def test_a_shorter_limit_does_not_shorten_a_longer_one(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=clock)
    pacing.throttle("octo/a", 30.0)
    assert pacing.throttle("octo/a", 5.0) == 30.0


def test_a_limit_without_a_figure_is_a_minute_and_doubles_to_an_hour_until_a_call_succeeds(clock: Clock) -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=clock)
    waits = []
    for _ in range(8):
        waits.append(pacing.throttle("octo/a", None))
        clock.now += waits[-1]
    assert waits == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0]
    pacing.succeeded("octo/a")
    assert pacing.throttle("octo/a", None) == 60.0


def test_a_wait_that_was_asked_for_is_never_shortened_by_jitter() -> None:
    timings = Timings(jitter_seconds=5.0)
    assert all(30.0 <= timings.granted(30.0) <= 35.0 for _ in range(200))
    assert timings.granted(0.0) == timings.granted(-1.0) == 0.0


@pytest.mark.parametrize("asked", [3600.1, 999_999_999.0, 1e300, float("inf"), float("nan")])
def test_a_wait_that_was_asked_for_is_an_hour_at_most(asked: float) -> None:
    assert 3600.0 <= Timings(jitter_seconds=5.0).granted(asked) <= 3605.0


def test_backing_off_grows_to_its_ceiling_and_no_further() -> None:
    timings = Timings(backoff_base_seconds=1.0, backoff_max_seconds=60.0)
    assert all(timings.backoff_seconds(0) <= 1.0 for _ in range(100))
    assert all(timings.backoff_seconds(10_000) <= 60.0 for _ in range(100))


def test_the_default_lease_outlives_a_request_and_its_read_back() -> None:
    timings = Timings()
    assert timings.lease_seconds > 5 * timings.request_timeout_seconds
    assert timings.send_within_seconds < timings.quiet_seconds
