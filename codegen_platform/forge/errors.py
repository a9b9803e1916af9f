"""Maps GitHub's refusals to our errors, by the table of verdicts."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from codegen_platform.errors import CodegenError, ForgeNotYet, ForgeRefused, ForgeUnavailable
from codegen_platform.forge.verdicts import Verdict, VerdictKind, judge_answer

log = structlog.get_logger()


def error_of(status: int, headers: Mapping[str, str], body: str, *, what: str, method: str = "GET") -> CodegenError:
    """Return the error for an answer with this status (300 or more) to a call of the reader's; header names are in lower case.

    ForgeUnavailable: temporary failures, and rate limits with the seconds to wait. ForgeNotYet: temporary for young work only; the caller
    knows its age and decides. ForgeRefused: everything else.
    """
    verdict = judge_answer(method=method, status=status, headers=headers, body=body, what=what, age_seconds=None)
    if verdict.kind is VerdictKind.THROTTLED:
        log.warning(
            "forge.throttled", what=what, wait_seconds=verdict.wait_seconds, asked_seconds=verdict.asked_seconds
        )
    return error_of_verdict(verdict)


def error_of_verdict(verdict: Verdict) -> CodegenError:
    """Return a verdict as an error."""
    match verdict.kind:
        case VerdictKind.TRANSIENT | VerdictKind.THROTTLED:
            return ForgeUnavailable(verdict.sentence, retry_after_seconds=verdict.wait_seconds)
        case VerdictKind.STALE_VIEW:
            return ForgeNotYet(verdict.sentence, status=verdict.status)
        case VerdictKind.MISPLACED | VerdictKind.FINAL:
            return ForgeRefused(verdict.sentence, status=verdict.status)
