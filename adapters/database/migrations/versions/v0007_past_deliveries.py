"""How far the log of an endpoint was deleted, and indexes by which past webhooks and letters are found."""

from alembic import op

revision = "0007"
down_revision = "0006"
INDEXES = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_deliveries_past ON webhook_deliveries (last_at)",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS letters_past ON letters (last_at) WHERE state NOT IN ('due', 'sending')",
)


def upgrade() -> None:
    """Add the column, then the indexes, each outside a transaction."""
    op.execute("ALTER TABLE webhook_positions ADD COLUMN IF NOT EXISTS forgotten bigint NOT NULL DEFAULT 0")
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            op.execute(statement)
