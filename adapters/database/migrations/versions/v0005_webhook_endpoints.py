"""Webhook endpoints: their sealed secrets, how far each is in the log, and what became of each event."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables, and the index of events that are sent again."""
    op.execute(
        "CREATE TABLE IF NOT EXISTS webhook_secrets (endpoint_id text NOT NULL, number int NOT NULL, key_id text,"
        " secret text NOT NULL, PRIMARY KEY (endpoint_id, number))"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS webhook_positions (endpoint_id text PRIMARY KEY, position bigint NOT NULL,"
        " replays int NOT NULL DEFAULT 0)"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS webhook_deliveries (endpoint_id text NOT NULL, position bigint NOT NULL,"
        " event_id text NOT NULL, type text NOT NULL, state text NOT NULL, tries int NOT NULL, status int,"
        " fault text, first_at timestamptz NOT NULL, last_at timestamptz NOT NULL, PRIMARY KEY (endpoint_id, position))"
    )
    op.execute(
        "CREATE INDEX IF NOT EXISTS webhook_deliveries_due ON webhook_deliveries (endpoint_id) WHERE state = 'due'"
    )
