"""What becomes of a task whose try failed, by the kind of error."""

from __future__ import annotations

from datetime import timedelta

import pytest

from codegen_platform.errors import (
    BudgetExhausted,
    CodegenError,
    ForgeRefused,
    ForgeUnavailable,
    LeaseLost,
    ModelRefused,
    ModelUnavailable,
    StoreUnavailable,
    Superseded,
    WrongUsage,
)
from codegen_platform.sandbox.git_process import GitTooSlow
from codegen_platform.store import Store, TaskRow
from codegen_platform.tasks import POLICIES, fail_attempt
from tests.integration.ledger_rows import a_review, claimed, enqueued, now, the


def next_try(store: Store, task: TaskRow | None, *, lease_seconds: float = 60) -> TaskRow:
    assert task is not None
    held = store.tasks.claim(task.id, the(task, store).attempt, "run", "worker", lease_seconds)
    assert held is not None
    return held


PASSING = [ForgeUnavailable("502"), ModelUnavailable("529"), StoreUnavailable("restarting")]
PERMANENT = [
    ForgeRefused("not found", status=404),
    ModelRefused("wrong key", reason="authentication"),
    BudgetExhausted(limit="cost", used=2, ceiling=1),
    WrongUsage("no such revision"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: error.code)
def test_what_may_pass_is_tried_again_after_a_short_wait(store: Store, database_url: str, error: CodegenError) -> None:
    task = claimed(store)
    again = fail_attempt(store, task, error, max_attempts=3, actor="hook")
    assert again is not None
    assert (again.status, again.attempt, again.error_code) == ("pending", task.attempt + 1, error.code)
    longest = timedelta(seconds=POLICIES[error.code].ceiling_seconds(1))
    assert again.run_at <= now(database_url) + longest, "by the database's clock"


@pytest.mark.parametrize("error", PERMANENT, ids=lambda error: error.code)
def test_what_cannot_pass_is_never_tried_again(store: Store, error: CodegenError) -> None:
    failed = fail_attempt(store, claimed(store), error, max_attempts=3, actor="hook")
    assert failed is not None
    assert (failed.status, failed.outcome, failed.error_code, failed.error) == (
        "failed",
        "failed",
        error.code,
        str(error),
    )


def test_a_defect_of_ours_is_not_repeated_and_says_what_it_was(store: Store) -> None:
    failed = fail_attempt(store, claimed(store), KeyError("findings"), max_attempts=3, actor="hook")
    assert failed is not None
    assert (failed.status, failed.error_code, failed.error) == ("failed", "internal_error", "'findings'")


def test_the_last_try_is_the_end(store: Store) -> None:
    task: TaskRow | None = claimed(store)
    for attempt in (1, 2, 3):
        assert task is not None
        assert task.tries == attempt
        after = fail_attempt(store, task, ModelUnavailable("529"), max_attempts=3, actor="hook")
        assert after is not None
        assert after.status == ("dead" if attempt == 3 else "pending")
        assert after.error == ("given up after 3 tries: 529" if attempt == 3 else "529")
        task = store.tasks.claim(after.id, after.attempt, "run", "worker", 60)
    assert task is None


def test_tries_of_one_kind_of_error_do_not_pay_for_another(store: Store) -> None:
    task: TaskRow | None = claimed(store, lease_seconds=0)
    store.tasks.recover_lost(8)  # a lost run
    for error in (GitTooSlow("60 s"), ModelUnavailable("529"), ForgeUnavailable("502")):
        task = next_try(store, task)
        again = fail_attempt(store, task, error, actor="hook")
        assert again is not None
        assert (again.status, again.error_code) == ("pending", error.code)
    second = fail_attempt(store, next_try(store, task), GitTooSlow("60 s"), actor="hook")
    assert second is not None
    assert (second.status, second.error) == ("dead", "given up after 2 tries: 60 s")


def test_failed_tries_do_not_pay_for_lost_runs(store: Store) -> None:
    task = claimed(store)
    for _ in range(4):
        fail_attempt(store, task, ModelUnavailable("529"), actor="hook")
        task = next_try(store, task)
    store.tasks.heartbeat(task.id, task.fence, 0)
    assert [row.status for row in store.tasks.recover_lost(2)] == ["pending"]
    next_try(store, task, lease_seconds=0)
    assert [(row.status, row.losses) for row in store.tasks.recover_lost(2)] == [("dead", 2)]


def test_a_wait_that_was_asked_for_counts_with_the_error_that_it_is(store: Store) -> None:
    task = claimed(store)
    fail_attempt(store, task, ModelUnavailable("529", retry_after_seconds=1), max_attempts=2, actor="hook")
    ended = fail_attempt(store, next_try(store, task), ModelUnavailable("529"), max_attempts=2, actor="hook")
    assert ended is not None
    assert ended.status == "dead"


def test_a_replayed_task_has_all_its_tries_again(store: Store) -> None:
    task = claimed(store)
    fail_attempt(store, task, ModelUnavailable("529"), max_attempts=1, actor="hook")
    replayed = store.tasks.replay(task.id, "alice")
    held = store.tasks.claim(task.id, replayed.attempt, "run", "worker", 60)
    assert held is not None
    again = fail_attempt(store, held, ModelUnavailable("529"), max_attempts=2, actor="hook")
    assert again is not None
    assert again.status == "pending"


def test_a_wait_that_the_other_side_asked_for_is_kept(store: Store, database_url: str) -> None:
    error = ForgeUnavailable("secondary rate limit", retry_after_seconds=60)
    again = fail_attempt(store, claimed(store), error, max_attempts=3, actor="hook")
    assert again is not None
    assert again.run_at > now(database_url) + timedelta(seconds=55)


def test_a_moved_head_is_no_failure(store: Store) -> None:
    over = fail_attempt(store, claimed(store), Superseded("head moved to bbb"), max_attempts=3, actor="hook")
    assert over is not None
    assert (over.status, over.outcome) == ("superseded", "superseded")


def test_a_run_that_lost_its_task_records_nothing(store: Store) -> None:
    task = claimed(store)
    assert fail_attempt(store, task, LeaseLost("taken"), max_attempts=3, actor="hook") is None
    store.tasks.cancel(task.id, "alice", "why")
    assert fail_attempt(store, task, ModelUnavailable("529"), max_attempts=3, actor="hook") is None
    assert the(task, store).status == "cancelled"


def test_a_run_that_fails_after_handing_over_to_the_publisher_records_nothing(store: Store) -> None:
    task = claimed(store)
    enqueued(store, task)
    assert fail_attempt(store, task, KeyError("late"), max_attempts=3, actor="hook") is None
    assert the(task, store).status == "validation"


def test_an_endless_error_message_is_cut(store: Store) -> None:
    task = claimed(store, a_review())
    failed = fail_attempt(store, task, ForgeRefused("x" * 1_000_000, status=422), max_attempts=3, actor="hook")
    assert failed is not None
    assert failed.error is not None
    assert len(failed.error) == 2_000


def test_a_task_is_not_superseded_by_a_head_that_the_ledger_already_replaced(store: Store) -> None:
    store.tasks.create(a_review("aaa"), "test")
    task = claimed(store, a_review("bbb"))
    behind = Superseded("octo/repo#7 is at aaa, not bbb", shown_head_sha="aaa")
    now = fail_attempt(store, task, behind, actor="hook")
    assert now is not None
    assert (now.status, now.error_code) == ("pending", "forge_not_yet")
    assert now.run_at > task.run_at


def test_a_task_is_superseded_by_a_head_that_no_delivery_has_named(store: Store) -> None:
    moved = Superseded("octo/repo#7 is at ccc, not bbb", shown_head_sha="ccc")
    now = fail_attempt(store, claimed(store, a_review("bbb")), moved, actor="hook")
    assert now is not None
    assert now.status == "superseded"


@pytest.mark.parametrize(("action", "status"), [("reopened", "pending"), ("opened", "superseded")])
def test_a_pull_request_that_was_reopened_may_still_be_shown_as_closed(store: Store, action: str, status: str) -> None:
    task = claimed(store, a_review(metadata={"action": action}))
    now = fail_attempt(store, task, Superseded("octo/repo#7 is closed"), actor="hook")
    assert now is not None
    assert now.status == status
