"""Request a refund: its amount is decided and its tickets become void in one transaction."""

from collections.abc import Mapping, Sequence

from activities.core.commands import Command, RefundRef
from activities.core.ports import EventStore
from activities.disputes.lookup import disputes_of, is_undecided, lost_breakdown
from activities.refunds.owed import hand_out
from activities.sales.order import attempt_of, give_back, ticket_ids_of
from domain.catalog.show import Show
from domain.core.errors import PaymentDisputed, RefundExceeds, UnknownSubject, WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.money.breakdown import (
    AmountBreakdown,
    FeesBorneBy,
    amount_breakdown,
    breakdown_from,
    breakdown_of,
    summed,
    ticket_breakdown,
    ticket_worth,
    tickets_taken,
)
from domain.money.currency import check_digits, shown, step_of
from domain.money.money import Price, rounded
from domain.orders.order import Order
from domain.payments.refund import Refund, RefundState
from domain.payments.refunds import Refunds, RefundsOpened
from domain.tickets.ticket import Ticket

TicketPrices = Mapping[str, AmountBreakdown]


class RequestRefund(Command):
    """A refund of these tickets, or of this amount without a ticket, or (neither) of everything that remains.

    One that leaves nothing to refund also voids the tickets whose money is back by now, however it was asked.
    `body_digest` is of the request, to recognise a reused key. An operator sets `even_redeemed`, and
    `cash_handed_out` if the till has paid it already; without that, cash is owed at the till.
    `by_buyer`: asked for by the order's buyer, whom the show's `refund_until` binds.
    `even_without_money` voids the tickets even if a dispute has returned all of the money. `excess_minor` is given back
    beyond that, and owed to nobody; `in_place_minor` is what failed refunds owed before.
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
    excess_minor: int = 0
    in_place_minor: int = 0
    by_buyer: bool = False


class RefundView(Command):
    """A decided refund; `position` is the event store's last event at that moment."""

    refund: RefundRef
    state: RefundState
    currency: str
    fees: FeesBorneBy
    reason: str
    show_id: str
    position: int = 0


class RefundCommands:
    """Command handlers of refunds, called by the API in its own process."""

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
            hand_out(uow, attempt_of(order), book, refund_id)

        return (await self._store.commit(decide)).position


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
        if command.by_buyer:
            uow.get(Show, order.show_id).details.check_refund(uow.at)
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


def lost_of(uow: UnitOfWork, order: Order) -> AmountBreakdown:
    """Return the amounts of a sale that were lost in disputes; raise PaymentDisputed while one is open."""
    disputes = disputes_of(uow, order)
    if is_undecided(disputes):
        raise PaymentDisputed(
            "the payment is disputed; the buyer's bank decides about the money", dispute_id=disputes[0].identity
        )
    return lost_breakdown(disputes)


def _lost(uow: UnitOfWork, command: RequestRefund, order: Order, book: Refunds) -> AmountBreakdown:
    """Return the amounts lost in disputes; refuse while a dispute is open, or if everything was lost."""
    disputes, lost = disputes_of(uow, order), lost_of(uow, order)
    goes_on = command.even_without_money or command.excess_minor or command.in_place_minor
    if lost.total_minor and not book.left(lost).total_minor and not goes_on:
        raise PaymentDisputed("the buyer's bank has already returned the money", dispute_id=disputes[0].identity)
    return lost


def _is_in_cash(order: Order) -> bool:
    return order.price is not None and order.price.tender == "cash"


def _decide(uow: UnitOfWork, command: RequestRefund, order: Order, book: Refunds) -> Refund:
    if command.cash_handed_out and not _is_in_cash(order):
        raise WrongState("this order was not paid in cash")
    lost, currency = _lost(uow, command, order, book), book.price.currency
    prices = ticket_prices(order, book.price)
    asked = [] if command.amount_minor is not None else _tickets(uow, command, order)
    wanted = Refund(
        refund_id=command.refund_id,
        body_digest=command.body_digest,
        reason=command.reason,
        fees=command.fees,
        ticket_ids=tuple(ticket.identity for ticket in asked),
        given=_given(command, book, lost, prices),
        handed_out=command.cash_handed_out,
        excess_minor=command.excess_minor,
        unsold_minor=command.in_place_minor,
    )
    if not (wanted.ticket_ids or wanted.amount_minor or command.amount_minor):
        kept_minor = book.left(lost).total_minor
        reason = "" if not kept_minor else f": the buyer bears the remaining fees of {shown(kept_minor, currency)}"
        raise RefundExceeds(f"nothing to refund{reason}", left_minor=0)
    is_all = _leaves_nothing(book, wanted, lost, prices)
    tickets = [*asked, *_paid_back(uow, command, order, prices)] if is_all else asked
    wanted = wanted.model_copy(update={"ticket_ids": tuple(dict.fromkeys(ticket.identity for ticket in tickets))})
    decided = book.request(wanted, uow.at, lost)
    for ticket_id in wanted.ticket_ids:
        uow.get(Ticket, ticket_id).give_back(uow.at, even_redeemed=command.even_redeemed)
    give_back(uow, order, "refunded")
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


