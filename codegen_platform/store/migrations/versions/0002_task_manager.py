"""The task manager: leases apart from tasks, dependencies, agents' sessions, workflow runs, and an order of all task events."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Change what `0002_task_manager.sql` names; every task's history gains one event that says so."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def downgrade() -> None:
    """Bring back the tables of 0001; agents' sessions, workflow runs and the new facts about tasks are forgotten, histories stay."""
    statements = Path(__file__).with_suffix(".down.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
