"""Indexes by which letters that wait are found in their order, and the older ones of the same purchase."""

from alembic import op

revision = "0008"
down_revision = "0007"
CREATE = "CREATE INDEX CONCURRENTLY IF NOT EXISTS {} WHERE state IN ('due', 'sending')"
INDEXES = (
    "letters_in_order ON letters (position, purchase_id)",
    "letters_of_purchase ON letters (purchase_id, position)",
)


def upgrade() -> None:
    """Add the indexes, each outside a transaction."""
    with op.get_context().autocommit_block():
        for index in INDEXES:
            op.execute(CREATE.format(index))
