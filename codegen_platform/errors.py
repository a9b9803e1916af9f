"""One family of errors: a stable code each, facts as attributes, a sentence that says what to do.

They are translated once per edge: to an HTTP problem in `gateway`, to an exit code in `cli`, to a Dagster failure or retry
in `jobs/ops`. Nobody matches on message text.
"""

from __future__ import annotations

from typing import ClassVar


class CodegenError(Exception):
    """Base of every error that this platform raises on purpose.

    Attributes:
        code: stable, lower-case identifier; recorded in the ledger and shown in APIs.
        retryable: whether the same work may succeed later without anyone changing anything.
        retry_after_seconds: the wait that the other side asked for, if it did.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    retry_after_seconds: float | None = None


class WrongUsage(CodegenError):
    """What was asked for cannot be done as asked; the sentence says what to ask instead (exit code 2, HTTP 4xx)."""

    code = "wrong_usage"


class StoreUnavailable(CodegenError):
    """PostgreSQL could not be reached; nothing was changed; safe to retry."""

    code = "store_unavailable"
    retryable = True


class ForgeUnavailable(CodegenError):
    """The forge (GitHub) did not answer, or asked us to wait."""

    code = "forge_unavailable"
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ForgeRefused(CodegenError):
    """The forge answered with a permanent refusal (not found, no permission, unprocessable)."""

    code = "forge_refused"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ForgeNotYet(ForgeRefused):
    """The forge does not show yet something that it announced. Temporary right after an event; later an ordinary refusal.

    The age of the work decides, and only the caller knows it; see `tasks.retrying`.
    """

    code = "forge_not_yet"


class ModelUnavailable(CodegenError):
    """The model did not answer for a reason that passes: rate limit, overload, network, server error."""

    code = "model_unavailable"
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ModelRefused(CodegenError):
    """The model will not answer this: wrong key, refusal, spend limit, unusable output after the allowed tries."""

    code = "model_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class BudgetExhausted(CodegenError):
    """The agent reached a ceiling before it was done."""

    code = "budget_exhausted"

    def __init__(self, *, limit: str, used: float, ceiling: float) -> None:
        super().__init__(f"{limit} budget exhausted: used {used:g} of {ceiling:g}")
        self.limit, self.used, self.ceiling = limit, used, ceiling


class NotPermitted(CodegenError):
    """The requester is not allowed to ask for this work: an answer, not a failure."""

    code = "not_permitted"


class Superseded(CodegenError):
    """A newer head commit replaced the one of this work, or the pull request was closed.

    Attributes:
        shown_head_sha: the head that the forge shows instead; None if the pull request is closed, or if unknown. The forge may lag:
            see `tasks.attempts`.
    """

    code = "superseded"

    def __init__(self, message: str, *, shown_head_sha: str | None = None) -> None:
        super().__init__(message)
        self.shown_head_sha = shown_head_sha


class LeaseLost(CodegenError):
    """This run no longer holds its task: it was cancelled, superseded, or given to another run."""

    code = "lease_lost"


class ArtifactsUnavailable(CodegenError):
    """The artifact storage did not answer; safe to retry."""

    code = "artifacts_unavailable"
    retryable = True
