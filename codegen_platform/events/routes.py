"""The routing table: what each event means for the platform, as data. `decisions` reads it, nothing else decides.

A row is found by event and action; `ANY_ACTION` catches the actions without a row of their own. An event without any row is
`unknown`: kept and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

REVIEW = "review_pull_request"
GENERATE = "generate_change"
FIX = "fix_failing_checks"

ANY_ACTION = "*"


class Meaning(StrEnum):
    """What is done about an event."""

    REVIEW_HEAD = "review_head"
    REVIEW_NEW_BASE = "review_new_base"
    END_CHANGE = "end_change"
    GENERATE = "generate"
    FIX_CHECKS = "fix_checks"
    OBEY_COMMAND = "obey_command"
    REMEMBER_INSTALLATION = "remember_installation"
    IGNORE_PUSH = "ignore_push"
    IGNORE = "ignore"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One row of the table.

    Attributes:
        kind: the kind of task that it makes; None if it makes none.
        priority: of that task, 1 (first) to 5.
        reason: why the event makes no task; recorded with it.
    """

    meaning: Meaning
    kind: str | None = None
    priority: int = 3
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What a word at the start of a line of a comment asks for.

    Attributes:
        kind: the kind of task to make; None for `/cancel`, which ends the open ones.
        on_issue, on_pull_request: where it may be said.
    """

    kind: str | None
    on_issue: bool
    on_pull_request: bool
    priority: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Top-level fields that a body of an event always has, and those that give another event away.

    The header that names the event is not signed, so the body must bear it out.
    """

    has: frozenset[str]
    lacks: frozenset[str] = frozenset()


def _ignored(reason: str) -> Route:
    return Route(meaning=Meaning.IGNORE, reason=reason)


_REVIEW = Route(meaning=Meaning.REVIEW_HEAD, kind=REVIEW)
_GENERATE = Route(meaning=Meaning.GENERATE, kind=GENERATE, priority=4)
_FIX = Route(meaning=Meaning.FIX_CHECKS, kind=FIX)
_NOT_USED = _ignored("action_not_used")
_INSTALLED = Route(meaning=Meaning.REMEMBER_INSTALLATION, reason="installation_recorded")

ROUTES: Mapping[tuple[str, str], Route] = MappingProxyType(
    {
        ("pull_request", "opened"): _REVIEW,
        ("pull_request", "synchronize"): _REVIEW,
        ("pull_request", "reopened"): _REVIEW,
        ("pull_request", "ready_for_review"): _REVIEW,
        ("pull_request", "edited"): Route(meaning=Meaning.REVIEW_NEW_BASE, kind=REVIEW, reason="action_not_used"),
        ("pull_request", "closed"): Route(meaning=Meaning.END_CHANGE, reason="closed"),
        ("pull_request", "converted_to_draft"): _ignored("converted_to_draft"),
        ("pull_request", ANY_ACTION): _NOT_USED,
        ("push", ANY_ACTION): Route(meaning=Meaning.IGNORE_PUSH, reason="covered_by_pull_request"),
        ("issues", "opened"): _GENERATE,
        ("issues", "labeled"): _GENERATE,
        ("issues", ANY_ACTION): _NOT_USED,
        ("issue_comment", "created"): Route(meaning=Meaning.OBEY_COMMAND),
        ("issue_comment", ANY_ACTION): _NOT_USED,
        ("check_run", "completed"): _FIX,
        ("check_run", ANY_ACTION): _NOT_USED,
        ("check_suite", "completed"): _FIX,
        ("check_suite", ANY_ACTION): _NOT_USED,
        ("workflow_run", "completed"): _FIX,
        ("workflow_run", ANY_ACTION): _NOT_USED,
        ("ping", ANY_ACTION): _ignored("ping"),
        ("installation", "created"): _INSTALLED,
        ("installation", "unsuspend"): _INSTALLED,
        ("installation", "new_permissions_accepted"): _INSTALLED,
        ("installation", ANY_ACTION): _ignored("installation_ended"),
        ("installation_repositories", "added"): _INSTALLED,
        ("installation_repositories", ANY_ACTION): _ignored("installation_ended"),
        ("installation_target", ANY_ACTION): _NOT_USED,
    }
)

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "pull_request": Shape(
            has=frozenset({"repository", "pull_request", "number"}), lacks=frozenset({"review", "comment", "thread"})
        ),
        "push": Shape(has=frozenset({"repository", "ref", "before", "after", "commits"})),
        "issues": Shape(has=frozenset({"repository", "issue"}), lacks=frozenset({"comment"})),
        "issue_comment": Shape(has=frozenset({"repository", "issue", "comment"})),
        "check_run": Shape(has=frozenset({"repository", "check_run"})),
        "check_suite": Shape(has=frozenset({"repository", "check_suite"}), lacks=frozenset({"check_run"})),
        "workflow_run": Shape(has=frozenset({"repository", "workflow_run"}), lacks=frozenset({"workflow_job"})),
        "ping": Shape(has=frozenset({"zen", "hook_id"})),
        "installation": Shape(has=frozenset({"installation"}), lacks=frozenset({"repository"})),
        "installation_repositories": Shape(has=frozenset({"installation", "repository_selection"})),
        "installation_target": Shape(has=frozenset({"installation", "target_type"})),
    }
)

COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "review": Command(kind=REVIEW, on_issue=False, on_pull_request=True),
        "fix": Command(kind=FIX, on_issue=False, on_pull_request=True),
        "generate": Command(kind=GENERATE, on_issue=True, on_pull_request=False),
        "cancel": Command(kind=None, on_issue=True, on_pull_request=True),
    }
)

COMMANDERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""Author associations that prove write access. GitHub shows organisation members with hidden membership, and outside collaborators of a
parent team, as `CONTRIBUTOR` or `NONE`: for them the task's run asks the forge."""

UNKNOWN_COMMANDER_PRIORITY = 4
"""Priority of a task that anyone may have asked for: after everything else."""

FAILED_CONCLUSIONS = frozenset({"failure", "timed_out"})


def find_route(event_type: str, action: str | None) -> Route | None:
    """Return the row for an event and its action, or None for an event that the table does not know."""
    exact = ROUTES.get((event_type, action)) if action is not None else None
    return exact or ROUTES.get((event_type, ANY_ACTION))


def fits(event_type: str, fields: frozenset[str]) -> bool:
    """Return whether a body with these top-level fields can be a body of this event."""
    shape = SHAPES[event_type]
    return shape.has <= fields and not shape.lacks & fields


def fate_of_type(event_type: str, body: bytes) -> Route | None:
    """Return the disposition of every event of this type, whatever its body; None if it depends on the body.

    A type not in the table has a route without a reason. The header with the type is not signed, so the names of this type's fields must
    occur in the body; whether they are fields is not checked.
    """
    rows = [route for (name, _), route in ROUTES.items() if name == event_type]
    if not rows:
        return Route(meaning=Meaning.IGNORE)
    if len(rows) > 1 or rows[0].meaning not in {Meaning.IGNORE, Meaning.IGNORE_PUSH}:
        return None
    has = SHAPES[event_type].has if event_type in SHAPES else frozenset()
    return rows[0] if all(f'"{field}"'.encode() in body for field in has) else None
