"""The read models on PostgreSQL: a batch of events and the position up to which they are folded, in one transaction."""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from adapters.event_store.event_pages import EVENTS_AFTER
from adapters.event_store.recorder import event_mapper
from adapters.read_models.documents import PURCHASES, DocumentBatch
from adapters.read_models.lists.places import KEEP_PLACE, moved, place_of
from adapters.read_models.purchase import fold
from adapters.read_models.shows.cancellation import KEEP_COUNTS, OrderCounts
from domain.money.statement import Entry, booked
from domain.views.listed import Place

BATCH_MAX = 500
LINES = ("timeline", "postings", "account_lines", "balances", "audit", "outgoing")
DOCUMENT = SQL("SELECT doc FROM {table} WHERE id = %s")
KEEP_DOCUMENT = SQL("INSERT INTO {table} (id, doc) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET doc = EXCLUDED.doc")
KEEP_LINE = SQL("INSERT INTO rm_timeline (purchase_id, position, at, event, text) VALUES (%s, %s, %s, %s, %s)")
KEEP_POSTING = SQL(
    "INSERT INTO rm_postings (position, number, key, purchase_id, kind, at, debit, credit, amount, unit, booked_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
KEEP_AUDIT = SQL("INSERT INTO rm_audit (position, at, by, event, stream) VALUES (%s, %s, %s, %s, %s)")
KEEP_OUTGOING = SQL(
    "INSERT INTO rm_outgoing (position, event_id, type, tenant_id, venue_id, show_id, purchase_id, sent)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)
KEEP_LEG = SQL(
    "INSERT INTO rm_account_lines (account, unit, position, number, side, amount, balance, key, purchase_id, kind, at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
BALANCES = SQL("SELECT account, unit, balance FROM rm_balances WHERE account = ANY(%s)")
LAST_BOOKED = SQL("SELECT booked_at FROM rm_postings ORDER BY position DESC, number DESC LIMIT 1")
KEEP_BALANCE = SQL(
    "INSERT INTO rm_balances (account, unit, balance) VALUES (%s, %s, %s)"
    " ON CONFLICT (account, unit) DO UPDATE SET balance = EXCLUDED.balance"
)
ProjectionCursor = psycopg.Cursor[Any]


@functools.cache
def code_digest() -> str:
    """Return a digest of all modules that can have a part in what a fold writes."""
    folders = [Path(str(files(package))) for package in ("domain", "adapters.event_store", "adapters.read_models")]
    digest = hashlib.sha256()
    for module in sorted(module for folder in folders for module in folder.rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


class Projection:
    """Folds events into tables; several projectors wait for each other on the row that holds the position."""

    def __init__(self, connection: psycopg.Connection[Any], batch_max: int = BATCH_MAX) -> None:
        self._connection = connection
        self._batch_max = batch_max
        self._mapper = event_mapper()

    def advance(self) -> int:
        """Fold the next batch; return its number of events (0 when there is nothing new)."""
        with self._connection.transaction(), self._connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute("SELECT position FROM rm_position FOR UPDATE")
            position = cursor.fetchall()[0][0]
            rows = cursor.execute(EVENTS_AFTER, (position, self._batch_max)).fetchall()
            if not rows:
                return 0
            before, places = dict[str, OrderCounts](), dict[tuple[str, str], Place]()

            def load(kind: str, identity: str) -> Any:
                document = read_document(cursor, kind, identity)
                if kind == PURCHASES.name and document is not None:
                    before[identity] = OrderCounts.of(document)
                if document is not None and (place := place_of(kind, document)) is not None:
                    places[kind, identity] = place
                return document

            documents = DocumentBatch(load)
            for notification_id, stream, version, topic, state in rows:
                event = self._mapper.event_of(StoredEvent(stream, version, topic, bytes(state)))
                fold(documents, event, notification_id)
            store_batch(cursor, documents, before)
            if rows_of_places := moved(documents, places):
                cursor.executemany(KEEP_PLACE, rows_of_places)
            cursor.execute("UPDATE rm_position SET position = %s", (rows[-1][0],))
            return len(rows)

    def catch_up(self) -> int:
        """Fold until there is nothing new; return the number of events."""
        total = 0
        while taken := self.advance():
            total += taken
        return total


def read_document(cursor: ProjectionCursor, kind: str, identity: str) -> Any:
    """Return a stored document, or None."""
    cursor.execute(DOCUMENT.format(table=Identifier(f"rm_{kind}")), (identity,))
    row = cursor.fetchone()
    return None if row is None else row[0]


def store_batch(cursor: ProjectionCursor, documents: DocumentBatch, before: Mapping[str, OrderCounts]) -> None:
    """Store the changes of a batch of events; `before` is what the loaded orders counted for."""
    rows_of: dict[str, list[tuple[str, Jsonb]]] = {}
    counted: list[tuple[Any, ...]] = []
    for kind, identity, document in documents.changed():
        rows_of.setdefault(kind, []).append((identity, Jsonb(document)))
        if kind == PURCHASES.name and (counts := OrderCounts.of(document)) != before.get(identity):
            counted.append((identity, *counts))
    for kind, rows in rows_of.items():
        cursor.executemany(KEEP_DOCUMENT.format(table=Identifier(f"rm_{kind}")), rows)
    if counted:
        cursor.executemany(KEEP_COUNTS, counted)
    _store_lines(cursor, documents)
    if documents.postings:
        _store_postings(cursor, documents.postings)


def _store_lines(cursor: ProjectionCursor, documents: DocumentBatch) -> None:
    """Store the lines of the timeline, of the audit and of the outgoing events."""
    if documents.timeline:
        cursor.executemany(KEEP_LINE, documents.timeline)
    if documents.audit:
        cursor.executemany(KEEP_AUDIT, documents.audit)
    if documents.outgoing:
        cursor.executemany(KEEP_OUTGOING, [(*line[:-1], Jsonb(line.sent)) for line in documents.outgoing])


def _store_postings(cursor: ProjectionCursor, entries: Sequence[Entry]) -> None:
    """Store postings with the balances after each, and the new balances of their accounts."""
    accounts = list({account for entry in entries for account in (entry.debit, entry.credit)})
    rows = cursor.execute(BALANCES, (accounts,)).fetchall()
    last = cursor.execute(LAST_BOOKED).fetchone()
    balances = {(account, unit): int(balance) for account, unit, balance in rows}
    found = booked(entries, balances, last[0] if last else None)
    cursor.executemany(KEEP_POSTING, [(*one.entry, one.booked_at) for one in found if one.entry.amount])
    cursor.executemany(KEEP_LEG, [leg for one in found for leg in one.legs])
    cursor.executemany(KEEP_BALANCE, [(*name, balance) for name, balance in balances.items()])
