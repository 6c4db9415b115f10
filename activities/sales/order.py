"""The store-only steps of the purchase saga: stock, order and tickets, each keyed and idempotent."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from activities.catalog.prices import discount_of, priced
from activities.core.commands import EndedOrder, EndPurchase, ExtendHold, PlacedOrder, PurchaseRef
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, activity_on
from domain.catalog.line import Line
from domain.catalog.show import Show
from domain.core.end_reasons import OPERATOR_CANCELLED
from domain.core.errors import PurchaseCancelled
from domain.core.evidence import EvidenceMissing
from domain.core.ids import hold_key_of, public_name_of, ticket_id_of
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import BooksTransaction, mint_key, sale_key
from domain.money.money import Price, Tender
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.stock.allocation import Allocation
from domain.stock.buyer_limit import Allowance
from domain.stock.shares import ANYBODY, Holder
from domain.tickets.ticket import Ticket, TicketReserved


def check_seats(uow: UnitOfWork, lines: Sequence[Line], key: str, until: datetime, holder: Holder) -> None:
    """Refuse a hold that cannot be placed now."""
    for line in lines:
        uow.get(Allocation, line.ticket_type_id).check(key, line.quantity, until, uow.at, holder)


def hold_seats(
    uow: UnitOfWork, lines: Sequence[Line], key: str, until: datetime, maker: str, holder: Holder = ANYBODY
) -> None:
    """Hold the seats of every line under one key; the same key again changes nothing.

    All or none: a decision that refuses one of them stores nothing.
    """
    for line in lines:
        uow.get(Allocation, line.ticket_type_id).place(key, line.quantity, until, maker, uow.at, holder)


MAKER = "purchase"
PLACED_MAX = 10_000
RELEASED = {"unknown", "cancelled", "owed", "refunded"}


class SalesActivities:
    """The steps of one purchase, each one transaction."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        # May be forgotten: streams named beforehand are read with the lock, any other needs a read of its own.
        self._tickets_placed: dict[PurchaseRef, tuple[str, ...]] = {}

    @activity_on(PURCHASES, name="place_order")
    async def place_order(self, purchase: PurchaseRef) -> PlacedOrder:
        """Hold seats and a limited discount, all or none, lock the price, and create the tickets, reserved."""
        reads = (Order.stream(purchase.purchase_id),)
        placed: PlacedOrder = (await self._store.commit(lambda uow: place(uow, purchase), reads)).value
        if len(self._tickets_placed) >= PLACED_MAX:
            self._tickets_placed.clear()
        self._tickets_placed[purchase] = placed.ticket_ids
        return placed

    @activity_on(PURCHASES, name="cancel_order")
    async def cancel_order(self, end: EndPurchase) -> EndedOrder:
        """End the order without a sale: free its seats, void its tickets, and make a late `place_order` fail.

        Idempotent. If a later attempt has begun, this one was refused before. Refuse while money may still arrive.
        """

        def decide(uow: UnitOfWork) -> EndedOrder:
            _check_released(uow, end.purchase)
            return cancel(uow, end)

        return (await self._store.commit(decide)).value

    @activity_on(PURCHASES, name="confirm_seats")
    async def confirm_seats(self, purchase: PurchaseRef) -> None:
        """Confirm the held seats and request the capture, in one transaction.

        Refuse both when the buyer cancelled before.
        """

        def decide(uow: UnitOfWork) -> None:
            order = _order(uow, purchase)
            order.request_capture(uow.at)
            for allocation, key in _holds(uow, order):
                allocation.confirm(key, uow.at)

        await self._store.commit(decide)

    @activity_on(PURCHASES, name="confirm_order")
    async def confirm_order(self, purchase: PurchaseRef) -> None:
        """Confirm the order and issue its tickets, once; refuse before the capture is recorded."""

        def decide(uow: UnitOfWork) -> None:
            order = _order(uow, purchase)
            if order.is_sold:
                return  # with its tickets, in one transaction: a refund may have voided some of them since
            _check_captured(uow, order)
            order.confirm(uow.at)
            for ticket in _tickets(uow, order):
                ticket.issue(uow.at)
            for allowance_id in order.allowance_ids:
                uow.get(Allowance, allowance_id).sell(purchase.purchase_id, uow.at)

        tickets = map(Ticket.stream, self._tickets_placed.get(purchase, ()))
        await self._store.commit(decide, (Order.stream(purchase.purchase_id), *tickets))

    @activity_on(PURCHASES, name="fulfil_order")
    async def fulfil_order(self, purchase: PurchaseRef) -> None:
        """Record that the purchase is fulfilled.

        Refuse before the sale and the mint of each ticket are posted, or its leaf is recorded where a claim mints.
        """

        def decide(uow: UnitOfWork) -> None:
            order = _order(uow, purchase)
            if order.state != "fulfilled":
                show = uow.get(Show, order.show_id)
                minted = () if show.mints_at_claim else ticket_ids_of(order)
                _check_posted(uow, sale_key(order.identity), *map(mint_key, minted))
                _check_leaves(uow, ticket_ids_of(order) if show.minting == "on_claim" else ())
            order.fulfil(uow.at)

        keys = (sale_key(purchase.purchase_id), *map(mint_key, self._tickets_placed.pop(purchase, ())))
        await self._store.commit(decide, (Order.stream(purchase.purchase_id), *map(BooksTransaction.stream, keys)))

    @activity_on(PURCHASES, name="extend_hold")
    async def extend_hold(self, extension: ExtendHold) -> datetime:
        """Extend the hold while a payment is processing; return the resulting deadline."""

        def decide(uow: UnitOfWork) -> datetime:
            order = _order(uow, extension.purchase)
            order.extend_hold(extension.hold_until, uow.at)
            return order.hold_until

        return (await self._store.commit(decide)).value


