"""When a failed try is repeated, as a table by error code: how long it waits, how often at most, and when nothing is left to hope for."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from codegen_platform.errors import CodegenError

# No task is tried oftener than this because of one kind of error, or longer than a day: then a person has to look at it.
MOST_TRIES = 8
MOST_AGE_SECONDS = 24 * 3600.0

# The other side is asked again at the latest after this, whatever it asked for: its figure may be nonsense.
MOST_ASKED_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How one kind of error is waited out: full jitter, U(0, min(cap, base * 2^n)), so that whoever waits is spread out.

    Attributes:
        base_seconds: ceiling of the first wait; doubled from failure to failure up to `cap_seconds`.
        tries: of one task that may end in this error; after the last one it is dead. Other kinds of errors have tries of their own.
        passes_within_seconds: age of the task up to which the error may pass; from then on it is permanent. None: at any age.
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
        """Return how long to wait after the `failures`-th failure: the wait asked for, at most an hour of it, with the jitter on top."""
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
"""The rows of refusals that pass for a young task only: GitHub announces a head seconds before all of its replicas know it."""

ASKED_TO_WAIT: Mapping[str, str] = MappingProxyType(
    {"forge_unavailable": "forge_throttled", "model_unavailable": "model_throttled"}
)
"""What an error is called in the ledger when the other side said how long to wait: that it answers again makes nobody's wait shorter."""

PERMANENT_NAMES: Mapping[str, str] = MappingProxyType({"forge_not_yet": "forge_refused"})
"""What an error is called in the ledger when the task is too old for it to pass."""


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
    """Return which try of its kind one is that ends in this error, after `failures` of a task by code; 1 = the first."""
    return 1 + sum(failures.get(name, 0) for name in {code, ASKED_TO_WAIT.get(code, code)})


def judge(error: CodegenError, *, tries: int, age_seconds: float, most_tries: int = MOST_TRIES) -> Verdict:
    """Return what the `tries`-th try of a task means that ended in `error`, `age_seconds` after the task was asked for.

    Args:
        tries: those that ended in an error of this kind, this one included (`tries_of_kind`).
        most_tries: a lower bound than that of the table, if somebody set one.
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
    """Return whether a task whose `tries`-th try of this kind ends in this error is not tried again."""
    policy = POLICIES.get(code) or WHILE_YOUNG.get(code)
    return policy is None or tries >= min(policy.tries, most_tries)
