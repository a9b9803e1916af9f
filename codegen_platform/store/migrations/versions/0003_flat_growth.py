"""Lists, numbers and retries that stay as fast and as fair when the ledger grows."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns with defaults and indexes; processes of the version before go on working on it."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def downgrade() -> None:
    """Take away what 0003 added; bodies that are kept compressed are lost, so a backup comes first."""
    statements = Path(__file__).with_suffix(".down.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
