"""The database schema: the event tables, the tables beside them, the read models, and the deployment's row."""

import hashlib
import re
from collections.abc import Iterable
from inspect import get_annotations
from typing import Any, get_args

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

from adapters.database.migrate import FOLDER, run_steps, schema_state
from adapters.event_store.recorder import open_recorder, schema_lock
from adapters.postgres.connections import SCHEMA, connect
from adapters.postgres.deployment import create_deployment
from adapters.read_models.documents import KINDS
from adapters.read_models.documents import READ_MODELS as DOCUMENTS_OF
from adapters.read_models.lists.places import PLACES

READ_MODELS = (
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_position (one boolean PRIMARY KEY DEFAULT true, position bigint NOT NULL,"
        " shape text NOT NULL)"
    ),
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_timeline (purchase_id text NOT NULL, position bigint NOT NULL,"
        " at timestamptz NOT NULL, event text NOT NULL, text text NOT NULL, PRIMARY KEY (purchase_id, position))"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_timeline_position ON rm_timeline (position)"),
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_postings (position bigint NOT NULL, number int NOT NULL, key text NOT NULL,"
        " purchase_id text NOT NULL, kind text NOT NULL, at timestamptz NOT NULL, debit text NOT NULL,"
        " credit text NOT NULL, amount bigint NOT NULL, unit text NOT NULL, booked_at timestamptz NOT NULL,"
        " PRIMARY KEY (position, number))"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_postings_booked ON rm_postings (booked_at, position)"),
    SQL("CREATE INDEX IF NOT EXISTS rm_postings_purchase ON rm_postings (purchase_id)"),
    # Two lines a posting, with this index alone: every query reads an account's lines in the order of the books.
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_account_lines (account text NOT NULL, unit text NOT NULL,"
        " position bigint NOT NULL, number int NOT NULL, side smallint NOT NULL, amount bigint NOT NULL,"
        " balance bigint NOT NULL, key text NOT NULL, purchase_id text NOT NULL, kind text NOT NULL,"
        " at timestamptz NOT NULL, PRIMARY KEY (account, unit, position, number, side))"
    ),
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_balances (account text NOT NULL, unit text NOT NULL, balance bigint NOT NULL,"
        " PRIMARY KEY (account, unit))"
    ),
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_audit (position bigint PRIMARY KEY, at timestamptz NOT NULL, by text NOT NULL,"
        " event text NOT NULL, stream text NOT NULL)"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_audit_by ON rm_audit (by, position)"),
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_outgoing (position bigint PRIMARY KEY, event_id text NOT NULL UNIQUE,"
        " type text NOT NULL, tenant_id text NOT NULL, venue_id text, show_id text, purchase_id text,"
        " sent jsonb NOT NULL)"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_outgoing_tenant ON rm_outgoing (tenant_id, position)"),
    SQL("CREATE INDEX IF NOT EXISTS rm_outgoing_venue ON rm_outgoing (venue_id, position) WHERE venue_id IS NOT NULL"),
    SQL(
        "CREATE INDEX IF NOT EXISTS rm_outgoing_letters ON rm_outgoing (position) WHERE type IN ("
        "'order.confirmed', 'order.cancelled', 'refund.succeeded', 'refund.failed', 'refund.owed_at_till',"
        " 'show.details_changed', 'show.cancelled')"
    ),
    SQL(
        "CREATE INDEX IF NOT EXISTS rm_outgoing_details ON rm_outgoing (show_id, position)"
        " WHERE type IN ('show.announced', 'show.details_changed')"
    ),
    # Counting the documents of a show's orders unpacks each of them.
    SQL(
        "CREATE TABLE IF NOT EXISTS rm_order_counts (id text PRIMARY KEY, show_id text NOT NULL,"
        " is_ended boolean NOT NULL, is_left boolean NOT NULL, is_refunding boolean NOT NULL,"
        " has_failed boolean NOT NULL, refunded_minor bigint NOT NULL, refunded_in_cash_minor bigint NOT NULL,"
        " owed_minor bigint NOT NULL, owed_at_till_minor bigint NOT NULL, tokens_left int NOT NULL,"
        " sold_at timestamptz, tickets int NOT NULL, total_minor bigint NOT NULL)"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_order_counts_show ON rm_order_counts (show_id, id)"),
)
DOCUMENTS = SQL("CREATE TABLE IF NOT EXISTS {table} (id text PRIMARY KEY, doc jsonb NOT NULL)")
BY_STATE = SQL("CREATE INDEX IF NOT EXISTS {index} ON {table} ((doc->>'state'))")
WITH_STATE = ("purchases", "reservations", "refunds")
INDEXES = (
    SQL("CREATE INDEX IF NOT EXISTS rm_refunds_stripe ON rm_refunds ((doc->>'stripe_refund_id'))"),
    SQL(
        "CREATE INDEX IF NOT EXISTS rm_refunds_unsold ON rm_refunds (id)"
        " WHERE doc->>'resells' = 'true' AND doc->>'resold' = 'false'"
    ),
    SQL(
        "CREATE INDEX IF NOT EXISTS rm_tickets_unburnt ON rm_tickets ((doc->>'purchase_id'))"
        " WHERE doc->>'state' = 'void'"
        " AND (doc->>'token' IN ('signed', 'minted') OR doc->>'leaf_index' IS NOT NULL)"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_tickets_public_name ON rm_tickets ((coalesce(doc->>'public_name', id)))"),
    SQL(
        "CREATE INDEX IF NOT EXISTS rm_tickets_owed ON rm_tickets (id)"
        " WHERE doc->>'state' IN ('issued', 'redeemed') AND doc->>'token' IN ('none', 'signed')"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_files_unpinned ON rm_files (id) WHERE doc->>'pinned' = 'false'"),
    SQL("CREATE INDEX IF NOT EXISTS rm_follow_ups_open ON rm_follow_ups (id) WHERE doc->>'state' = 'open'"),
    SQL(
        "CREATE INDEX IF NOT EXISTS rm_shows_changing ON rm_shows (id)"
        " WHERE doc->'capacity_change'->>'state' = 'under-way'"
    ),
    SQL(
        "CREATE INDEX IF NOT EXISTS rm_tickets_claimed ON rm_tickets ((doc->>'claimed_at'))"
        " WHERE doc->>'claim' = 'requested'"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_tickets_mint ON rm_tickets ((doc->>'mint_address'))"),
)
OF_READ_MODELS: tuple[SQL | Composed, ...] = (
    *READ_MODELS,
    *PLACES,
    *(DOCUMENTS.format(table=Identifier(f"rm_{kind}")) for kind in KINDS),
    *INDEXES,
    *(BY_STATE.format(index=Identifier(f"rm_{kind}_state"), table=Identifier(f"rm_{kind}")) for kind in WITH_STATE),
)


def fields_of(view: Any) -> str:
    """Return the names of a typed dictionary's fields, with those of the dictionaries in them."""
    if not hasattr(view, "__required_keys__"):
        return "".join(fields_of(inner) for inner in get_args(view))
    fields = get_annotations(view)
    return "{" + ",".join(name + fields_of(fields[name]) for name in sorted(fields)) + "}"


def digest_of(statements: Iterable[SQL | Composed], views: Iterable[Any]) -> str:
    """Return a digest of tables and documents; another one means that the read models must be rebuilt."""
    texts = [*(statement.as_string() for statement in statements), *(fields_of(view) for view in views)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


CREATED = re.compile(r'CREATE (?:UNLOGGED )?TABLE IF NOT EXISTS "?(\w+)"?')
EVENTS = "events"  # made by the library
TABLES = SQL("SELECT tablename FROM pg_tables WHERE schemaname = ANY(current_schemas(false))")
SHAPE = digest_of(OF_READ_MODELS, (model.view for model in DOCUMENTS_OF))
BEGINNING = SQL("INSERT INTO rm_position (position, shape) VALUES (0, {}) ON CONFLICT DO NOTHING").format(SHAPE)


def table_names() -> frozenset[str]:
    """Return the names of all tables that this version needs."""
    texts = [statement.as_string() for statement in OF_READ_MODELS]
    texts += [path.read_text() for path in (FOLDER / "versions").glob("*.py")]
    return frozenset(name for text in texts for name in CREATED.findall(text)) | {EVENTS}


def ensure_schema(url: str) -> None:
    """Bring a database to this build: the events, the steps, the deployment's row, the first read models.

    Safe to call from every process at once.
    """
    recorder = open_recorder(url, pool_size=1)
    try:
        with schema_lock(url) as connection:
            recorder.create_table()
            run_steps(url)
            create_deployment(connection)
            if stored_shape(connection) in {None, SHAPE}:  # another shape: the projector rebuilds them beside
                with connection.transaction():
                    create_read_models(connection)
    finally:
        recorder.datastore.close()


def missing_tables(connection: Connection[Any]) -> tuple[str, ...]:
    """Return the tables that this build needs and the schemas of the search path do not have, in order."""
    there = {name for (name,) in connection.execute(TABLES).fetchall()}
    return tuple(sorted(table_names() - there))


def is_prepared(url: str) -> bool:
    """Whether a database has the steps of this build, the events, the deployment and read models of any shape."""
    if not schema_state(url).is_current:
        return False
    with connect(url, SCHEMA) as connection:
        found = connection.execute("SELECT to_regclass('events'), to_regclass('deployment')").fetchall()[0]
        return None not in found and stored_shape(connection) is not None


def create_read_models(connection: Connection[Any]) -> None:
    """Create the missing tables and indexes of the read models, in the first schema of the search path."""
    for statement in OF_READ_MODELS:
        connection.execute(statement)
    connection.execute(BEGINNING)


def stored_shape(connection: Connection[Any]) -> str | None:
    """Return the shape of the read models in the database; None when there are none, "" from before shapes."""
    if connection.execute("SELECT to_regclass('rm_position')").fetchall()[0][0] is None:
        return None
    rows = connection.execute("SELECT to_jsonb(p)->>'shape' FROM rm_position p").fetchall()
    return str(rows[0][0] or "") if rows else ""
