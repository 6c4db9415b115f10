"""The tables beside the events, as release 0.1.0 made them; nothing changes where they exist."""

from alembic import op

revision = "0001"
down_revision = None
STATEMENTS = (
    (
        "CREATE TABLE IF NOT EXISTS snapshots (stream text PRIMARY KEY, topic text NOT NULL, shape int NOT NULL,"
        " version bigint NOT NULL, digest text NOT NULL, state bytea NOT NULL)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS buyers (buyer_id text PRIMARY KEY, tenant_id text NOT NULL,"
        " name text, email text, wallet text, kept_at timestamptz NOT NULL DEFAULT now())"
    ),
    "CREATE TABLE IF NOT EXISTS checkouts (purchase_id text PRIMARY KEY, client_secret text NOT NULL)",
    (
        "CREATE TABLE IF NOT EXISTS webhook_inbox (event_id text PRIMARY KEY, type text NOT NULL, object_id text,"
        " intent_id text, purchase_id text, created timestamptz, digest text NOT NULL,"
        " received_at timestamptz NOT NULL DEFAULT now(), signalled_at timestamptz)"
    ),
    "ALTER TABLE webhook_inbox ADD COLUMN IF NOT EXISTS account_id text",
    "CREATE INDEX IF NOT EXISTS webhook_inbox_waiting ON webhook_inbox (received_at) WHERE signalled_at IS NULL",
)
# READ COMMITTED: the INSERT sees everything committed before it began, so it checks the conditions under the lock.
APPEND_IF_HEAD = """
CREATE OR REPLACE FUNCTION append_if_head(
    streams text[], versions bigint[], topics text[], states bytea[], head bigint, absent text[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    appended bigint;
BEGIN
    LOCK TABLE events IN EXCLUSIVE MODE;
    WITH kept AS (
        INSERT INTO events (originator_id, originator_version, topic, state)
        SELECT * FROM unnest(streams, versions, topics, states)
        WHERE (SELECT coalesce(max(notification_id), 0) FROM events) = head
        AND NOT EXISTS (SELECT FROM events WHERE originator_id = ANY(absent))
        RETURNING notification_id
    )
    SELECT max(notification_id) INTO appended FROM kept;
    RETURN appended;
END $$
"""


def upgrade() -> None:
    """Make what is missing."""
    for statement in (*STATEMENTS, APPEND_IF_HEAD):
        op.execute(statement)
