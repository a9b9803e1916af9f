"""Which failed tries are repeated, after how long a wait, and how often."""

from __future__ import annotations

import math
from itertools import accumulate

import pytest

from codegen_platform.errors import (
    ArtifactsUnavailable,
    BudgetExhausted,
    CodegenError,
    ForgeNotYet,
    ForgeRefused,
    ForgeUnavailable,
    ModelRefused,
    ModelUnavailable,
    StoreUnavailable,
    WrongUsage,
)
from codegen_platform.sandbox.git_process import GitTooSlow
from codegen_platform.tasks.retrying import (
    AWAY,
    MOST_AGE_SECONDS,
    MOST_TRIES,
    POLICIES,
    RetryPolicy,
    is_last_try,
    judge,
)
from jobs.failure import UnexpectedError

DRAWS = 2_000
FORGE = POLICIES["forge_unavailable"]
PASSING = [
    ForgeUnavailable("502"),
    ModelUnavailable("529"),
    StoreUnavailable("restarting"),
    ArtifactsUnavailable("503"),
    UnexpectedError("KeyError in an op"),
]
PERMANENT = [
    *(ForgeRefused("no", status=status) for status in (403, 404, 410, 422, 451)),
    ModelRefused("wrong key", reason="wrong_api_key"),
    BudgetExhausted(limit="cost", used=2, ceiling=1),
    WrongUsage("no such revision"),
]


def chance_of_dying(policy: RetryPolicy, outage_seconds: float, *, step_seconds: float = 0.05) -> float:
    """Return the chance that all waits of a task together are shorter than the outage: the sum of uniform draws, convolved step by step."""
    steps = int(outage_seconds / step_seconds)
    density = [1.0] + [0.0] * steps
    for failures in range(1, policy.tries):
        width = int(policy.ceiling_seconds(failures) / step_seconds)
        sums = [0.0, *accumulate(density)]
        density = [(sums[at + 1] - sums[max(0, at - width + 1)]) / width for at in range(steps + 1)]
    return sum(density)


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 8.0), (2, 16.0), (3, 32.0), (4, 60.0), (1_000, 60.0)])
def test_the_wait_is_drawn_from_the_whole_interval_up_to_a_ceiling_that_doubles(failures: int, ceiling: float) -> None:
    waits = [AWAY.wait_seconds(failures) for _ in range(DRAWS)]
    assert min(waits) >= 0
    assert max(waits) <= ceiling
    assert min(waits) < 0.1 * ceiling, "full jitter starts at zero"
    assert max(waits) > 0.9 * ceiling


def test_what_the_other_side_asked_for_is_waited_in_full_and_jittered_on_top() -> None:
    waits = [AWAY.wait_seconds(1, asked_seconds=60) for _ in range(DRAWS)]
    assert min(waits) >= 60
    assert max(waits) <= 68
    assert len(set(waits)) > DRAWS / 2


@pytest.mark.parametrize("asked_seconds", [3_601.0, 999_999_999.0, 1e300, math.inf, math.nan])
def test_a_wait_that_is_asked_for_ends_after_an_hour(asked_seconds: float) -> None:
    assert all(3_600 <= AWAY.wait_seconds(1, asked_seconds=asked_seconds) <= 3_608 for _ in range(100))


def test_a_missing_commit_is_temporary_for_a_young_task_and_a_refusal_later() -> None:
    error = ForgeNotYet("no such pull request", status=404)
    assert judge(error, tries=1, age_seconds=119).status == "pending"
    late = judge(error, tries=1, age_seconds=121)
    assert (late.status, late.code) == ("failed", "forge_refused")


def test_a_negative_wait_is_none() -> None:
    assert all(0 <= AWAY.wait_seconds(1, asked_seconds=-5) <= 8 for _ in range(DRAWS))


def test_an_outage_of_25_seconds_costs_fewer_than_one_task_in_40_000_even_if_a_run_takes_no_time() -> None:
    assert chance_of_dying(FORGE, 25.0) < 1 / 40_000


def test_the_base_of_a_single_call_would_lose_tasks_in_the_same_outage() -> None:
    a_call = RetryPolicy(base_seconds=1, cap_seconds=60, tries=FORGE.tries)
    assert chance_of_dying(a_call, 25.0) > 3 / 100


@pytest.mark.parametrize("error", PASSING, ids=lambda error: error.code)
def test_what_may_pass_is_waited_for_by_its_own_row_of_the_table(error: CodegenError) -> None:
    policy = POLICIES[error.code]
    verdicts = [judge(error, tries=tries, age_seconds=0) for tries in range(1, policy.tries + 1)]
    assert [verdict.status for verdict in verdicts] == ["pending"] * (policy.tries - 1) + ["dead"]
    waits = [verdict.delay_seconds for verdict in verdicts[:-1]]
    assert all(wait <= policy.ceiling_seconds(tries) for tries, wait in enumerate(waits, start=1))
    assert verdicts[-1].given_up == f"given up after {policy.tries} tries"


@pytest.mark.parametrize("error", PERMANENT, ids=str)
def test_what_cannot_pass_fails_at_its_first_try(error: CodegenError) -> None:
    assert judge(error, tries=1, age_seconds=0).status == "failed"


def test_every_error_of_a_run_that_calls_itself_passing_has_a_row_and_no_other_has() -> None:
    errors = [*(type(error) for error in (*PASSING, *PERMANENT)), GitTooSlow]
    assert {error.code for error in errors if error.retryable} == set(POLICIES) - {"run_lost"}


def test_no_row_allows_more_tries_than_any_task_may_have() -> None:
    assert all(1 < policy.tries <= MOST_TRIES for policy in POLICIES.values())


def test_a_lower_number_of_tries_can_be_set_but_not_a_higher_one() -> None:
    error = ForgeUnavailable("502")
    assert judge(error, tries=2, age_seconds=0, most_tries=2).status == "dead"
    assert judge(error, tries=MOST_TRIES, age_seconds=0, most_tries=100).status == "dead"


def test_a_task_is_given_up_when_its_next_try_would_be_more_than_a_day_after_it_was_asked_for() -> None:
    asked = ForgeUnavailable("rate limit", retry_after_seconds=3_600)
    assert judge(asked, tries=1, age_seconds=MOST_AGE_SECONDS - 3_700).status == "pending"
    late = judge(asked, tries=1, age_seconds=MOST_AGE_SECONDS - 3_500)
    assert (late.status, late.given_up) == ("dead", "given up a day after it was asked for")


def test_a_wait_that_was_asked_for_has_a_name_of_its_own_so_that_nobody_shortens_it() -> None:
    asked = judge(ForgeUnavailable("rate limit", retry_after_seconds=60), tries=1, age_seconds=0)
    assert asked.code == "forge_throttled"
    assert asked.delay_seconds >= 60
    assert judge(ForgeUnavailable("502"), tries=1, age_seconds=0).code == "forge_unavailable"


def test_the_last_try_of_a_model_that_is_away_is_its_sixth() -> None:
    assert [is_last_try("model_unavailable", tries) for tries in (1, 5, 6, 7)] == [False, False, True, True]
    assert is_last_try("model_unavailable", 3, most_tries=3)
