"""When a failed try is repeated, as a table by error code: how long it waits, how often at most, and when nothing is left to hope for."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from codegen_platform.errors import CodegenError

# Upper bounds per task: tries per kind of error, and one day. After that a person has to look at it.
MOST_TRIES = 8
MOST_AGE_SECONDS = 24 * 3600.0

# The longest wait on the other side's request: its figure may be nonsense.
MOST_ASKED_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Retry policy for one kind of error: full jitter, U(0, min(cap, base * 2^n)), to spread retries out.

    Attributes:
        base_seconds: ceiling of the first wait; doubled from failure to failure up to `cap_seconds`.
        tries: maximum tries of one task that end in this error; then it is dead. Each kind of error has its own limit.
        passes_within_seconds: age of the task up to which the error counts as temporary; then it is permanent. None: at any age.
    """

    base_seconds: float
    cap_seconds: float
    tries: int
    passes_within_seconds: float | None = None

    def ceiling_seconds(self, failures: int) -> float:
        """Return the longest wait after the `failures`-th failure in a row (1 = the first)."""
        # Beyond the cap the power only grows; 30 keeps it a small number.
        return min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, 30))

    def wait_seconds(self, failures: int, *, asked_seconds: float | None = None) -> float:
        """Return the seconds to wait after the `failures`-th failure: the requested wait (at most an hour) plus jitter."""
        asked = asked_seconds or 0.0
        bounded = min(max(0.0, asked), MOST_ASKED_SECONDS) if math.isfinite(asked) else MOST_ASKED_SECONDS
        return bounded + random.uniform(0, self.ceiling_seconds(failures))  # noqa: S311


AWAY = RetryPolicy(base_seconds=8, cap_seconds=60, tries=MOST_TRIES)
"""For what is away as a whole: GitHub, PostgreSQL, the artifact storage.

One call to GitHub is repeated after U(0, 1 s), then 2, then 4. A task that is tried again costs a run, frees its worker meanwhile, and
has 8 tries only: with a base of 1 s three in 100 would have used them up before an outage of 25 s ends, with 4 s one in 4,000, with 8 s
fewer than one in 40,000. Nobody pays for the longer waits: the first run that is answered again hastens the others.
"""

POLICIES: Mapping[str, RetryPolicy] = MappingProxyType(
    {
        "forge_unavailable": AWAY,
        "store_unavailable": AWAY,
        "artifacts_unavailable": AWAY,
        "model_unavailable": RetryPolicy(base_seconds=2, cap_seconds=120, tries=6),
        "git_too_slow": RetryPolicy(base_seconds=4, cap_seconds=60, tries=2),
        "unexpected_error": RetryPolicy(base_seconds=2, cap_seconds=60, tries=3),
        "run_lost": RetryPolicy(base_seconds=0, cap_seconds=0, tries=MOST_TRIES),
    }
)
"""Which errors pass, and how each is waited out; what has no row here is permanent, and the task fails with it at once.

`run_lost` is said by the ledger about a run that stopped renewing its lease: there is nobody to wait for.
"""

WHILE_YOUNG: Mapping[str, RetryPolicy] = MappingProxyType(
    {
        "forge_not_yet": RetryPolicy(base_seconds=4, cap_seconds=30, tries=MOST_TRIES, passes_within_seconds=120),
    }
)
"""Rows for refusals that are temporary only for a young task: GitHub announces a head seconds before all its replicas have it."""

ASKED_TO_WAIT: Mapping[str, str] = MappingProxyType(
    {"forge_unavailable": "forge_throttled", "model_unavailable": "model_throttled"}
)
"""What an error is called in the ledger when the other side said how long to wait: that it answers again makes nobody's wait shorter."""

PERMANENT_NAMES: Mapping[str, str] = MappingProxyType({"forge_not_yet": "forge_refused"})
"""The code in the ledger for such an error once the task is too old."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a failed try means for its task.

    Attributes:
        status: `pending` after `delay_seconds`; `failed`, since it would fail again; `dead`, since it was tried enough.
        code: how the error is called in the ledger.
        given_up: why there is no other try although the error may pass; None if there is one, or it cannot pass.
    """

    status: Literal["pending", "failed", "dead"]
    code: str
    delay_seconds: float = 0.0
    given_up: str | None = None


def tries_of_kind(failures: Mapping[str, int], code: str) -> int:
    """Return the number of this try among those that ended in this kind of error, given the task's `failures` by code; 1 = the first."""
    return 1 + sum(failures.get(name, 0) for name in {code, ASKED_TO_WAIT.get(code, code)})


def judge(error: CodegenError, *, tries: int, age_seconds: float, most_tries: int = MOST_TRIES) -> Verdict:
    """Return the consequence of `error` in the `tries`-th try of a task, `age_seconds` after its creation.

    Args:
        tries: number of tries that ended in this kind of error, this one included (`tries_of_kind`).
        most_tries: a configured limit below that of the table.
    """
    policy = POLICIES.get(error.code) or WHILE_YOUNG.get(error.code)
    asked = error.retry_after_seconds
    code = ASKED_TO_WAIT.get(error.code, error.code) if asked else error.code
    if policy is None:
        return Verdict(status="failed", code=code)
    if policy.passes_within_seconds is not None and age_seconds >= policy.passes_within_seconds:
        return Verdict(status="failed", code=PERMANENT_NAMES.get(code, code))
    if tries >= min(policy.tries, most_tries):
        return Verdict(status="dead", code=code, given_up=f"given up after {tries} {'try' if tries == 1 else 'tries'}")
    delay_seconds = policy.wait_seconds(tries, asked_seconds=asked)
    if age_seconds + delay_seconds > MOST_AGE_SECONDS:
        return Verdict(status="dead", code=code, given_up="given up a day after it was asked for")
    return Verdict(status="pending", code=code, delay_seconds=delay_seconds)


def is_last_try(code: str, tries: int, most_tries: int = MOST_TRIES) -> bool:
    """Return whether the task is not retried after its `tries`-th try with this kind of error."""
    policy = POLICIES.get(code) or WHILE_YOUNG.get(code)
    return policy is None or tries >= min(policy.tries, most_tries)
