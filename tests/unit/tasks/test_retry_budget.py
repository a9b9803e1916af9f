from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from codegen_platform.retry_budget import RetryBudget


def test_what_fails_for_everybody_is_asked_a_tenth_oftener_and_no_more() -> None:
    budget = RetryBudget()
    repeated = 0
    for _ in range(1_000):
        budget.earn()
        repeated += budget.spend()
    assert 100 <= repeated <= 110


def test_a_quiet_day_saves_up_no_more_than_the_reserve() -> None:
    budget = RetryBudget(reserve=3)
    for _ in range(1_000):
        budget.earn()
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


def test_threads_spend_nothing_twice() -> None:
    budget = RetryBudget(reserve=500)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: budget.spend(), range(2_000))) == 500
