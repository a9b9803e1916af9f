"""What a failed run means for its task."""

import dagster as dg

from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.store import is_outage
from codegen_platform.tasks.attempts import fail_attempt
from resources.process import settings


@dg.failure_hook(required_resource_keys={"ledger", "lease"})
def give_task_back(context: dg.HookContext) -> None:
    """Let the task be tried again later, or end it with its reason; the rules are in `codegen_platform.tasks.attempts`."""
    task = context.resources.lease.task
    if task is None:
        return
    fail_attempt(
        context.resources.ledger.store,
        task,
        meaning_of(context.op_exception, context.op.name),
        max_attempts=settings().workers.max_attempts,
        actor=f"run:{context.run_id}",
    )


def meaning_of(failure: BaseException | None, op: str) -> CodegenError:
    """Return what an op failed with, in the engine's words.

    Dagster writes its own records between and within ops, past our store; a PostgreSQL that is away then is no surprise either.
    """
    cause = failure.__cause__ if isinstance(failure, dg.Failure) else failure
    if isinstance(cause, CodegenError):
        return cause
    if cause is not None and is_outage(cause):
        return StoreUnavailable(f"Dagster could not reach its records in {op}")
    return UnexpectedError(f"{type(cause).__name__} in {op}")


class UnexpectedError(CodegenError):
    """Something broke that nobody foresaw; tried again because a second run often succeeds, and kept with its reason if not."""

    code = "unexpected_error"
    retryable = True
