"""Sample aggregates, and functions that read an aggregate back from its stored events."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from activities.core.commands import PurchaseRef
from adapters.event_store.recorder import event_mapper
from domain.catalog.discount import Discount, DiscountCreated, discount_id_of
from domain.catalog.line import Line
from domain.catalog.show import Show, ShowAnnounced
from domain.catalog.venue import Venue, VenueRegistered
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.unit_of_work import UnitOfWork
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
    events = {"tenant_id": "default", "show_id": "sh", "ticket_type_id": "floor"}
    return Allocation.begin(AllocationOpened, "floor", AT, capacity=capacity, **events)


def new_order(**more: Any) -> Order:
    return Order.begin(PurchaseRequested, "pu", AT, tenant_id="default", body_digest="body", **REQUEST, **more)


def placed_order() -> Order:
    order = new_order()
    order.place("ve", PRICE, LINES, AT)
    return order


def new_payment(amount_minor: int = 2208) -> Payment:
    events = {"tenant_id": "default", "purchase_id": "pu", "intent_id": "pi", "currency": "eur"}
    return Payment.begin(IntentCreated, "pu:1", AT, amount_minor=amount_minor, capture_method="manual", **events)


def new_ticket(identity: str = "ti") -> Ticket:
    events = {"tenant_id": "default", "purchase_id": "pu", "show_id": "sh", "ticket_type_id": "floor"}
    return Ticket.begin(TicketReserved, identity, AT, **events)


def new_venue() -> Venue:
    return Venue.begin(
        VenueRegistered, "ve", AT, tenant_id="default", name="Hall", rates=FeeRates().model_dump(), body_digest="v"
    )


def new_show(**more: Any) -> Show:
    events: dict[str, Any] = {"tenant_id": "default", "venue_id": "ve", "name": "Night", "currency": "eur"}
    terms = {"hold_seconds": 600, "capture_method": "manual", "body_digest": "s", "ticket_types": TYPES}
    return Show.begin(ShowAnnounced, "sh", AT, **{**events, **terms, **more})


def new_discount(**terms: Any) -> Discount:
    events = {"tenant_id": "default", "show_id": "sh", "code": "EARLY"}
    return Discount.begin(DiscountCreated, discount_id_of("sh", "EARLY"), AT, terms=terms, **events)


def new_reservation() -> Reservation:
    events: dict[str, Any] = {"tenant_id": "default", "show_id": "sh", "lines": LINES}
    return Reservation.begin(ReservationMade, "re", AT, until=LATER, ticket_ids=["t1", "t2"], **events)


def events_of(aggregate: Aggregate) -> list[DomainEvent]:
    """Return the pending events of an aggregate."""
    return [cast(DomainEvent, event) for event in aggregate.pending_events]


def names_of(aggregate: Aggregate) -> list[str]:
    """Return the names of the recorded events, without the first."""
    return [type(event).__name__ for event in events_of(aggregate)[1:]]


def through_json(events: list[DomainEvent]) -> list[DomainEvent]:
    """Store events and read them back, as the event store does."""
    mapper = event_mapper()
    return [mapper.event_of(mapper.to_stored_event(event)) for event in events]


def folded(events: list[DomainEvent]) -> Any:
    """Fold events into their aggregate."""
    aggregate: Any = None
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


def state_of(aggregate: Aggregate) -> dict[str, Any]:
    """Return an aggregate's state, without its pending events."""
    state = {name: value for name, value in vars(aggregate).items() if name != "_pending_events"}
    return {**state, "digest": aggregate.digest}


def only_requested(
    purchase_id: str, lines: list[Line], body_digest: str = "body", show_id: str = "sh"
) -> Callable[[UnitOfWork], PurchaseRef]:
    """Return a decision that records a request without placing it, as older releases did."""

    def decide(uow: UnitOfWork) -> PurchaseRef:
        times: dict[str, Any] = {"queue_until": uow.at + timedelta(minutes=10), "hold_seconds": 600}
        events = {"show_id": show_id, "lines": [line.model_dump() for line in lines], "buyer_id": "by", **times}
        names = {"tenant_id": "default", "body_digest": body_digest}
        uow.add(Order.begin(PurchaseRequested, purchase_id, uow.at, **names, **events))
        return PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1)

    return decide


def burn(uow: UnitOfWork, ticket_id: str) -> None:
    """Record that a ticket's token was burnt."""
    uow.get(Ticket, ticket_id).burn_token("burn", uow.at)
