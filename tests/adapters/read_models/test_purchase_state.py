"""A purchase is in one state: its aggregate and the read models say the same after each of its events."""

import asyncio
import copy
from typing import Any

import pytest

from adapters.read_models.documents import PURCHASES, DocumentBatch
from adapters.read_models.purchase import fold
from domain.core.aggregate import DomainEvent
from domain.orders.order import Order, PurchaseRequested
from tests.docs.states import ORDER, tried, without_history
from tests.fakes.sample_history import sample_history
from tests.fakes.samples import AT, LATER, REQUEST, new_allocation, new_order, new_payment
from tests.fakes.two_states import disagreements

UNQUEUED = {"queue_until": None, "hold_until": LATER}  # as requests were before the queue existed


def unqueued() -> Order:
    """Return an order without a queue: its checkout needs no opening."""
    return Order.begin(PurchaseRequested, "pu", AT, tenant_id="default", body_digest="b", **{**REQUEST, **UNQUEUED})


def of_neighbours() -> list[DomainEvent]:
    """Return events of a purchase's payment and of its seats, which may come at any moment."""
    seats = new_allocation()
    seats.collect_events()
    seats.place("pu:hold:1", 2, LATER, "purchase", AT)
    return [*new_payment().collect_events(), *seats.collect_events()]  # type: ignore[list-item]


def folded(document: Any, events: Any) -> Any:
    """Return a purchase's document after further events."""
    documents = DocumentBatch(lambda kind, _: copy.deepcopy(document) if kind == PURCHASES.name else None)
    for position, event in enumerate(events, start=1):
        fold(documents, event, position)
    return documents.find(PURCHASES, "pu")


@pytest.mark.parametrize("begin", [new_order, unqueued])
def test_every_way_of_a_purchase_reads_the_same(begin: Any) -> None:
    """Every act is tried in every state in reach; events of the neighbours move no purchase."""
    neighbours, met, seen, found = of_neighbours(), set(), set(), set()
    order = begin()
    events = list(order.collect_events())
    waiting = [(order, events, folded(None, events))]
    while waiting:
        before, events, document = waiting.pop()
        met |= {type(event) for event in events}
        key = (without_history(before), document["state"])
        if key in seen:
            continue
        seen.add(key)
        state, last = before.state, type(events[-1]).__name__
        if document["state"] != state:
            found.add(f"after {last}: aggregate {state}, read model {document['state']}")
        for event in neighbours:
            if (shown := folded(document, [event])["state"]) != state:
                found.add(f"{last}, then {type(event).__name__}: aggregate {state}, read model {shown}")
        waiting += [(after, events, folded(document, events)) for after, events in tried(before, ORDER.acts)]
    assert found == set(), "\n".join(sorted(found))
    assert met >= ORDER.events


def test_every_outcome_reads_the_same() -> None:
    """The sample history has each, with the events of stock, tickets and money between."""
    assert disagreements(asyncio.run(sample_history())[0]) == []
