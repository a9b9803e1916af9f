"""How long a failed try waits before it is repeated."""

from __future__ import annotations

import pytest

from codegen_platform.tasks import MAX_ATTEMPTS, backoff_seconds
from codegen_platform.tasks.attempts import CAP_SECONDS

DRAWS = 2_000


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 2.0), (2, 4.0), (3, 8.0), (4, 8.0), (1_000, 8.0)])
def test_the_wait_is_drawn_from_the_whole_interval_up_to_a_ceiling_that_doubles(failures: int, ceiling: float) -> None:
    waits = [backoff_seconds(failures) for _ in range(DRAWS)]
    assert min(waits) >= 0
    assert max(waits) <= ceiling
    assert min(waits) < 0.1 * ceiling, "full jitter starts at zero"
    assert max(waits) > 0.9 * ceiling


def test_what_the_other_side_asked_for_is_waited_in_full_and_jittered_on_top() -> None:
    waits = [backoff_seconds(1, retry_after_seconds=60) for _ in range(DRAWS)]
    assert min(waits) >= 60
    assert max(waits) <= 62
    assert len(set(waits)) > DRAWS / 2


def test_a_negative_wait_is_none() -> None:
    assert all(0 <= backoff_seconds(1, retry_after_seconds=-5) <= 2 for _ in range(DRAWS))


def test_an_outage_of_25_seconds_is_outlived_and_everything_is_tried_again_within_10_seconds_of_its_end() -> None:
    outage_seconds = 25.0
    for _ in range(DRAWS):
        time, tries = 0.0, 1
        while time <= outage_seconds:
            time += backoff_seconds(tries)
            tries += 1
        assert tries <= MAX_ATTEMPTS
        assert time - outage_seconds <= CAP_SECONDS < 10
