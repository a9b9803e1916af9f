"""The ledger: deliveries, tasks and their events, the outbox, model calls, repositories, agents, workflows."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    "model_calls, effects, task_events, tasks, agents, workflows, events, local_pull_requests, repositories CASCADE"
)
TYPES = "task_status_enum, agent_type_enum, agent_status_enum, effect_state_enum"


def upgrade() -> None:
    """Create everything that `0001_ledger.sql` names."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def downgrade() -> None:
    """Drop everything that `upgrade` created, with its rows."""
    for drop in (f"DROP TABLE {TABLES}", "DROP FUNCTION refuse_change()", f"DROP TYPE {TYPES}"):
        op.execute(drop)
