"""The words that a column may hold, as the schema lists them; a test holds them against those of the ledger."""

from __future__ import annotations

from enum import StrEnum

import strawberry


@strawberry.enum
class TaskStatus(StrEnum):
    """Where a task stands."""

    pending = "pending"
    in_progress = "in_progress"
    validation = "validation"
    complete = "complete"
    failed = "failed"
    cancelled = "cancelled"
    superseded = "superseded"
    dead = "dead"


@strawberry.enum
class Disposition(StrEnum):
    """What became of a delivery."""

    task = "task"
    ignored = "ignored"
    unparseable = "unparseable"
    unknown = "unknown"


@strawberry.enum
class EffectState(StrEnum):
    """Where what shall be posted stands."""

    pending = "pending"
    sending = "sending"
    done = "done"
    superseded = "superseded"
    dead = "dead"


@strawberry.enum
class AgentType(StrEnum):
    """What an agent is for."""

    reviewer = "reviewer"
    generator = "generator"
    fixer = "fixer"
    validator = "validator"


@strawberry.enum
class AgentStatus(StrEnum):
    """Whether an agent gets work."""

    active = "active"
    draining = "draining"
    lost = "lost"
    disabled = "disabled"
    unable = "unable"
