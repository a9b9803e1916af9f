"""Lists, numbers and retries that stay as fast and as fair when the ledger grows."""

import zlib
from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns with defaults and indexes; processes of the version before go on working on it."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def downgrade() -> None:
    """Take away what 0003 added; bodies that are kept compressed are written out again."""
    packed = op.get_bind().exec_driver_sql("SELECT id FROM events WHERE packed_body IS NOT NULL").scalars().all()
    for event_id in packed:
        row = op.get_bind().exec_driver_sql("SELECT packed_body FROM events WHERE id = %s", (event_id,)).one()
        op.get_bind().exec_driver_sql("UPDATE events SET body = %s WHERE id = %s", (zlib.decompress(row[0]), event_id))
    statements = Path(__file__).with_suffix(".down.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
