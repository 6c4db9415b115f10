"""The store-only steps of the purchase saga: stock, order and tickets, each keyed and idempotent."""

from collections.abc import Callable
from datetime import datetime

from temporalio import activity

from activities.commands import EndPurchase, ExtendHold, PlacedOrder, PurchaseRef, TicketIds
from activities.ports import Ledger
from domain.allocation import Allocation
from domain.catalog import Show, Venue
from domain.desk import Desk
from domain.identity import hold_key_of, ticket_id_of
from domain.money import price_of
from domain.order import Order
from domain.refusals import PurchaseCancelled
from domain.ticket import Ticket, TicketReserved

MAKER = "purchase"


class SalesActivities:
    """Decides about one purchase in one transaction per step."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn(name="reserve_seats")
    async def reserve_seats(self, purchase: PurchaseRef) -> None:
        """Hold the seats of every ticket type, all or none."""
        await self._ledger.commit(lambda desk: _reserve(desk, purchase))

    @activity.defn(name="release_seats")
    async def release_seats(self, end: EndPurchase) -> None:
        """End the hold and leave its tombstone; nothing held is success."""

        def undo(desk: Desk) -> None:
            for allocation, key in _holds(desk, end.purchase):
                allocation.release(key, end.reason, desk.at)

        await self._undo(end, undo)

    @activity.defn(name="place_order")
    async def place_order(self, purchase: PurchaseRef) -> PlacedOrder:
        """Price and place the order; the price is locked by the first call."""
        return (await self._ledger.commit(lambda desk: _place(desk, purchase))).value

    @activity.defn(name="cancel_order")
    async def cancel_order(self, end: EndPurchase) -> None:
        """End the order without a sale."""

        def undo(desk: Desk) -> None:
            _order(desk, end.purchase).cancel(end.reason, desk.at)

        await self._undo(end, undo)

    @activity.defn(name="refuse_purchase")
    async def refuse_purchase(self, end: EndPurchase) -> None:
        """Record that a rule said no before anything was sold; the key is free again."""

        def undo(desk: Desk) -> None:
            _order(desk, end.purchase).refuse(end.reason, "", desk.at)

        await self._undo(end, undo)

    @activity.defn(name="create_tickets")
    async def create_tickets(self, purchase: PurchaseRef) -> TicketIds:
        """Create the tickets, reserved."""
        return (await self._ledger.commit(lambda desk: _create_tickets(desk, purchase))).value

    @activity.defn(name="void_tickets")
    async def void_tickets(self, end: EndPurchase) -> None:
        """Void the tickets; a late creation meets the ended order."""

        def undo(desk: Desk) -> None:
            for ticket in _tickets(desk, end.purchase):
                ticket.void(desk.at)

        await self._undo(end, undo)

    @activity.defn(name="confirm_seats")
    async def confirm_seats(self, purchase: PurchaseRef) -> None:
        """Make the hold a reservation, in the same transaction in which the capture is requested.

        A buyer's cancel that came first refuses both.
        """

        def decide(desk: Desk) -> None:
            _order(desk, purchase).request_capture(desk.at)
            for allocation, key in _holds(desk, purchase):
                allocation.confirm(key, desk.at)

        await self._ledger.commit(decide)

    @activity.defn(name="unconfirm_seats")
    async def unconfirm_seats(self, end: EndPurchase) -> None:
        """Take the reservation back to a hold."""

        def undo(desk: Desk) -> None:
            for allocation, key in _holds(desk, end.purchase):
                allocation.unconfirm(key, desk.at)

        await self._undo(end, undo)

    @activity.defn(name="confirm_order")
    async def confirm_order(self, purchase: PurchaseRef) -> None:
        """Confirm the order and issue its tickets: the capture is known."""

        def decide(desk: Desk) -> None:
            _order(desk, purchase).confirm(desk.at)
            for ticket in _tickets(desk, purchase):
                ticket.issue(desk.at)

        await self._ledger.commit(decide)

    @activity.defn(name="fulfil_order")
    async def fulfil_order(self, purchase: PurchaseRef) -> None:
        """Record the good end."""

        def decide(desk: Desk) -> None:
            _order(desk, purchase).fulfil(desk.at)

        await self._ledger.commit(decide)

    @activity.defn(name="extend_hold")
    async def extend_hold(self, extension: ExtendHold) -> datetime:
        """Hold on while a payment is being processed; returns the deadline that holds."""

        def decide(desk: Desk) -> datetime:
            order = _order(desk, extension.purchase)
            order.extend_hold(extension.hold_until, desk.at)
            return order.hold_until

        return (await self._ledger.commit(decide)).value

    async def _undo(self, end: EndPurchase, undo: Callable[[Desk], None]) -> None:
        """Undo what this attempt did; a later attempt has begun only because this one was undone before."""

        def decide(desk: Desk) -> None:
            if not _is_past(desk, end.purchase):
                undo(desk)

        await self._ledger.commit(decide)


def _is_past(desk: Desk, purchase: PurchaseRef) -> bool:
    """Say whether a newer attempt has begun: this one was refused, and nothing of it is left to undo."""
    return desk.get(Order, purchase.purchase_id).attempt > purchase.attempt


def _order(desk: Desk, purchase: PurchaseRef) -> Order:
    """Return the order of this very attempt; a step of a former one comes too late."""
    if _is_past(desk, purchase):
        raise PurchaseCancelled("a newer attempt at this purchase has begun")
    return desk.get(Order, purchase.purchase_id)


def _holds(desk: Desk, purchase: PurchaseRef) -> list[tuple[Allocation, str]]:
    order = _order(desk, purchase)
    key = hold_key_of(purchase.purchase_id, purchase.attempt)
    return [(desk.get(Allocation, line.ticket_type_id), key) for line in order.lines]


def _reserve(desk: Desk, purchase: PurchaseRef) -> None:
    order = _order(desk, purchase)
    show = desk.get(Show, order.show_id)
    if order.cancel_requested:
        raise PurchaseCancelled("the buyer cancelled")
    wanted = list(zip(order.lines, _holds(desk, purchase), strict=True))
    for line, (allocation, key) in wanted:
        show.sellable(line.ticket_type_id)
        allocation.check(key, line.quantity, order.hold_until, desk.at)
    for line, (allocation, key) in wanted:
        allocation.place(key, line.quantity, order.hold_until, MAKER, desk.at)


def _place(desk: Desk, purchase: PurchaseRef) -> PlacedOrder:
    order = _order(desk, purchase)
    show = desk.get(Show, order.show_id)
    venue = desk.get(Venue, show.venue_id)
    priced = tuple((line.quantity, show.type_of(line.ticket_type_id).price_minor) for line in order.lines)
    lines = [
        {**line.model_dump(), "price_minor": unit_minor}
        for line, (_, unit_minor) in zip(order.lines, priced, strict=True)
    ]
    order.place(show.venue_id, price_of(show.currency, priced, venue.rates), lines, desk.at)
    if order.price is None:  # place() locks a price or refuses
        raise PurchaseCancelled("the order was not placed")
    return PlacedOrder(
        show_id=order.show_id,
        venue_id=show.venue_id,
        price=order.price,
        hold_until=order.hold_until,
        capture_method=show.capture_method,
        ticket_count=sum(line.quantity for line in order.lines),
    )


def _ticket_ids(order: Order, purchase: PurchaseRef) -> list[tuple[str, str]]:
    """Return (ticket id, ticket type) of each ticket, in the order of the lines."""
    types = [line.ticket_type_id for line in order.lines for _ in range(line.quantity)]
    return [
        (ticket_id_of(purchase.purchase_id, purchase.attempt, number), ticket_type_id)
        for number, ticket_type_id in enumerate(types, start=1)
    ]


def _create_tickets(desk: Desk, purchase: PurchaseRef) -> TicketIds:
    order = _order(desk, purchase)
    if order.state in {"cancelled", "refused"}:
        raise PurchaseCancelled("the purchase has ended")
    named = _ticket_ids(order, purchase)
    for ticket_id, ticket_type_id in named:
        if desk.find(Ticket, ticket_id) is None:
            desk.add(
                Ticket.begin(
                    TicketReserved,
                    ticket_id,
                    desk.at,
                    tenant_id=purchase.tenant_id,
                    purchase_id=purchase.purchase_id,
                    show_id=order.show_id,
                    ticket_type_id=ticket_type_id,
                )
            )
    return TicketIds(ticket_ids=tuple(ticket_id for ticket_id, _ in named))


def _tickets(desk: Desk, purchase: PurchaseRef) -> list[Ticket]:
    order = _order(desk, purchase)
    found = (desk.find(Ticket, ticket_id) for ticket_id, _ in _ticket_ids(order, purchase))
    return [ticket for ticket in found if ticket is not None]
