"""What a task may become, and what a failed try means for it."""

from codegen_platform.store.states import ALLOWED, OPEN, TaskStatus
from codegen_platform.tasks.attempts import MAX_ATTEMPTS, backoff_seconds, fail_attempt

__all__ = ["ALLOWED", "MAX_ATTEMPTS", "OPEN", "TaskStatus", "backoff_seconds", "fail_attempt"]
