"""The outbox: since when an effect is wanted, and an index over requests whose fate is unknown."""

from alembic import op

revision = "0004"
down_revision = "0003"

WANTED = (
    # Unlike `created_at` it starts again when a dead effect is wanted again: the day after which it is given up is counted from it.
    "ALTER TABLE effects ADD COLUMN wanted_at timestamptz NOT NULL DEFAULT now()",
    "UPDATE effects SET wanted_at = created_at",
    "CREATE INDEX effects_sent ON effects (id) WHERE state IN ('pending', 'sending') AND sent_at IS NOT NULL",
)


def upgrade() -> None:
    """Add the column and the index."""
    for statement in WANTED:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP INDEX effects_sent")
    op.execute("ALTER TABLE effects DROP COLUMN wanted_at")
