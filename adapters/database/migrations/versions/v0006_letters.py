"""Letters to buyers: how far the outgoing events were looked at, and what became of each letter."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables, and the index of letters that wait."""
    op.execute(
        "CREATE TABLE IF NOT EXISTS letter_position (is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),"
        " position bigint NOT NULL)"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS letters (event_id text NOT NULL, purchase_id text NOT NULL, type text NOT NULL,"
        " position bigint NOT NULL, state text NOT NULL, tries int NOT NULL, unknown_ends int NOT NULL, fault text,"
        " due_at timestamptz NOT NULL, first_at timestamptz NOT NULL, last_at timestamptz NOT NULL,"
        " PRIMARY KEY (event_id, purchase_id))"
    )
    op.execute("CREATE INDEX IF NOT EXISTS letters_waiting ON letters (due_at) WHERE state IN ('due', 'sending')")
    op.execute(
        "CREATE INDEX IF NOT EXISTS letters_set_aside ON letters (last_at) WHERE state IN ('refused', 'given-up')"
    )
