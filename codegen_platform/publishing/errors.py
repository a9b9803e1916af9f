"""What can go wrong while writing to a forge, sorted by what may be done next."""

from __future__ import annotations

from codegen_platform.errors import CodegenError, ForgeRefused, ForgeUnavailable


class OutcomeUnknown(CodegenError):
    """A write left and no usable answer came: it may have been carried out. It is not repeated before it was looked for."""

    code = "outcome_unknown"
    retryable = True


class Throttled(ForgeUnavailable):
    """GitHub asks to wait; what was asked was not carried out. `retry_after_seconds` is None if it did not say how long."""

    code = "throttled"


class CommentsMisplaced(ForgeRefused):
    """GitHub refused a review because of an inline comment's position; nothing was carried out."""

    code = "comments_misplaced"


class TokenRefused(ForgeRefused):
    """GitHub refused the token; the write was not carried out and another token is available."""

    code = "token_refused"
    retryable = True


class TooLate(CodegenError):
    """The process was held up between writing `sent_at` and sending; sending now could come after another publisher's look."""

    code = "too_late"
    retryable = True
