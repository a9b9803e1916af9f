"""Translates what the Anthropic SDK raises into the platform's errors: what passes, and what does not."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from codegen_platform.agents.anthropic_bounds import NotAnAnswer
from codegen_platform.agents.backend import CallRefused, CallUnavailable, Spent

if TYPE_CHECKING:
    from anthropic import APIStatusError

PASSING_STATUS = frozenset({408, 409, 429})
PASSING_TYPES = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error", "conflict_error"})
SPEND_CODES = frozenset(
    {"enforced_spend_limit_reached", "contract_spend_limit_reached", "linked_organization_spend_limit_reached"}
)
REASONS = {  # by HTTP status: the stable reason, and what a person can do
    401: ("wrong_api_key", "the model API refused the key; check ANTHROPIC_API_KEY"),
    402: ("billing", "the model API refused because of billing; check the account's payment details"),
    403: ("not_permitted", "the key may not use this model; check the permissions of its workspace"),
    404: ("unknown_model", "the model API knows no such model or address; check CODEGEN_MODEL and ANTHROPIC_BASE_URL"),
    413: ("request_too_large", "the model API found the request too large; lower the review's max_prompt_tokens"),
}
MAX_DETAIL = 200
MAX_WAIT_SECONDS = 3_600.0
"""The longest wait on a server's request."""


def translate(error: Exception, *, spent: Spent) -> CallUnavailable | CallRefused:
    """Return the platform's error for whatever ended a call; an unknown one counts as passing, since retries are bounded."""
    import anthropic

    # The SDK wraps a hook's exception.
    not_an_answer = next((cause for cause in (error, error.__cause__) if isinstance(cause, NotAnAnswer)), None)
    if not_an_answer is not None:
        sentence = f"the address of the model API answered with {not_an_answer}; check ANTHROPIC_BASE_URL and proxies"
        return CallRefused(sentence, reason="not_the_api", spent=spent)
    if isinstance(error, anthropic.APIStatusError):
        return _by_status(error, spent)
    if isinstance(error, anthropic.APITimeoutError):
        return CallUnavailable("the model API did not answer in time", spent=spent)
    kind = type(error.__cause__ or error).__name__
    return CallUnavailable(f"the connection to the model API broke ({kind})", spent=spent)


def mentions_structured_output(error: Exception) -> bool:
    """Return whether a server refused the request because it does not know `output_config`; the answer can be asked for in words."""
    import anthropic

    # No code names this cause: proxies and older models each say it in their own words.
    if not isinstance(error, anthropic.APIStatusError) or error.status_code not in (400, 422):
        return False
    said = f"{error.api_message or ''} {error.body if isinstance(error.body, str) else ''}".lower()
    return any(
        word in said
        for word in ("output_config", "output_format", "json_schema", "structured output", "grammar", "effort")
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the wait requested by a response in `retry-after-ms` or `retry-after` (seconds or an HTTP date), an hour at most.

    None if there is none, or none that can be parsed.
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        return None if math.isnan(seconds) else min(max(0.0, seconds), MAX_WAIT_SECONDS)
    when = email.utils.parsedate_tz(headers.get("retry-after", ""))
    try:
        return min(max(0.0, email.utils.mktime_tz(when) - time.time()), MAX_WAIT_SECONDS) if when else None
    except (ValueError, OverflowError):
        return None


def _by_status(error: APIStatusError, spent: Spent) -> CallUnavailable | CallRefused:
    status, kind = error.status_code, error.type or ""
    if error.error_code in SPEND_CODES:
        return CallRefused(
            "the account has reached its spend limit at the model API", reason="spend_limit", spent=spent
        )
    # An error event inside a stream comes with the status of the stream, 200: there the error's type decides.
    if status in PASSING_STATUS or status >= 500 or (status < 300 and kind in PASSING_TYPES):
        wait = retry_after_seconds(error.response.headers)
        return CallUnavailable(
            f"the model API answered {status} {kind}".rstrip(), retry_after_seconds=wait, spent=spent
        )
    if status in REASONS:
        reason, sentence = REASONS[status]
        return CallRefused(f"{sentence} (HTTP {status})", reason=reason, spent=spent)
    if 300 <= status < 400:
        return CallRefused("the model API redirects; check ANTHROPIC_BASE_URL", reason="redirected", spent=spent)
    detail = (error.api_message or "")[:MAX_DETAIL]
    return CallRefused(
        f"the model API refused the request (HTTP {status}): {detail}", reason="bad_request", spent=spent
    )
