"""Request and place a purchase, and record a buyer's cancel, before Temporal is called."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from activities.core.about import About
from activities.core.commands import Command, EndPurchase, PurchaseRef
from activities.core.ports import EventStore
from activities.sales.funds.sale import SaleFunds
from activities.sales.order import attempt_of, cancel, check_seats, place
from domain.catalog.line import Line
from domain.catalog.show import Show
from domain.core.end_reasons import QUEUE_EXPIRED
from domain.core.errors import MintingUnfunded, WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.money.money import Price, Tender
from domain.orders.order import Order, PurchaseRequested
from domain.payments.payment import Payment
from domain.stock.allocation import Allocation
from domain.stock.buyer_limit import Allowance, AllowanceOpened
from domain.stock.shares import ANYBODY, Holder
from domain.views.purchase import PurchaseState

LIMITED_BY = ("allowance_id", "wallet_allowance_id")
ASKED = ("body_digest", "show_id", "buyer_id", "discount_code", "expected_total_minor", "nonce", *LIMITED_BY)


class RequestPurchase(NamedTuple):
    """A buyer's request; `body_digest` is of the request, to recognise a reused key.

    `hold_seconds` may shorten the show's hold, not lengthen it. `expected_total_minor` is the total that the buyer
    saw: any other is refused. The checkout must open within `queue_seconds`. `allowance_id` identifies a named buyer,
    and `wallet_allowance_id` the same buyer's wallet where both are named: each may have `open_purchases_max` open
    purchases (0: no limit). `client_id` is the pseudonym of the caller's address or key, which may hold so many
    percent of a ticket type; empty for a caller without that limit. `tender` is the means of payment: an operator's
    sale has no limits. The tickets' ids are derived from `nonce`.
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
    queue_seconds: int = 600
    allowance_id: str = ""
    wallet_allowance_id: str = ""
    open_purchases_max: int = 0
    client_id: str = ""
    client_share_percent: int = 100
    tender: Tender = "card"
    nonce: str = ""

    @property
    def tickets(self) -> int:
        """The number of tickets."""
        return sum(line.quantity for line in self.lines)

    @property
    def allowance_ids(self) -> tuple[str, ...]:
        """The allowances of the named buyer; none without one."""
        return tuple(filter(None, (self.allowance_id, self.wallet_allowance_id)))

    def holder(self, unnamed_share_percent: int) -> Holder:
        """Return the holder of its seats, at a show that gives so much to purchases without a named buyer."""
        if self.tender != "card":
            return ANYBODY
        is_named = bool(self.allowance_ids)
        return Holder(self.client_id, is_named, self.client_share_percent, unnamed_share_percent)


class PurchaseStatus(Command):
    """A purchase's status from its events; `position` is the event store's last event at that moment."""

    purchase_id: str
    tenant_id: str
    attempt: int
    state: PurchaseState
    price: Price | None
    hold_until: datetime
    end_reason: str | None
    position: int = 0
    show_id: str = ""
    venue_id: str = ""
    intent_id: str | None = None  # the awaited payment, or the one that paid

    @property
    def about(self) -> About:
        """The purchase, for operators."""
        price = self.price
        amount = (None, "") if price is None else (price.total_minor, price.currency)
        return About(self.purchase_id, self.show_id, self.venue_id, "", *amount)


class Requested(Command):
    """A recorded request: the attempt to run, whether this call recorded it, its buyer, and its status."""

    purchase: PurchaseRef
    fresh: bool
    show_id: str
    venue_id: str
    buyer_id: str
    purchase_status: PurchaseStatus
    show_name: str = ""

    @property
    def about(self) -> About:
        """The purchase, for operators."""
        return self.purchase_status.about._replace(venue_id=self.venue_id, show_name=self.show_name)


class PurchaseCommands:
    """Command handlers of purchases, called by the API in its own process."""

    def __init__(self, store: EventStore, funds: SaleFunds | None = None) -> None:
        self._store = store
        self._funds = funds

    async def request_purchase(self, command: RequestPurchase) -> Requested:
        """Record the request under its key and place its order at once: seats held, price locked, tickets reserved.

        Idempotent for the same key and body. A refusal (sold out, say) stores no event: the key stays free.
        """
        room = None if self._funds is None else await self._funds.room()
        committed = await self._store.commit(lambda uow: _request(uow, command, room), _reads(command))
        requested: Requested = committed.value
        if requested.fresh and self._funds is not None:
            self._funds.sell(command.tickets)
        purchase_status = requested.purchase_status.model_copy(update={"position": committed.position})
        return requested.model_copy(update={"purchase_status": purchase_status})

    async def expire_queued(self, purchase: PurchaseRef) -> bool:
        """End an order whose checkout did not open in time, and free its seats; False when it may still open."""
        return (await self._store.commit(lambda uow: _end_queued(uow, purchase))).value

    async def request_cancel(self, purchase_id: str) -> PurchaseStatus:
        """Record a buyer's cancel, or refuse it as too late; return the purchase's status, its end if it had ended."""
        committed = await self._store.commit(lambda uow: _cancelled(uow, purchase_id))
        return committed.value.model_copy(update={"position": committed.position})

    async def look(self, purchase_id: str) -> PurchaseStatus | None:
        """Return a purchase's status with the event store's position; None when there is no purchase."""
        reads = (Order.stream(purchase_id), Payment.stream(f"{purchase_id}:1"))  # most purchases have one attempt
        committed = await self._store.read_with_position(lambda uow: _status(uow, purchase_id), reads)
        purchase_status: PurchaseStatus | None = committed.value
        return None if purchase_status is None else purchase_status.model_copy(update={"position": committed.position})


