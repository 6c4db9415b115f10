"""The state of a purchase, a ticket, a refund, a show and a dispute, twice: as aggregates have it, and as folded."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from adapters.read_models.documents import DISPUTES, PURCHASES, REFUNDS, SHOWS, TICKETS, DocumentBatch, ReadModel
from adapters.read_models.purchase import fold
from domain.catalog.show import Show
from domain.core.aggregate import Aggregate, DomainEvent
from domain.orders.order import Order
from domain.payments.dispute import Dispute
from domain.payments.refunds import Refunds
from domain.tickets.ticket import Ticket

States = Iterator[tuple[ReadModel[Any], str, dict[str, Any]]]


def _refunds(book: Refunds) -> States:
    for one in book.refunds.values():
        yield REFUNDS, one.refund_id, {"state": one.state, "amount_minor": one.amount_minor}


def _fields(model: ReadModel[Any], *names: str) -> Callable[[Any], States]:
    def states(aggregate: Aggregate) -> States:
        yield model, aggregate.identity, {name: getattr(aggregate, name) for name in names}

    return states


READ: dict[str, Callable[[Any], States]] = {
    Order.STREAM_CATEGORY: _fields(PURCHASES, "state", "attempt", "end_reason", "cancel_requested"),
    Ticket.STREAM_CATEGORY: _fields(TICKETS, "state", "blocked", "claim", "generation"),
    Show.STREAM_CATEGORY: _fields(SHOWS, "on_sale", "called_off"),
    Dispute.STREAM_CATEGORY: _fields(DISPUTES, "state"),
    Refunds.STREAM_CATEGORY: _refunds,
}


def disagreements(events: Iterable[DomainEvent]) -> list[str]:
    """Return a line for each event after which the read models and an aggregate that it has met are in two states."""
    documents, known, found = DocumentBatch(lambda _, __: None), dict[str, Any](), []
    for position, event in enumerate(events, start=1):
        fold(documents, event, position)
        stream = event.originator_id
        orders = {name for name in known if name.startswith(f"{Order.STREAM_CATEGORY}:")}
        if stream.partition(":")[0] in READ:
            known[stream] = event.mutate(known.get(stream))
        for name in {stream, *orders} & known.keys():
            for model, identity, state in READ[name.partition(":")[0]](known[name]):
                document = documents.find(model, identity)
                shown = document and {field: document[field] for field in state}
                if shown != state:
                    about = f"{model.name} {identity} after {type(event).__name__}"
                    found.append(f"{about}: aggregate {state}, read model {shown}")
    return found
