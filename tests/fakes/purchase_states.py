"""A purchase's state twice: as its aggregate has it, and as the read models fold it."""

from collections.abc import Iterable
from typing import Any

from adapters.read_models.documents import PURCHASES, DocumentBatch
from adapters.read_models.purchase import fold
from domain.core.aggregate import DomainEvent
from domain.orders.order import Order


def disagreements(events: Iterable[DomainEvent]) -> list[str]:
    """Return a line for each event after which its purchase's aggregate and its document are in two states."""
    documents, orders, found = DocumentBatch(lambda _, __: None), dict[str, Any](), []
    for position, event in enumerate(events, start=1):
        fold(documents, event, position)
        if event.originator_id.startswith(f"{Order.STREAM_CATEGORY}:"):
            orders[event.identity] = event.mutate(orders.get(event.identity))
        for purchase_id, order in orders.items():
            document = documents.find(PURCHASES, purchase_id)
            shown, state = document and document["state"], order.state
            if shown != state:
                found.append(f"{purchase_id} after {type(event).__name__}: aggregate {state}, read model {shown}")
    return found
