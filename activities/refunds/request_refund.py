"""The refund's door: what is given back, decided in one transaction in which its tickets become void."""

from collections.abc import Sequence

from activities.core.commands import Command, PurchaseRef, RefundRef
from activities.core.ports import EventStore
from activities.disputes.lookup import disputes_of, is_undecided, lost_breakdown
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
    """What is to be given back: these tickets, or this amount without a ticket, or (neither) all that is left.

    `body_digest` is of the request, to recognise a reused key. `even_redeemed` is an operator's word, as is
    `cash_handed_out`: what was paid in cash was given back at the till.
    `even_without_money` gives tickets back also where a bank has given all of the money back.
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
    """A refund as it was decided; `position` is the event store's last event at that moment."""

    refund: RefundRef
    state: RefundState
    currency: str
    fees: FeesBorneBy
    reason: str
    position: int = 0


class RefundCommands:
    """Called by the API in its own process, through the same event store."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def request_refund(self, command: RequestRefund) -> RefundView:
        """Decide a refund within what is left, and void its tickets; the same key and body again is the same refund."""
        reads = (Order.stream(command.purchase_id), Refunds.stream(command.purchase_id))
        committed = await self._store.commit(lambda uow: request(uow, command), reads)
        view: RefundView = committed.value
        return view.model_copy(update={"position": committed.position})

    async def redeem(self, ticket_id: str) -> int:
        """Let somebody enter with a ticket, once; returns the event store's position."""
        return (await self._store.commit(lambda uow: uow.get(Ticket, ticket_id).redeem(uow.at))).position


def request(uow: UnitOfWork, command: RequestRefund) -> RefundView:
    """Decide a refund, or find it as it was decided."""
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
    """Return an order's refunds, which it has from the first moment that something is to be given back."""
    events = {"tenant_id": order.tenant_id, "price": price.model_dump()}
    known = uow.find(Refunds, order.identity)
    return known or uow.add(Refunds.begin(RefundsOpened, order.identity, uow.at, **events))


def _lost(uow: UnitOfWork, command: RequestRefund, order: Order, book: Refunds) -> AmountBreakdown:
    """Return what banks have given back; refuse while one decides, and where it was all that there was."""
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


def _check_tender(command: RequestRefund, order: Order, given: AmountBreakdown) -> None:
    """Refuse to count cash as given back before anybody says so, and cash for what was not paid in cash."""
    if command.cash_handed_out and not _is_in_cash(order):
        raise WrongState("this order was not paid in cash")
    if _is_in_cash(order) and given.total_minor and not command.cash_handed_out:
        raise WrongState("this order was paid in cash; an operator hands the refund out and sets cash_handed_out")


def _decide(uow: UnitOfWork, command: RequestRefund, order: Order, book: Refunds) -> Refund:
    lost = _lost(uow, command, order, book)
    tickets = [] if command.amount_minor is not None else _tickets(uow, command, order)
    wanted = Refund(
        refund_id=command.refund_id,
        body_digest=command.body_digest,
        reason=command.reason,
        fees=command.fees,
        ticket_ids=tuple(ticket.identity for ticket in tickets),
        given=_given(command, order, book, lost, [ticket.identity for ticket in tickets]),
    )
    _check_tender(command, order, wanted.given)
    decided = book.request(wanted, uow.at, lost)
    for ticket in tickets:
        ticket.give_back(uow.at, even_redeemed=command.even_redeemed)
    if order.allowance_id and not command.ticket_ids and command.amount_minor is None:
        uow.get(Allowance, order.allowance_id).end(order.identity, uow.at)
    return decided


def _tickets(uow: UnitOfWork, command: RequestRefund, order: Order) -> list[Ticket]:
    """Return the tickets to be voided: the named ones, or all that are not void yet."""
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
    """Say whose money goes back; tickets are worth their part of the price, as far as that is left."""
    price, left = book.price, book.left(lost)
    left = left if command.fees != "buyer" else left.without_fees()
    if command.amount_minor is not None:
        check_digits(command.amount_minor, price.currency)
        # More than is left is taken from the venue's part, so that the refusal tells of it.
        if command.amount_minor > left.total_minor:
            return AmountBreakdown(venue_minor=command.amount_minor)
        return amount_breakdown(left, command.amount_minor, price.currency)
    if not command.ticket_ids:
        return left
    worth = dict(zip(ticket_ids_of(order), ticket_breakdown(price, _worth(order)), strict=True))
    return summed([worth[ticket_id] for ticket_id in ticket_ids]).capped(left)


def _worth(order: Order) -> list[int]:
    """Return what each ticket cost after the discount, in the order of the lines."""
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
