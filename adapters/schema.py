"""The database schema: the event tables, the tables beside them, the read models, and the deployment's row."""

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from adapters.deployment import create_deployment
from adapters.event_store.recorder import create_event_tables, open_recorder, schema_lock
from adapters.read_models.documents import KINDS

SIDE_TABLES = (
    SQL(
        "CREATE TABLE IF NOT EXISTS buyers (buyer_id text PRIMARY KEY, tenant_id text NOT NULL,"
        " name text, email text, wallet text, kept_at timestamptz NOT NULL DEFAULT now())"
    ),
    SQL("CREATE TABLE IF NOT EXISTS key_uses (key_id text PRIMARY KEY, last_used_at timestamptz NOT NULL)"),
    # The columns after those of release 0.1.0; `key_id` names the key of the sealed values, null where they are plain.
    SQL(
        "ALTER TABLE buyers ADD COLUMN IF NOT EXISTS purchase_id text, ADD COLUMN IF NOT EXISTS key_id text,"
        " ADD COLUMN IF NOT EXISTS lookup text, ADD COLUMN IF NOT EXISTS wallet_lookup text,"
        " ADD COLUMN IF NOT EXISTS used boolean NOT NULL DEFAULT false"
    ),
    SQL("CREATE INDEX IF NOT EXISTS buyers_purchase ON buyers (purchase_id)"),
    SQL("CREATE INDEX IF NOT EXISTS buyers_lookup ON buyers (tenant_id, lookup)"),
    SQL("CREATE INDEX IF NOT EXISTS buyers_wallet_lookup ON buyers (tenant_id, wallet_lookup)"),
    SQL("CREATE INDEX IF NOT EXISTS buyers_kept ON buyers (kept_at)"),
    SQL("CREATE INDEX IF NOT EXISTS buyers_unused ON buyers (kept_at) WHERE NOT used"),
    SQL(
        "CREATE TABLE IF NOT EXISTS persons (tenant_id text NOT NULL, lookup text NOT NULL,"
        " allowance_id text NOT NULL, PRIMARY KEY (tenant_id, lookup))"
    ),
    SQL("CREATE TABLE IF NOT EXISTS checkouts (purchase_id text PRIMARY KEY, client_secret text NOT NULL)"),
    SQL(
        "CREATE TABLE IF NOT EXISTS webhook_inbox (event_id text PRIMARY KEY, type text NOT NULL, object_id text,"
        " intent_id text, purchase_id text, created timestamptz, digest text NOT NULL,"
        " received_at timestamptz NOT NULL DEFAULT now(), signalled_at timestamptz)"
    ),
    SQL("ALTER TABLE webhook_inbox ADD COLUMN IF NOT EXISTS account_id text"),
    SQL(
        "CREATE UNLOGGED TABLE IF NOT EXISTS rate_limits (key text PRIMARY KEY, hits bigint NOT NULL,"
        " until timestamptz NOT NULL)"
    ),
    SQL("CREATE INDEX IF NOT EXISTS webhook_inbox_waiting ON webhook_inbox (received_at) WHERE signalled_at IS NULL"),
)
READ_MODELS = (
    SQL("CREATE TABLE IF NOT EXISTS rm_position (one boolean PRIMARY KEY DEFAULT true, position bigint NOT NULL)"),
    SQL("INSERT INTO rm_position (position) VALUES (0) ON CONFLICT DO NOTHING"),
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_timeline (purchase_id text NOT NULL, position bigint NOT NULL,"
        " at timestamptz NOT NULL, event text NOT NULL, text text NOT NULL, PRIMARY KEY (purchase_id, position))"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_timeline_position ON rm_timeline (position)"),
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_postings (position bigint NOT NULL, number int NOT NULL, key text NOT NULL,"
        " purchase_id text NOT NULL, kind text NOT NULL, at timestamptz NOT NULL, debit text NOT NULL,"
        " credit text NOT NULL, amount bigint NOT NULL, unit text NOT NULL, PRIMARY KEY (position, number))"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_postings_debit ON rm_postings (debit)"),
    SQL("CREATE INDEX IF NOT EXISTS rm_postings_credit ON rm_postings (credit)"),
    SQL("CREATE INDEX IF NOT EXISTS rm_postings_purchase ON rm_postings (purchase_id)"),
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_balances (account text NOT NULL, unit text NOT NULL, balance bigint NOT NULL,"
        " PRIMARY KEY (account, unit))"
    ),
)
AUDIT = (
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_audit (position bigint PRIMARY KEY, at timestamptz NOT NULL, by text NOT NULL,"
        " event text NOT NULL, stream text NOT NULL)"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_audit_by ON rm_audit (by, position)"),
)
DOCUMENTS = SQL("CREATE TABLE IF NOT EXISTS {table} (id text PRIMARY KEY, doc jsonb NOT NULL)")
BY_STATE = SQL("CREATE INDEX IF NOT EXISTS {index} ON {table} ((doc->>'state'))")
BY_STRIPE_REFUND = SQL("CREATE INDEX IF NOT EXISTS rm_refunds_stripe ON rm_refunds ((doc->>'stripe_refund_id'))")
BY_SHOW = SQL("CREATE INDEX IF NOT EXISTS rm_purchases_show ON rm_purchases ((doc->>'show_id'), id)")
UNBURNT = SQL(
    "CREATE INDEX IF NOT EXISTS rm_tickets_unburnt ON rm_tickets ((doc->>'purchase_id'))"
    " WHERE doc->>'state' = 'void' AND doc->>'token' IN ('signed', 'minted')"
)
BY_PUBLIC_NAME = SQL(
    "CREATE INDEX IF NOT EXISTS rm_tickets_public_name ON rm_tickets ((coalesce(doc->>'public_name', id)))"
)
BY_MINT = SQL("CREATE INDEX IF NOT EXISTS rm_tickets_mint ON rm_tickets ((doc->>'mint_address'))")
WITH_STATE = ("purchases", "reservations", "refunds")


def ensure_schema(url: str) -> None:
    """Create missing tables; safe to call from every process at every start."""
    recorder = open_recorder(url, pool_size=1)
    try:
        create_event_tables(url, recorder)
    finally:
        recorder.datastore.close()
    with schema_lock(url) as connection, connection.transaction():
        _create_side_tables(connection)


def _create_side_tables(connection: Connection) -> None:
    create_deployment(connection)
    for statement in (*SIDE_TABLES, *READ_MODELS, *AUDIT):
        connection.execute(statement)
    for kind in KINDS:
        connection.execute(DOCUMENTS.format(table=Identifier(f"rm_{kind}")))
    connection.execute(BY_STRIPE_REFUND)
    connection.execute(BY_SHOW)
    connection.execute(UNBURNT)
    connection.execute(BY_PUBLIC_NAME)
    connection.execute(BY_MINT)
    for kind in WITH_STATE:
        connection.execute(
            BY_STATE.format(index=Identifier(f"rm_{kind}_state"), table=Identifier(f"rm_{kind}")),
        )
