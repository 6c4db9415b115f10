"""The door: a purchase's request and a buyer's cancel become facts before the engine is asked."""

from collections.abc import Sequence
from datetime import timedelta

from activities.commands import Command, PurchaseRef
from activities.ports import Ledger
from domain.allocation import Allocation
from domain.catalog import Show
from domain.desk import Desk
from domain.order import Line, Order, PurchaseRequested
from domain.refusals import WrongState


class RequestPurchase(Command):
    """What a buyer asks for; `body_digest` is of the request, to recognise a reused key."""

    tenant_id: str
    purchase_id: str
    body_digest: str
    show_id: str
    lines: Sequence[Line]
    buyer_id: str
    hold_seconds: int | None = None


class Requested(Command):
    """A recorded request: the attempt to run, and whether this call recorded it."""

    purchase: PurchaseRef
    fresh: bool
    state: str
    position: int


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


def _request(desk: Desk, command: RequestPurchase) -> Requested:
    known = desk.find(Order, command.purchase_id)
    if known is not None and known.state != "refused":
        known.ask_again(command.body_digest, desk.at)
        return _requested(command, known, fresh=False)
    show = desk.get(Show, command.show_id)
    types = [line.ticket_type_id for line in command.lines]
    if len(set(types)) != len(types):
        raise WrongState("each ticket type stands in one line")
    for ticket_type_id in types:
        show.sellable(ticket_type_id)
        desk.get(Allocation, ticket_type_id)
    request = {
        "show_id": command.show_id,
        "lines": [line.model_dump() for line in command.lines],
        "buyer_id": command.buyer_id,
        "hold_until": desk.at + timedelta(seconds=command.hold_seconds or show.hold_seconds),
    }
    if known is not None:
        known.ask_again(command.body_digest, desk.at, **request)
        return _requested(command, known, fresh=True)
    order = Order.begin(
        PurchaseRequested,
        command.purchase_id,
        desk.at,
        tenant_id=command.tenant_id,
        body_digest=command.body_digest,
        **request,
    )
    return _requested(command, desk.add(order), fresh=True)


def _requested(command: RequestPurchase, order: Order, *, fresh: bool) -> Requested:
    purchase = PurchaseRef(tenant_id=command.tenant_id, purchase_id=command.purchase_id, attempt=order.attempt)
    return Requested(purchase=purchase, fresh=fresh, state=order.state, position=0)