def _is_past(uow: UnitOfWork, purchase: PurchaseRef) -> bool:
    """Return whether a newer attempt has begun: then this one was refused and needs no undo."""
    return uow.get(Order, purchase.purchase_id).attempt > purchase.attempt


def _order(uow: UnitOfWork, purchase: PurchaseRef) -> Order:
    """Return the order of this attempt; refuse a step of an earlier one."""
    if _is_past(uow, purchase):
        raise PurchaseCancelled("a newer attempt at this purchase has replaced this one")
    return uow.get(Order, purchase.purchase_id)


def _payment_state(uow: UnitOfWork, order: Order) -> str:
    payment = uow.find(Payment, f"{order.identity}:{order.attempt}")
    return "unknown" if payment is None else payment.state


def _check_captured(uow: UnitOfWork, order: Order) -> None:
    """Refuse a sale whose money is not recorded."""
    if order.price is None or not order.price.charge_minor:
        return
    if (state := _payment_state(uow, order)) != "captured":
        raise EvidenceMissing(f"the payment is {state}, and the capture is not recorded", state=state)


def _check_posted(uow: UnitOfWork, *keys: str) -> None:
    """Refuse the end of a sale that the books do not have whole."""
    missing = [key for key in keys if uow.find(BooksTransaction, key) is None]
    if missing:
        raise EvidenceMissing(f"{len(missing)} postings are missing, such as {missing[0]}", key=missing[0])


def _check_leaves(uow: UnitOfWork, ticket_ids: Iterable[str]) -> None:
    """Refuse the end of a sale with a valid ticket that has neither a leaf nor a token."""
    tickets = [uow.get(Ticket, ticket_id) for ticket_id in ticket_ids]
    missing = [one.identity for one in tickets if one.leaf is None and one.state != "void" and not one.mint_address]
    if missing:
        raise EvidenceMissing(f"{len(missing)} leaves are missing, such as that of {missing[0]}", ticket_id=missing[0])


def _check_released(uow: UnitOfWork, purchase: PurchaseRef) -> None:
    """Refuse to end an order whose payment may still be taken; without an open checkout nobody can have paid."""
    order = uow.get(Order, purchase.purchase_id)
    if order.attempt != purchase.attempt or not order.is_placed:
        return
    if (state := _payment_state(uow, order)) not in RELEASED:
        raise EvidenceMissing(f"the payment is {state}, and its release is not recorded", state=state)


def attempt_of(order: Order) -> PurchaseRef:
    """Return the present attempt of an order."""
    return PurchaseRef(tenant_id=order.tenant_id, purchase_id=order.identity, attempt=order.attempt)


def _holds(uow: UnitOfWork, order: Order) -> list[tuple[Allocation, str]]:
    key = hold_key_of(order.identity, order.attempt)
    return [(uow.get(Allocation, line.ticket_type_id), key) for line in order.lines]


def place(uow: UnitOfWork, purchase: PurchaseRef, tender: Tender = "card", holder: Holder = ANYBODY) -> PlacedOrder:
    """Place an order, or return it if it is placed already; used by the request and by the saga.

    The tender is locked with the price. The request names the holder of the seats.
    """
    order = _order(uow, purchase)
    if order.cancel_requested:
        raise PurchaseCancelled("the buyer cancelled")
    order.check_open()
    show = uow.get(Show, order.show_id)
    price = order.price
    if price is None:
        price = _reserve(uow, order, tender, holder)
        create_tickets(uow, order)
    return PlacedOrder(
        show_id=order.show_id,
        venue_id=show.venue_id,
        price=price,
        hold_until=order.hold_until,
        capture_method=show.capture_method,
        ticket_ids=tuple(ticket_ids_of(order)),
        sold=order.is_sold,
        processing_seconds=show.processing_seconds,
        minting=show.minting,
    )


