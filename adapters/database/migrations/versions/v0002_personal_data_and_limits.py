"""Sealed personal data, uses of keys, persons, limits of callers and the deployment's row."""

from alembic import op

revision = "0002"
down_revision = "0001"
STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS key_uses (key_id text PRIMARY KEY, last_used_at timestamptz NOT NULL)",
    # `key_id` names the key of the sealed values, null where they are plain.
    (
        "ALTER TABLE buyers ADD COLUMN IF NOT EXISTS purchase_id text, ADD COLUMN IF NOT EXISTS key_id text,"
        " ADD COLUMN IF NOT EXISTS lookup text, ADD COLUMN IF NOT EXISTS wallet_lookup text,"
        " ADD COLUMN IF NOT EXISTS used boolean NOT NULL DEFAULT false, ADD COLUMN IF NOT EXISTS ticket_id text"
    ),
    (
        "CREATE TABLE IF NOT EXISTS persons (tenant_id text NOT NULL, lookup text NOT NULL,"
        " allowance_id text NOT NULL, PRIMARY KEY (tenant_id, lookup))"
    ),
    (
        "CREATE UNLOGGED TABLE IF NOT EXISTS rate_limits (key text PRIMARY KEY, hits bigint NOT NULL,"
        " until timestamptz NOT NULL)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS deployment (one boolean PRIMARY KEY DEFAULT true CHECK (one), id text NOT NULL,"
        " adopted boolean NOT NULL, fingerprint text, created_at timestamptz NOT NULL DEFAULT now())"
    ),
    "ALTER TABLE deployment ADD COLUMN IF NOT EXISTS genesis text",
)
# Sales go on while an index over stored rows is made.
INDEXES = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS buyers_purchase ON buyers (purchase_id)",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS buyers_lookup ON buyers (tenant_id, lookup)",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS buyers_wallet_lookup ON buyers (tenant_id, wallet_lookup)",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS buyers_kept ON buyers (kept_at)",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS buyers_unused ON buyers (kept_at) WHERE NOT used",
)


def upgrade() -> None:
    """Add columns and tables, then the indexes, each outside a transaction."""
    for statement in STATEMENTS:
        op.execute(statement)
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            op.execute(statement)
