"""Case-insensitive repository names, and the state of the scans of open pull requests."""

from alembic import op

revision = "0006"
down_revision = "0004"

# The indexes are not unique: a ledger may hold one repository in two spellings already, and keeps both; new work goes to the older one.
ADDED = (
    "CREATE INDEX repositories_spelling ON repositories (lower(full_name))",
    "CREATE INDEX tasks_repository_spelling ON tasks (lower(repository))",
    """CREATE INDEX tasks_unreviewed ON tasks (repository, completed_at)
       WHERE status IN ('superseded', 'failed', 'dead')""",
    "ALTER TABLE repositories ADD COLUMN open_pulls_etag text",
    "ALTER TABLE repositories ADD COLUMN looked_at timestamptz",
)


def upgrade() -> None:
    """Add the indexes and columns."""
    for statement in ADDED:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE repositories DROP COLUMN looked_at, DROP COLUMN open_pulls_etag")
    op.execute("DROP INDEX tasks_unreviewed")
    op.execute("DROP INDEX tasks_repository_spelling")
    op.execute("DROP INDEX repositories_spelling")
