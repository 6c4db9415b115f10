"""Request a refund: its amount is decided and its tickets become void in one transaction."""

from collections.abc import Sequence

from activities.core.commands import Command, PurchaseRef, RefundRef
from activities.core.ports import EventStore
from activities.disputes.lookup import disputes_of, is_undecided, lost_breakdown
from activities.refunds.owed import hand_out
from activities.sales.order import ticket_ids_of
from domain.catalog.show import Show
from domain.core.errors import PaymentDisputed, UnknownSubject, WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.money.breakdown import AmountBreakdown, FeesBorneBy, amount_breakdown, summed, ticket_breakdown
from domain.money.currency import check_digits
from domain.money.money import Price
from domain.orders.order import Order
from domain.payments.refund import Refund, Refunds, RefundsOpened, RefundState
from domain.stock.buyer_limit import Allowance
from domain.tickets.ticket import Ticket


class RequestRefund(Command):
    """A refund of these tickets, or of this amount without a ticket, or (neither) of everything that remains.

    `body_digest` is of the request, to recognise a reused key. An operator sets `even_redeemed`, and
    `cash_handed_out` if the till has paid it already; without that, cash is owed at the till.
    `even_without_money` voids the tickets even if a dispute has returned all of the money.
    """

    tenant_id: str
    purchase_id: str
    refund_id: str
    body_digest: str
    reason: str
    fees: FeesBorneBy = "platform"
    ticket_ids: Sequence[str] = ()
    amount_minor: int | None = None
    even_redeemed: bool = False
    cash_handed_out: bool = False
    even_without_money: bool = False


class RefundView(Command):
    """A decided refund; `position` is the event store's last event at that moment."""

    refund: RefundRef
    state: RefundState
    currency: str
    fees: FeesBorneBy
    reason: str
    position: int = 0


class RefundCommands:
    """Command handlers of refunds and entry, called by the API in its own process."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def request_refund(self, command: RequestRefund) -> RefundView:
        """Decide a refund within the refundable amount, and void its tickets. Idempotent for the same key and body."""
        reads = (Order.stream(command.purchase_id), Refunds.stream(command.purchase_id))
        committed = await self._store.commit(lambda uow: request(uow, command), reads)
        view: RefundView = committed.value
        return view.model_copy(update={"position": committed.position})

    async def hand_out_cash(self, purchase_id: str, refund_id: str) -> int:
        """Record that the till has paid a refund in cash, once; return the event store's position.

        Refuse a refund that is not owed at the till.
        """

        def decide(uow: UnitOfWork) -> None:
            order, book = uow.get(Order, purchase_id), uow.get(Refunds, purchase_id)
            purchase = PurchaseRef(tenant_id=order.tenant_id, purchase_id=purchase_id, attempt=order.attempt)
            hand_out(uow, purchase, book, refund_id)

        return (await self._store.commit(decide)).position

    async def redeem(self, ticket_id: str) -> int:
        """Redeem a ticket for entry, once; return the event store's position."""
        return (await self._store.commit(lambda uow: uow.get(Ticket, ticket_id).redeem(uow.at))).position


def request(uow: UnitOfWork, command: RequestRefund) -> RefundView:
    """Decide a refund, or return it if it was decided before."""
    order = uow.get(Order, command.purchase_id)
    if not order.is_sold or order.price is None:
        raise WrongState(
            f"order is {order.state}; only a sold order can be refunded, cancel this one instead", state=order.state
        )
    book = book_of(uow, order, order.price)
    known = book.find(command.refund_id, command.body_digest)
    if known is None:
        known = _decide(uow, command, order, book)
    resells = bool(known.ticket_ids) and uow.get(Show, order.show_id).resells(uow.at)
    return _view(command, order, known, resells=resells)


def book_of(uow: UnitOfWork, order: Order, price: Price) -> Refunds:
    """Return an order's refunds, creating the aggregate on first use."""
    events = {"tenant_id": order.tenant_id, "price": price.model_dump()}
    known = uow.find(Refunds, order.identity)
    if known is not None:
        known.set_price(price, uow.at)
    return known or uow.add(Refunds.begin(RefundsOpened, order.identity, uow.at, **events))


