"""What the ledger's tables hold, as frozen rows; every time is aware, in UTC, and was read from the database's clock."""

from codegen_platform.store.rows.agents import AgentRow
from codegen_platform.store.rows.deliveries import EventCount, EventSummary, Recorded, StoredEvent
from codegen_platform.store.rows.effects import ClaimTerms, EffectRow, SentEffect
from codegen_platform.store.rows.json import Json
from codegen_platform.store.rows.model_calls import ModelCallRow, NewModelCall
from codegen_platform.store.rows.pages import Page
from codegen_platform.store.rows.repositories import EXAMPLE_REPOSITORY, LocalPullRequestRow, RepositoryRow
from codegen_platform.store.rows.reviews import ReviewRow
from codegen_platform.store.rows.tasks import (
    Check,
    Hold,
    NewTask,
    OnDependencyFailure,
    ReadyTask,
    RebuildReport,
    TaskChanges,
    TaskEventRow,
    TaskHead,
    TaskRow,
    TaskUpdate,
    ValidationReport,
)
from codegen_platform.store.rows.workflows import NewWorkflowRun, WorkflowRow, WorkflowRunRow

__all__ = [
    "EXAMPLE_REPOSITORY",
    "AgentRow",
    "Check",
    "ClaimTerms",
    "EffectRow",
    "EventCount",
    "EventSummary",
    "Hold",
    "Json",
    "LocalPullRequestRow",
    "ModelCallRow",
    "NewModelCall",
    "NewTask",
    "NewWorkflowRun",
    "OnDependencyFailure",
    "Page",
    "ReadyTask",
    "RebuildReport",
    "Recorded",
    "RepositoryRow",
    "ReviewRow",
    "SentEffect",
    "StoredEvent",
    "TaskChanges",
    "TaskEventRow",
    "TaskHead",
    "TaskRow",
    "TaskUpdate",
    "ValidationReport",
    "WorkflowRow",
    "WorkflowRunRow",
]
