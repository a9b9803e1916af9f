"""Checking a review before it is published."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg

from codegen_platform.agents.validating import InvalidOutput, validate
from codegen_platform.analysis import without_secrets
from codegen_platform.artifacts import CodeReview, PullRequestSnapshot, Validation
from codegen_platform.errors import LeaseLost
from codegen_platform.store import Check, Store, TaskRow, ValidationReport
from jobs.ops.edge import RETRIES, engine_errors, ordinary_ends
from resources import Ledger, TaskLease


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidatedReview:
    """A review that passed its checks, and what they found."""

    review: CodeReview
    validation: Validation


@dg.op(out=dg.Out(ValidatedReview, is_required=False, io_manager_key="memory"), retry_policy=RETRIES)
def validate_review(
    context: dg.OpExecutionContext, review: CodeReview, snapshot: PullRequestSnapshot, ledger: Ledger, lease: TaskLease
) -> Iterator[dg.Output[ValidatedReview]]:
    """Hold the finished review against its change once more, and record the report; only what passed goes on to publication.

    Works only for a run that holds a task: what is written to a forge always has one behind it.
    """
    with ordinary_ends(context, lease), engine_errors(context):
        lease.check()
        lease.answered("artifacts_unavailable")
        if lease.task is None:
            sentence = "this run holds no task, and publishing needs one; run the job from pull_request_snapshot"
            raise dg.Failure(sentence, allow_retries=False)
        actor = f"run:{context.run_id}"
        yield dg.Output(record_checks(ledger.store, lease.task, review, snapshot, actor=actor))


def record_checks(
    store: Store, task: TaskRow, review: CodeReview, snapshot: PullRequestSnapshot, *, actor: str
) -> ValidatedReview:
    """Return the review with what was checked, recorded for the task as it was claimed; called again it records the same again.

    Raises:
        InvalidOutput: a check did not pass; the task has failed.
        LeaseLost: the task is not this run's any more.
    """
    _held(store.tasks.to_validation(task.id, task.fence, actor))
    shown = without_secrets(snapshot) if review.usage else None
    validation = validate(review, snapshot, head_sha=task.head_sha, shown=shown)
    checks = [Check(name=check.name, passed=check.passed, detail=check.detail) for check in validation.checks]
    _held(store.tasks.validated(task.id, task.fence, ValidationReport(checks=checks), actor))
    if not validation.passed:
        raise InvalidOutput(validation.failed_names)
    return ValidatedReview(review=review, validation=validation)


def _held(task: TaskRow | None) -> None:
    if task is None:
        raise LeaseLost("the task was cancelled, superseded or taken over")