def _cancelled(uow: UnitOfWork, purchase_id: str) -> PurchaseStatus:
    order = uow.get(Order, purchase_id)
    order.request_cancel(uow.at)
    return _status_of(order)


def _status(uow: UnitOfWork, purchase_id: str) -> PurchaseStatus | None:
    order = uow.find(Order, purchase_id)
    if order is None:
        return None
    payment = uow.find(Payment, f"{purchase_id}:{order.attempt}")
    return _status_of(order).model_copy(update={"intent_id": payment.intent_id if payment else None})


def _status_of(order: Order) -> PurchaseStatus:
    return PurchaseStatus(
        purchase_id=order.identity,
        tenant_id=order.tenant_id,
        attempt=order.attempt,
        state=order.state,
        price=order.price,
        hold_until=order.hold_until,
        end_reason=order.end_reason,
        show_id=order.show_id,
        venue_id=order.venue_id or "",
    )


def _reads(command: RequestPurchase) -> tuple[str, ...]:
    """Return the streams that a request reads."""
    stock = (Allocation.stream(line.ticket_type_id) for line in command.lines)
    named = (Allowance.stream(allowance_id) for allowance_id in command.allowance_ids)
    return (Order.stream(command.purchase_id), Show.stream(command.show_id), *stock, *named)


def _request(uow: UnitOfWork, command: RequestPurchase, room: int | None) -> Requested:
    known = uow.find(Order, command.purchase_id)
    if known is not None and known.state != "refused":
        known.ask_again(command.body_digest, uow.at)
        return _requested(uow, known, fresh=False)
    show = uow.get(Show, command.show_id)
    types = [line.ticket_type_id for line in command.lines]
    if len(set(types)) != len(types):
        raise WrongState("a ticket type may appear only once")
    # The window is of the sale online: the counter sells before and after it, until the show is over.
    (show.check_window if command.tender == "card" else show.check_over)(uow.at)
    for ticket_type_id in types:
        show.sellable(ticket_type_id)
    queue_until = uow.at + timedelta(seconds=command.queue_seconds)
    holder = command.holder(show.unnamed_share_percent)
    # Checked first: most requests of a rush end here.
    check_seats(uow, command.lines, command.purchase_id, queue_until, holder)
    if room is not None and command.tickets > room:
        raise MintingUnfunded("the tokens of these tickets cannot be paid for now", available=max(0, room))
    _claim(uow, command, show)
    request: dict[str, Any] = {
        **{name: getattr(command, name) for name in ASKED},
        "lines": [line.model_dump() for line in command.lines],
        "queue_until": queue_until,
        "hold_seconds": min(command.hold_seconds or show.hold_seconds, show.hold_seconds),
    }
    if known is None:
        known = uow.add(
            Order.begin(PurchaseRequested, command.purchase_id, uow.at, tenant_id=command.tenant_id, **request)
        )
    else:
        known.ask_again(at=uow.at, **request)
    place(uow, attempt_of(known), command.tender, holder)
    return _requested(uow, known, fresh=True)


def _claim(uow: UnitOfWork, command: RequestPurchase, show: Show) -> None:
    """Count the tickets of a named buyer, within the show's limit and the limit of open purchases."""
    limits = (show.buyer_tickets_max, command.open_purchases_max)
    for allowance_id in command.allowance_ids:
        allowance = uow.find(Allowance, allowance_id)
        if allowance is None:
            begun = Allowance.begin(AllowanceOpened, allowance_id, uow.at, tenant_id=command.tenant_id)
            allowance = uow.add(begun)
        allowance.claim(command.purchase_id, command.show_id, command.tickets, *limits, uow.at)


def _end_queued(uow: UnitOfWork, purchase: PurchaseRef) -> bool:
    order = uow.find(Order, purchase.purchase_id)
    if order is None or order.attempt != purchase.attempt or not order.is_queued_out(uow.at):
        return False
    cancel(uow, EndPurchase(purchase=purchase, reason=QUEUE_EXPIRED))
    return True


def _requested(uow: UnitOfWork, order: Order, *, fresh: bool) -> Requested:
    show = uow.get(Show, order.show_id)
    return Requested(
        purchase=attempt_of(order),
        fresh=fresh,
        show_id=order.show_id,
        venue_id=show.venue_id,
        show_name=show.name,
        buyer_id=order.buyer_id,
        purchase_status=_status_of(order),
    )
