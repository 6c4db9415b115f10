"""The emulator's state: one SQLite file, in which every API write is one transaction."""

import json
import secrets
import sqlite3
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devstack.stripe.core.errors import Json, not_found

_ALPHABET = string.ascii_letters + string.digits
_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, created INTEGER NOT NULL,
  body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS by_purchase ON objects (kind, json_extract(body, '$.metadata.purchase_id'));
CREATE INDEX IF NOT EXISTS by_intent ON objects (kind, json_extract(body, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS by_charge ON objects (kind, json_extract(body, '$.charge'));
CREATE INDEX IF NOT EXISTS by_origin ON objects (kind, json_extract(body, '$.source_transaction'));
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
  request_id TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS faults (
  id INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT NOT NULL, path TEXT NOT NULL, event TEXT NOT NULL,
  kind TEXT NOT NULL, remaining INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, endpoint TEXT NOT NULL, attempts INTEGER NOT NULL,
  next_at REAL NOT NULL, state TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS due ON deliveries (state, next_at);
CREATE INDEX IF NOT EXISTS by_owner ON objects (json_extract(body, '$._account')) WHERE kind = 'balance_transaction';
CREATE INDEX IF NOT EXISTS by_lack ON objects (kind, seq)
  WHERE json_extract(body, '$.pending_reason') = 'insufficient_funds';
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def new_id(prefix: str, length: int = 24) -> str:
    """Return a new random id in Stripe's format."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Store:
    """Objects by id, in the order of creation; a killed process loses nothing that it answered."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written inside the block, or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def add(self, body: Json) -> Json:
        """Store a new object under its `id`, `object` and `created`."""
        row = (body["id"], body["object"], body["created"], json.dumps(body))
        self.db.execute("INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)", row)
        return body

    def save(self, body: Json) -> Json:
        """Store an object's new state."""
        self.db.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))
        return body

    def remove(self, object_id: str) -> None:
        """Delete an object."""
        self.db.execute("DELETE FROM objects WHERE id = ?", (object_id,))

    def find(self, object_id: str) -> Json | None:
        """Return an object of any kind, or None."""
        row = self.db.execute("SELECT body FROM objects WHERE id = ?", (object_id,)).fetchone()
        return None if row is None else dict(json.loads(row["body"]))

    def get(self, kind: str, object_id: str, param: str = "id") -> Json:
        """Return an object, or raise Stripe's `resource_missing`."""
        body = self.find(object_id)
        if body is None or body["object"] != kind:
            raise not_found(kind, object_id, param)
        return body

    def select(self, kind: str, where: str = "1", values: tuple[Any, ...] = (), tail: str = "") -> list[Json]:
        """Return the objects of a kind that match an SQL condition; `tail` is the rest of the query (order, limit)."""
        query = f"SELECT body FROM objects WHERE kind = ? AND {where} {tail}"  # noqa: S608 - conditions are constants of this package
        return [json.loads(row["body"]) for row in self.db.execute(query, (kind, *values))]

    def setting(self, name: str, otherwise: str) -> str:
        """Return a setting, or its default."""
        row = self.db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return otherwise if row is None else str(row["value"])

    def position(self, object_id: str) -> int:
        """Return an object's position in the order of creation."""
        row = self.db.execute("SELECT seq FROM objects WHERE id = ?", (object_id,)).fetchone()
        if row is None:
            raise not_found("object", object_id, "starting_after")
        return int(row["seq"])
