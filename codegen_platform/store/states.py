"""The states of tasks, effects and deliveries, and which task state may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

TaskStatus: TypeAlias = Literal[
    "pending", "in_progress", "validation", "complete", "failed", "cancelled", "superseded", "dead"
]
EffectState: TypeAlias = Literal["pending", "sending", "done", "superseded", "dead"]
Disposition: TypeAlias = Literal["task", "ignored", "unparseable", "unknown"]
AgentType: TypeAlias = Literal["reviewer", "generator", "fixer", "validator"]
AgentStatus: TypeAlias = Literal["active", "draining", "lost", "disabled", "unable"]

# Work on it is wanted: waiting for a run, in a run, or waiting for its effects to be published.
OPEN: frozenset[TaskStatus] = frozenset({"pending", "in_progress", "validation"})

# `pending` follows a terminal state only by replay, or when a superseded head commit becomes the head again.
ALLOWED: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    "pending": frozenset({"pending", "in_progress", "complete", "failed", "cancelled", "superseded", "dead"}),
    "in_progress": frozenset({"pending", "validation", "complete", "failed", "cancelled", "superseded", "dead"}),
    "validation": frozenset({"pending", "validation", "complete", "failed", "cancelled", "superseded", "dead"}),
    "complete": frozenset(),
    "failed": frozenset({"pending"}),
    "cancelled": frozenset({"pending"}),
    "superseded": frozenset({"pending"}),
    "dead": frozenset({"pending"}),
}
