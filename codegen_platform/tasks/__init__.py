"""What a task may become, and what a failed try means for it."""

from codegen_platform.store.states import ALLOWED, OPEN, TaskStatus
from codegen_platform.tasks.attempts import fail_attempt
from codegen_platform.tasks.retrying import MOST_TRIES, POLICIES, RetryPolicy, judge
from codegen_platform.tasks.staleness import is_older_head

__all__ = [
    "ALLOWED",
    "MOST_TRIES",
    "OPEN",
    "POLICIES",
    "RetryPolicy",
    "TaskStatus",
    "fail_attempt",
    "is_older_head",
    "judge",
]