def _reserve(uow: UnitOfWork, order: Order, tender: Tender, holder: Holder) -> Price:
    """Lock the present price and hold the seats and the discount."""
    show = uow.get(Show, order.show_id)
    quote = priced(uow, order.show_id, order.lines, order.discount_code, tender)
    for line in order.lines:
        show.sellable(line.ticket_type_id)
    key = hold_key_of(order.identity, order.attempt)
    until = order.hold_until + timedelta(seconds=order.hold_seconds)  # the latest that the two deadlines allow
    hold_seats(uow, order.lines, key, until, MAKER, holder)
    if order.discount_code is not None:
        discount_of(uow, order.show_id, order.discount_code).claim(key, uow.at)
    return order.place(show.venue_id, quote.price, [line.model_dump() for line in quote.lines], uow.at)


def cancel(uow: UnitOfWork, end: EndPurchase) -> EndedOrder:
    """End an order without a sale: void its tickets, and give back what it took."""
    purchase = end.purchase
    if _is_past(uow, purchase):
        return EndedOrder(outcome="refused")
    order = _order(uow, purchase)
    # A workflow that is begun anew sees the payment that its former run cancelled, and not why.
    reason = OPERATOR_CANCELLED if order.given_up else end.reason
    if order.is_placed:
        for ticket in _tickets(uow, order):
            ticket.void(uow.at)
        give_back(uow, order, reason)
    order.end(reason, uow.at)
    return EndedOrder(outcome="refused" if order.state == "refused" else "cancelled")


def give_back(uow: UnitOfWork, order: Order, reason: str) -> None:
    """Give back what an order took and its tickets no longer need; the only way back, whatever ended them. Idempotent.

    The buyer's allowance counts the tickets that are left. The use of a code comes back with the last ticket. Seats of
    an unsold order are free with it; those of a sold one are put on sale again by `resell_seats`, once their tokens are
    gone and if the show allows it.
    """
    left = sum(ticket.state != "void" for ticket in _tickets(uow, order))
    for allowance_id in order.allowance_ids:
        uow.get(Allowance, allowance_id).keep(order.identity, left, uow.at)
    if left:
        return
    if order.discount_code is not None:
        key = hold_key_of(order.identity, order.attempt)
        discount_of(uow, order.show_id, order.discount_code).give_back(key, reason, uow.at)
    if not order.is_sold:
        for allocation, key in _holds(uow, order):
            allocation.unconfirm(key, uow.at)
            allocation.release(key, reason, uow.at)


def ticket_ids_of(order: Order) -> list[str]:
    """Return the ticket ids of an order's present attempt, in the order of the lines."""
    return [ticket_id for ticket_id, _ in _ticket_ids(order)]


def _ticket_ids(order: Order) -> list[tuple[str, str]]:
    """Return (ticket id, ticket type) of each ticket, in the order of the lines."""
    types = [line.ticket_type_id for line in order.lines for _ in range(line.quantity)]
    return [
        (ticket_id_of(order.nonce or order.identity, order.attempt, number), ticket_type_id)
        for number, ticket_type_id in enumerate(types, start=1)
    ]


def create_tickets(uow: UnitOfWork, order: Order) -> None:
    """Create the tickets of an order's present attempt, reserved."""
    for number, (ticket_id, ticket_type_id) in enumerate(_ticket_ids(order), start=1):
        uow.add(
            Ticket.begin(
                TicketReserved,
                ticket_id,
                uow.at,
                tenant_id=order.tenant_id,
                purchase_id=order.identity,
                show_id=order.show_id,
                ticket_type_id=ticket_type_id,
                public_name=public_name_of(order.nonce, order.attempt, number),
            )
        )


def tickets_of(uow: UnitOfWork, purchase: PurchaseRef) -> list[Ticket]:
    """Return the existing tickets of this attempt; refuse an earlier one."""
    return _tickets(uow, _order(uow, purchase))


def _tickets(uow: UnitOfWork, order: Order) -> list[Ticket]:
    found = (uow.find(Ticket, ticket_id) for ticket_id in ticket_ids_of(order))
    return [ticket for ticket in found if ticket is not None]