def _lost(uow: UnitOfWork, command: RequestRefund, order: Order, book: Refunds) -> AmountBreakdown:
    """Return the amounts lost in disputes; refuse while a dispute is open, or if everything was lost."""
    disputes = disputes_of(uow, order)
    if is_undecided(disputes):
        raise PaymentDisputed(
            "the payment is disputed; the buyer's bank decides about the money", dispute_id=disputes[0].identity
        )
    lost = lost_breakdown(disputes)
    if lost.total_minor and not book.left(lost).total_minor and not command.even_without_money:
        raise PaymentDisputed("the buyer's bank has already returned the money", dispute_id=disputes[0].identity)
    return lost


def _is_in_cash(order: Order) -> bool:
    return order.price is not None and order.price.tender == "cash"


def _decide(uow: UnitOfWork, command: RequestRefund, order: Order, book: Refunds) -> Refund:
    if command.cash_handed_out and not _is_in_cash(order):
        raise WrongState("this order was not paid in cash")
    lost = _lost(uow, command, order, book)
    tickets = [] if command.amount_minor is not None else _tickets(uow, command, order)
    wanted = Refund(
        refund_id=command.refund_id,
        body_digest=command.body_digest,
        reason=command.reason,
        fees=command.fees,
        ticket_ids=tuple(ticket.identity for ticket in tickets),
        given=_given(command, order, book, lost, [ticket.identity for ticket in tickets]),
        handed_out=command.cash_handed_out,
    )
    decided = book.request(wanted, uow.at, lost)
    for ticket in tickets:
        ticket.give_back(uow.at, even_redeemed=command.even_redeemed)
    is_whole = not command.ticket_ids and command.amount_minor is None
    for allowance_id in order.allowance_ids if is_whole else ():
        uow.get(Allowance, allowance_id).end(order.identity, uow.at)
    return decided


def _tickets(uow: UnitOfWork, command: RequestRefund, order: Order) -> list[Ticket]:
    """Return the tickets to void: the requested ones, or all that are not void yet."""
    own = ticket_ids_of(order)
    if strangers := [ticket_id for ticket_id in command.ticket_ids if ticket_id not in own]:
        raise UnknownSubject(f"the purchase has no ticket {strangers[0]}", ticket_id=strangers[0])
    if command.ticket_ids:
        return [uow.get(Ticket, ticket_id) for ticket_id in dict.fromkeys(command.ticket_ids)]
    tickets = [uow.get(Ticket, ticket_id) for ticket_id in own]
    return [ticket for ticket in tickets if ticket.state != "void"]


def _given(
    command: RequestRefund, order: Order, book: Refunds, lost: AmountBreakdown, ticket_ids: list[str]
) -> AmountBreakdown:
    """Return the refund by bearer; a ticket is refunded its part of the price, as far as that remains."""
    price, remaining = book.price, book.left(lost)
    remaining = remaining if command.fees != "buyer" else remaining.without_fees()
    if command.amount_minor is not None:
        check_digits(command.amount_minor, price.currency)
        # An excess amount counts as the venue's part, so that `Refunds.request` refuses it with the figures.
        if command.amount_minor > remaining.total_minor:
            return AmountBreakdown(venue_minor=command.amount_minor)
        return amount_breakdown(remaining, command.amount_minor, price.currency)
    if not command.ticket_ids:
        return remaining
    worth = dict(zip(ticket_ids_of(order), ticket_breakdown(price, _worth(order)), strict=True))
    return summed([worth[ticket_id] for ticket_id in ticket_ids]).capped(remaining)


def _worth(order: Order) -> list[int]:
    """Return the price of each ticket after the discount, in the order of the lines."""
    worth: list[int] = []
    for line in order.priced_lines:
        quantity, off = line["quantity"], line.get("discount_minor", 0)
        taken = [off // quantity + (number < off % quantity) for number in range(quantity)]
        worth += [line["price_minor"] - minor for minor in taken]
    return worth


def _view(command: RequestRefund, order: Order, refund: Refund, *, resells: bool) -> RefundView:
    purchase = PurchaseRef(tenant_id=order.tenant_id, purchase_id=order.identity, attempt=order.attempt)
    return RefundView(
        refund=RefundRef(
            purchase=purchase,
            refund_id=command.refund_id,
            ticket_ids=refund.ticket_ids,
            amount_minor=refund.given.total_minor,
            resells=resells,
            in_cash=_is_in_cash(order),
        ),
        state=refund.state,
        currency=order.price.currency if order.price else "",
        fees=refund.fees,
        reason=refund.reason,
    )
