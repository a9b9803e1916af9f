"""The edge between the engine's errors and Dagster's."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import dagster as dg

from codegen_platform.errors import (
    ArtifactsUnavailable,
    CodegenError,
    LeaseLost,
    NotPermitted,
    StoreUnavailable,
    Superseded,
)
from codegen_platform.store import Store, TaskRow
from codegen_platform.tasks.attempts import fail_attempt
from resources import TaskLease
from resources.process import settings

WITHIN_THE_RUN = (StoreUnavailable, ArtifactsUnavailable)
"""What is worth a second try in the same run; a forge or a model that is away gives its task back instead, and frees the worker."""

OUTCOMES: Mapping[type[CodegenError], str] = MappingProxyType(
    {NotPermitted: "refused", Superseded: "superseded", LeaseLost: "stopped"}
)
"""Errors that end a run in the ordinary way -> value of the run's tag `codegen/outcome`."""

OUTCOME_TAG = "codegen/outcome"

RETRIES = dg.RetryPolicy(max_retries=2, delay=0.5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)


_observe: Callable[[str, float, str], None] = lambda op, seconds, ended: None  # noqa: E731


def measure_ops_with(observe: Callable[[str, float, str], None]) -> None:
    """Call `observe` with an op's name, its seconds, and how it ended (`ok` or an error's code) from now on in this process."""
    global _observe
    _observe = observe


@contextmanager
def engine_errors(context: dg.OpExecutionContext) -> Iterator[None]:
    """Retry brief failures of store and storage in place; fail the run on every other engine error.

    Ordinary ends (`OUTCOMES`) pass through to `ordinary_ends`, which wraps this.

    Raises:
        dagster.Failure: with the error's message and code; the job's failure hook settles the task.
    """
    began, ended = time.monotonic(), "ok"
    try:
        yield
    except CodegenError as error:
        ended = error.code
        if isinstance(error, (*WITHIN_THE_RUN, *OUTCOMES)):
            raise
        raise dg.Failure(str(error), metadata={"code": error.code}, allow_retries=False) from error
    finally:
        _observe(context.op.name, time.monotonic() - began, ended)


@contextmanager
def ordinary_ends(context: dg.OpExecutionContext, lease: TaskLease) -> Iterator[None]:
    """End the op without an output, and so the run in success, if its work is refused, superseded or no longer wanted.

    Dagster skips the downstream steps: no step and no partition turns red for an expected result. The task gets its reason here,
    since no failure hook is called.
    """
    try:
        yield
    except tuple(OUTCOMES) as error:
        outcome = next(outcome for kind, outcome in OUTCOMES.items() if isinstance(error, kind))
        context.log.warning("%s: %s", outcome, error)
        if lease.task is not None:
            if isinstance(error, NotPermitted):
                _answer_command(lease.ledger.store, lease.task)
            now = fail_attempt(
                lease.ledger.store,
                lease.task,
                error,
                max_attempts=settings().workers.max_attempts,
                actor=f"run:{context.run_id}",
            )
            if now is not None and now.status == "pending":  # GitHub still shows the head before this one
                outcome = "postponed"
        context.instance.add_run_tags(context.run_id, {OUTCOME_TAG: outcome})


def _answer_command(store: Store, task: TaskRow) -> None:
    """Post the refusal under the pull request or issue, once; its author gets no other answer."""
    command_id, number = task.metadata.get("comment_id"), task.number
    if not isinstance(command_id, int) or number is None or task.forge != "github":
        return
    text = f"`/{task.metadata.get('command', 'review')}` requires write access to this repository."
    store.effects.answer(command_id, forge=task.forge, repository=task.repository, number=number, text=text)
