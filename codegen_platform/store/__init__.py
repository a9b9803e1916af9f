"""PostgreSQL: pool, migrations, and the only place with SQL."""

from codegen_platform.store.commands.heads import head_updated_at
from codegen_platform.store.commands.intake import AsyncIntake
from codegen_platform.store.commands.requests import RequestKey
from codegen_platform.store.notifying import Channel, Listener
from codegen_platform.store.outages import is_outage
from codegen_platform.store.queries.cursors import WrongCursor
from codegen_platform.store.queries.events import EventFilter
from codegen_platform.store.queries.queries import Queries
from codegen_platform.store.queries.reviews import ReviewFilter
from codegen_platform.store.queries.tasks import TaskFilter
from codegen_platform.store.queries.troubles import Trouble
from codegen_platform.store.refusals import (
    DependencyCycle,
    DependencyEnded,
    DependencyRefused,
    DependencyUnknown,
    KeyReused,
    NotFound,
    Unstorable,
    VersionConflict,
    WrongState,
)
from codegen_platform.store.rows import (
    EXAMPLE_REPOSITORY,
    AgentRow,
    Check,
    ClaimTerms,
    EffectRow,
    EventCount,
    EventSummary,
    Json,
    LocalPullRequestRow,
    ModelCallRow,
    NewModelCall,
    NewTask,
    NewWorkflowRun,
    Page,
    ReadyTask,
    RebuildReport,
    Recorded,
    RepositoryRow,
    ReviewRow,
    SentEffect,
    StoredEvent,
    TaskChanges,
    TaskEventRow,
    TaskHead,
    TaskRow,
    TaskUpdate,
    ValidationReport,
    WorkflowRow,
    WorkflowRunRow,
)
from codegen_platform.store.schema import Migration, migrate
from codegen_platform.store.states import ALLOWED, OPEN, AgentType, Disposition, EffectState, TaskStatus
from codegen_platform.store.store import Store
from codegen_platform.store.watching import UpdatesWatch

__all__ = [
    "ALLOWED",
    "EXAMPLE_REPOSITORY",
    "OPEN",
    "AgentRow",
    "AgentType",
    "AsyncIntake",
    "Channel",
    "Check",
    "ClaimTerms",
    "DependencyCycle",
    "DependencyEnded",
    "DependencyRefused",
    "DependencyUnknown",
    "Disposition",
    "EffectRow",
    "EffectState",
    "EventCount",
    "EventFilter",
    "EventSummary",
    "Json",
    "KeyReused",
    "Listener",
    "LocalPullRequestRow",
    "Migration",
    "ModelCallRow",
    "NewModelCall",
    "NewTask",
    "NewWorkflowRun",
    "NotFound",
    "Page",
    "Queries",
    "ReadyTask",
    "RebuildReport",
    "Recorded",
    "RepositoryRow",
    "RequestKey",
    "ReviewFilter",
    "ReviewRow",
    "SentEffect",
    "Store",
    "StoredEvent",
    "TaskChanges",
    "TaskEventRow",
    "TaskFilter",
    "TaskHead",
    "TaskRow",
    "TaskStatus",
    "TaskUpdate",
    "Trouble",
    "Unstorable",
    "UpdatesWatch",
    "ValidationReport",
    "VersionConflict",
    "WorkflowRow",
    "WorkflowRunRow",
    "WrongCursor",
    "WrongState",
    "head_updated_at",
    "is_outage",
    "migrate",
]
