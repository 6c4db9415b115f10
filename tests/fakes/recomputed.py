"""Recompute the read models in memory, from events alone."""

from collections.abc import Iterable

from adapters.read_models.documents import PURCHASES, DocumentBatch
from adapters.read_models.purchase import fold
from adapters.read_models.queries import links_of
from domain.core.aggregate import DomainEvent
from domain.money.books import venue_account
from domain.money.statement import StatementLine, lines_of


def folded(events: Iterable[tuple[int, DomainEvent]]) -> DocumentBatch:
    """Fold all events, given as (position, event)."""
    documents = DocumentBatch(lambda _, __: None)
    for position, event in events:
        fold(documents, event, position)
    return documents


def venue_lines(documents: DocumentBatch, venue_id: str) -> list[StatementLine]:
    """Return every line of a venue's accounts, as `ReadModels.venue_lines` does."""
    purchases = {entry.purchase_id: documents.find(PURCHASES, entry.purchase_id) for entry in documents.postings}
    links = {purchase_id: links_of(found) for purchase_id, found in purchases.items() if found is not None}
    return lines_of(venue_id, documents.postings, links)


def venue_sums(documents: DocumentBatch, venue_id: str) -> dict[tuple[str, str], int]:
    """Return the balance of each of a venue's accounts, as `ReadModels.venue_sums` does."""
    sums = {(line["account"], line["currency"]): line["balance_minor"] for line in venue_lines(documents, venue_id)}
    return {(venue_account(venue_id, name), unit): balance for (name, unit), balance in sums.items()}
