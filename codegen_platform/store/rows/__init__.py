"""What the ledger's tables hold, as frozen rows; every time is aware, in UTC, and was read from the database's clock."""

from codegen_platform.store.rows.agents import AgentRow
from codegen_platform.store.rows.deliveries import EventCount, EventSummary, Recorded, StoredEvent
from codegen_platform.store.rows.effects import EffectRow
from codegen_platform.store.rows.json import Json
from codegen_platform.store.rows.model_calls import ModelCallRow, ModelTotals, NewModelCall
from codegen_platform.store.rows.repositories import LocalPullRequestRow, RepositoryRow
from codegen_platform.store.rows.tasks import NewTask, TaskEventRow, TaskHead, TaskRow

__all__ = [
    "AgentRow",
    "EffectRow",
    "EventCount",
    "EventSummary",
    "Json",
    "LocalPullRequestRow",
    "ModelCallRow",
    "ModelTotals",
    "NewModelCall",
    "NewTask",
    "Recorded",
    "RepositoryRow",
    "StoredEvent",
    "TaskEventRow",
    "TaskHead",
    "TaskRow",
]
