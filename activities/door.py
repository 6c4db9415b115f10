"""The door: a purchase's request and a buyer's cancel become facts before the engine is asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from activities.commands import Command, PurchaseRef
from activities.ports import Ledger
from domain.allocation import Allocation
from domain.catalog import Show
from domain.desk import Desk
from domain.money import Price
from domain.order import Line, Order, PurchaseRequested
from domain.payment import Payment
from domain.refusals import WrongState


class RequestPurchase(Command):
    """What a buyer asks for; `body_digest` is of the request, to recognise a reused key.

    `hold_seconds` may shorten the show's hold and never lengthens it. `expected_total_minor` is the total that the
    buyer saw: another one is refused.
    """

    tenant_id: str
    purchase_id: str
    body_digest: str
    show_id: str
    lines: Sequence[Line]
    buyer_id: str
    hold_seconds: int | None = None
    discount_code: str | None = None
    expected_total_minor: int | None = None


class Requested(Command):
    """A recorded request: the attempt to run, and whether this call recorded it."""

    purchase: PurchaseRef
    fresh: bool
    state: str
    show_id: str
    venue_id: str
    position: int


class PurchaseStanding(Command):
    """How a purchase stands in the facts; `position` is the ledger's last fact at that moment."""

    purchase_id: str
    tenant_id: str
    attempt: int
    state: str
    price: Price | None
    hold_until: datetime
    end_reason: str | None
    position: int = 0


class DoorActivities:
    """Called by the API in its own process, through the same ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def request_purchase(self, command: RequestPurchase) -> Requested:
        """Record the request under its key; the same key and body again is the same purchase."""
        committed = await self._ledger.commit(lambda desk: _request(desk, command))
        return committed.value.model_copy(update={"position": committed.position})

    async def request_cancel(self, purchase_id: str) -> int:
        """Record a buyer's cancel, or refuse it as too late; returns the ledger's position."""
        committed = await self._ledger.commit(lambda desk: desk.get(Order, purchase_id).request_cancel(desk.at))
        return committed.position

    async def look(self, purchase_id: str) -> PurchaseStanding | None:
        """Say how a purchase stands, with the ledger's position; None when there is none."""
        committed = await self._ledger.commit(lambda desk: _standing(desk, purchase_id))
        standing: PurchaseStanding | None = committed.value
        return None if standing is None else standing.model_copy(update={"position": committed.position})


def _standing(desk: Desk, purchase_id: str) -> PurchaseStanding | None:
    order = desk.find(Order, purchase_id)
    if order is None:
        return None
    return PurchaseStanding(
        purchase_id=purchase_id,
        tenant_id=order.tenant_id,
        attempt=order.attempt,
        state=_word(desk, order, purchase_id),
        price=order.price,
        hold_until=order.hold_until,
        end_reason=order.end_reason,
    )


def _word(desk: Desk, order: Order, purchase_id: str) -> str:
    """Return the state that a buyer is told; the read models fold to the same words."""
    if order.state != "placed":
        return order.state
    if order.capture_requested:
        return "confirming"
    if order.cancel_requested:
        return "cancelling"
    return "awaiting-payment" if desk.find(Payment, f"{purchase_id}:{order.attempt}") else "reserving"


def _request(desk: Desk, command: RequestPurchase) -> Requested:
    known = desk.find(Order, command.purchase_id)
    if known is not None and known.state != "refused":
        known.ask_again(command.body_digest, desk.at)
        return _requested(desk, command, known, fresh=False)
    show = desk.get(Show, command.show_id)
    types = [line.ticket_type_id for line in command.lines]
    if len(set(types)) != len(types):
        raise WrongState("each ticket type stands in one line")
    show.check_window(desk.at)
    for ticket_type_id in types:
        show.sellable(ticket_type_id)
        desk.get(Allocation, ticket_type_id)
    request = {
        "show_id": command.show_id,
        "lines": [line.model_dump() for line in command.lines],
        "buyer_id": command.buyer_id,
        "discount_code": command.discount_code,
        "expected_total_minor": command.expected_total_minor,
        "hold_until": desk.at + timedelta(seconds=min(command.hold_seconds or show.hold_seconds, show.hold_seconds)),
    }
    if known is not None:
        known.ask_again(command.body_digest, desk.at, **request)
        return _requested(desk, command, known, fresh=True)
    order = Order.begin(
        PurchaseRequested,
        command.purchase_id,
        desk.at,
        tenant_id=command.tenant_id,
        body_digest=command.body_digest,
        **request,
    )
    return _requested(desk, command, desk.add(order), fresh=True)


def _requested(desk: Desk, command: RequestPurchase, order: Order, *, fresh: bool) -> Requested:
    purchase = PurchaseRef(tenant_id=command.tenant_id, purchase_id=command.purchase_id, attempt=order.attempt)
    venue_id = desk.get(Show, order.show_id).venue_id
    return Requested(
        purchase=purchase, fresh=fresh, state=order.state, show_id=order.show_id, venue_id=venue_id, position=0
    )
