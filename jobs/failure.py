"""What a failed run means for its task."""

import dagster as dg

from codegen_platform.errors import CodegenError
from codegen_platform.tasks.attempts import fail_attempt
from resources.process import settings


@dg.failure_hook(required_resource_keys={"ledger", "lease"})
def give_task_back(context: dg.HookContext) -> None:
    """Let the task be tried again later, or end it with its reason; the rules are in `codegen_platform.tasks.attempts`."""
    task = context.resources.lease.task
    if task is None:
        return
    failure = context.op_exception
    cause = failure.__cause__ if isinstance(failure, dg.Failure) else failure
    error = (
        cause if isinstance(cause, CodegenError) else UnexpectedError(f"{type(cause).__name__} in {context.op.name}")
    )
    fail_attempt(
        context.resources.ledger.store,
        task,
        error,
        max_attempts=settings().workers.max_attempts,
        actor=f"run:{context.run_id}",
    )


class UnexpectedError(CodegenError):
    """Something broke that nobody foresaw; tried again because a second run often succeeds, and kept with its reason if not."""

    code = "unexpected_error"
    retryable = True
