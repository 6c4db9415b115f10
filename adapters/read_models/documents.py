"""The documents, timeline lines and postings that one batch of events changes, before they are stored."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from domain.money.statement import Entry

Document = dict[str, Any]
KINDS = (
    "purchases", "shows", "venues", "tickets", "allocations", "holds", "payments", "reservations", "discounts",
    "payees", "accounts",
    "refunds", "cancellations",
)  # fmt: skip


class TimelineLine(NamedTuple):
    """One event of a purchase in plain words."""

    purchase_id: str
    position: int
    at: datetime
    event: str
    text: str


class DocumentBatch:
    """A write-behind buffer for folds. `load` reads a stored document by kind and id (None when there is none)."""

    def __init__(self, load: Callable[[str, str], Document | None]) -> None:
        self._load = load
        self._documents: dict[tuple[str, str], Document | None] = {}
        self._changed: set[tuple[str, str]] = set()
        self.timeline: list[TimelineLine] = []
        self.postings: list[Entry] = []

    def find(self, kind: str, identity: str) -> Document | None:
        """Return a document to read."""
        name = (kind, identity)
        if name not in self._documents:
            self._documents[name] = self._load(kind, identity)
        return self._documents[name]

    def edit(self, kind: str, identity: str) -> Document:
        """Return a document to change; an empty one that is never stored when there is none."""
        found = self.find(kind, identity)
        if found is None:
            return {}
        self._changed.add((kind, identity))
        return found

    def put(self, kind: str, identity: str, document: Document) -> None:
        """Create or replace a document."""
        self._documents[kind, identity] = document
        self._changed.add((kind, identity))

    def changed(self) -> list[tuple[str, str, Document]]:
        """Return the documents to store, as (kind, id, document)."""
        return [(kind, identity, self._documents[kind, identity] or {}) for kind, identity in sorted(self._changed)]