def _paid_back(uow: UnitOfWork, command: RequestRefund, order: Order, prices: TicketPrices) -> list[Ticket]:
    """Return the tickets that are void with the last of the money.

    A refund of other tickets spares those that were free, and those that were used.
    """
    tickets = [uow.get(Ticket, ticket_id) for ticket_id in ticket_ids_of(order)]
    if command.ticket_ids:
        return [ticket for ticket in tickets if ticket.state == "issued" and prices[ticket.identity].total_minor]
    return [ticket for ticket in tickets if ticket.state != "void"]


def _leaves_nothing(book: Refunds, wanted: Refund, lost: AmountBreakdown, prices: TicketPrices) -> bool:
    """Return whether a refund of money is the last: nothing is refundable after it. Too large a one is not."""
    if not wanted.given.total_minor or wanted.given.capped(book.left(lost)) != wanted.given:
        return False
    return refundable(book, lost, prices, (wanted,)).total_minor == 0


def _given(command: RequestRefund, book: Refunds, lost: AmountBreakdown, prices: TicketPrices) -> AmountBreakdown:
    """Return the refund by bearer; a ticket is refunded its part of the price, as far as that remains."""
    currency = book.price.currency
    free, left = refundable(book, lost, prices), book.left(lost)
    if command.fees == "buyer":
        free, left = free.without_fees(), left.without_fees()
    if command.amount_minor is not None:
        check_digits(command.amount_minor, currency)
        # An excess amount counts as the venue's part, so that `Refunds.request` refuses it with the figures.
        if command.amount_minor > left.total_minor:
            return AmountBreakdown(venue_minor=command.amount_minor)
        # Whoever names the amount may return even the fees that the buyer was to bear, but these last.
        first = amount_breakdown(free, min(command.amount_minor, free.total_minor), currency)
        rest = amount_breakdown(left.less(free), command.amount_minor - first.total_minor, currency)
        return summed([first, rest])
    if not command.ticket_ids:
        return free
    own = summed([prices[ticket_id] for ticket_id in dict.fromkeys(command.ticket_ids)])
    return tickets_taken(free, own if command.fees != "buyer" else own.without_fees(), currency)


def refundable(
    book: Refunds, lost: AmountBreakdown, prices: TicketPrices, more: Sequence[Refund] = ()
) -> AmountBreakdown:
    """Return the part that a refund of the rest gives back, after `more` refunds: without fees that the buyer bears."""
    left = book.left(lost).less(summed([refund.given for refund in more]))
    borne = summed([_borne_by_buyer(refund, book.price, prices) for refund in (*book.refunds.values(), *more)])
    return left.less(borne).floored()


def _borne_by_buyer(refund: Refund, price: Price, prices: TicketPrices) -> AmountBreakdown:
    """Return the fees that a refund kept: of its tickets, or in proportion to its amount."""
    if refund.fees != "buyer":
        return AmountBreakdown()
    if refund.ticket_ids:
        return summed([prices[ticket_id] for ticket_id in refund.ticket_ids]).only_fees()
    whole, step = breakdown_of(price), step_of(price.currency)
    base = whole.without_fees().total_minor
    return breakdown_from([rounded(fee * refund.given.total_minor, base, step) for fee in whole.only_fees().figures])


def ticket_prices(order: Order, price: Price) -> dict[str, AmountBreakdown]:
    """Return the price of each ticket, as it was fixed by the sale."""
    lines = [
        (line["quantity"], line["quantity"] * line["price_minor"] - line.get("discount_minor", 0))
        for line in order.priced_lines
    ]
    return dict(zip(ticket_ids_of(order), ticket_breakdown(price, ticket_worth(lines)), strict=True))


def _view(command: RequestRefund, order: Order, refund: Refund, *, resells: bool) -> RefundView:
    return RefundView(
        refund=RefundRef(
            purchase=attempt_of(order),
            refund_id=command.refund_id,
            ticket_ids=refund.ticket_ids,
            amount_minor=refund.given.total_minor + refund.unsold_minor + refund.excess_minor,
            resells=resells,
            in_cash=_is_in_cash(order),
        ),
        state=refund.state,
        currency=order.price.currency if order.price else "",
        fees=refund.fees,
        reason=refund.reason,
        show_id=order.show_id,
    )
