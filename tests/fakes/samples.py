"""Aggregates as tests begin them, and the way to read one back from its own stored facts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from activities.core.commands import PurchaseRef
from adapters.event_store.recorder import fact_mapper
from domain.catalog.discount import Discount, DiscountCreated, discount_id_of
from domain.catalog.line import Line
from domain.catalog.show import Show, ShowAnnounced
from domain.catalog.venue import Venue, VenueRegistered
from domain.core.aggregate import Fact, Root
from domain.core.unit_of_work import Desk
from domain.money.money import FeeRates, price_of
from domain.orders.order import Order, PurchaseRequested
from domain.payments.payment import IntentCreated, Payment
from domain.stock.allocation import Allocation, AllocationOpened
from domain.stock.reservation import Reservation, ReservationMade
from domain.tickets.ticket import Ticket, TicketReserved
from domain.tickets.token import SignedTransaction

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(minutes=10)
LINES = [{"ticket_type_id": "floor", "quantity": 2}]
REQUEST: dict[str, Any] = {"show_id": "sh", "lines": LINES, "buyer_id": "by", "queue_until": LATER, "hold_seconds": 600}
PRICE = price_of("eur", ((2, 1000),), FeeRates())
TYPES = [
    {"ticket_type_id": "floor", "name": "Floor", "price_minor": 1000, "capacity": 5},
    {"ticket_type_id": "balcony", "name": "Balcony", "price_minor": 2500, "capacity": 3},
]
SIGNED = SignedTransaction(mint_address="mint", signature="first", wire_base64="AAAA", last_valid_block_height=150)


def new_allocation(capacity: int = 10) -> Allocation:
    facts = {"tenant_id": "default", "show_id": "sh", "ticket_type_id": "floor"}
    return Allocation.begin(AllocationOpened, "floor", AT, capacity=capacity, **facts)


def new_order(**more: Any) -> Order:
    return Order.begin(PurchaseRequested, "pu", AT, tenant_id="default", body_digest="body", **REQUEST, **more)


def placed_order() -> Order:
    order = new_order()
    order.place("ve", PRICE, LINES, AT)
    return order


def new_payment(amount_minor: int = 2208) -> Payment:
    facts = {"tenant_id": "default", "purchase_id": "pu", "intent_id": "pi", "currency": "eur"}
    return Payment.begin(IntentCreated, "pu:1", AT, amount_minor=amount_minor, capture_method="manual", **facts)


def new_ticket() -> Ticket:
    facts = {"tenant_id": "default", "purchase_id": "pu", "show_id": "sh", "ticket_type_id": "floor"}
    return Ticket.begin(TicketReserved, "ti", AT, **facts)


def new_venue() -> Venue:
    return Venue.begin(
        VenueRegistered, "ve", AT, tenant_id="default", name="Hall", rates=FeeRates().model_dump(), body_digest="v"
    )


def new_show(**more: Any) -> Show:
    facts: dict[str, Any] = {"tenant_id": "default", "venue_id": "ve", "name": "Night", "currency": "eur"}
    terms = {"hold_seconds": 600, "capture_method": "manual", "body_digest": "s", "ticket_types": TYPES}
    return Show.begin(ShowAnnounced, "sh", AT, **{**facts, **terms, **more})


def new_discount(**terms: Any) -> Discount:
    facts = {"tenant_id": "default", "show_id": "sh", "code": "EARLY"}
    return Discount.begin(DiscountCreated, discount_id_of("sh", "EARLY"), AT, terms=terms, **facts)


def new_reservation() -> Reservation:
    facts: dict[str, Any] = {"tenant_id": "default", "show_id": "sh", "lines": LINES}
    return Reservation.begin(ReservationMade, "re", AT, until=LATER, ticket_ids=["t1", "t2"], **facts)


def facts_of(aggregate: Root) -> list[Fact]:
    """Return what was recorded and not collected yet."""
    return [cast(Fact, fact) for fact in aggregate.pending_events]


def names_of(aggregate: Root) -> list[str]:
    """Return the names of the recorded facts, without the first."""
    return [type(fact).__name__ for fact in facts_of(aggregate)[1:]]


def through_json(facts: list[Fact]) -> list[Fact]:
    """Store facts and read them back, as the ledger does."""
    mapper = fact_mapper()
    return [cast(Fact, mapper.to_domain_event(mapper.to_stored_event(fact))) for fact in facts]


def folded(facts: list[Fact]) -> Any:
    """Fold facts into their aggregate."""
    aggregate: Any = None
    for fact in facts:
        aggregate = fact.mutate(aggregate)
    return aggregate


def state_of(aggregate: Root) -> dict[str, Any]:
    """Return an aggregate's whole state, without the facts that wait to be collected."""
    return {name: value for name, value in vars(aggregate).items() if name != "_pending_events"}


def only_requested(
    purchase_id: str, lines: list[Line], body_digest: str = "body", show_id: str = "sh"
) -> Callable[[Desk], PurchaseRef]:
    """Decide to record a request and not to place it, as was done before the door placed orders."""

    def decide(desk: Desk) -> PurchaseRef:
        times: dict[str, Any] = {"queue_until": desk.at + timedelta(minutes=10), "hold_seconds": 600}
        facts = {"show_id": show_id, "lines": [line.model_dump() for line in lines], "buyer_id": "by", **times}
        names = {"tenant_id": "default", "body_digest": body_digest}
        desk.add(Order.begin(PurchaseRequested, purchase_id, desk.at, **names, **facts))
        return PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1)

    return decide
