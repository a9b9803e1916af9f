"""Answers to commands: effects that belong to no task, because the command was refused before there was one."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Let an effect have no task, and count the answers under one pull request quickly."""
    op.execute("ALTER TABLE effects ALTER COLUMN task_id DROP NOT NULL")
    op.execute("CREATE INDEX effects_answers ON effects (repository, number, created_at) WHERE kind = 'comment'")


def downgrade() -> None:
    """Drop the answers: they have no task to belong to."""
    op.execute("DROP INDEX effects_answers")
    op.execute("DELETE FROM effects WHERE task_id IS NULL")
    op.execute("ALTER TABLE effects ALTER COLUMN task_id SET NOT NULL")
