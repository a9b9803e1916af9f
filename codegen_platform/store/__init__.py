"""PostgreSQL: pool, migrations, and the only place with SQL."""

from codegen_platform.store.intake import AsyncIntake
from codegen_platform.store.notifying import Channel, Listener
from codegen_platform.store.refusals import NotFound, Unstorable, WrongState
from codegen_platform.store.rows import (
    AgentRow,
    EffectRow,
    EventCount,
    EventSummary,
    Json,
    LocalPullRequestRow,
    ModelCallRow,
    ModelTotals,
    NewModelCall,
    NewTask,
    Recorded,
    RepositoryRow,
    StoredEvent,
    TaskEventRow,
    TaskHead,
    TaskRow,
)
from codegen_platform.store.schema import migrate
from codegen_platform.store.states import ALLOWED, OPEN, AgentType, Disposition, EffectState, TaskStatus
from codegen_platform.store.store import Store

__all__ = [
    "ALLOWED",
    "OPEN",
    "AgentRow",
    "AgentType",
    "AsyncIntake",
    "Channel",
    "Disposition",
    "EffectRow",
    "EffectState",
    "EventCount",
    "EventSummary",
    "Json",
    "Listener",
    "LocalPullRequestRow",
    "ModelCallRow",
    "ModelTotals",
    "NewModelCall",
    "NewTask",
    "NotFound",
    "Recorded",
    "RepositoryRow",
    "Store",
    "StoredEvent",
    "TaskEventRow",
    "TaskHead",
    "TaskRow",
    "TaskStatus",
    "Unstorable",
    "WrongState",
    "migrate",
]
