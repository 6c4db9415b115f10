"""What a buyer is found by: keyed digests of the parts of the name, which is sealed."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, then its index, outside a transaction."""
    op.execute("ALTER TABLE buyers ADD COLUMN IF NOT EXISTS name_lookups text[]")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS buyers_names ON buyers USING gin (name_lookups)")
