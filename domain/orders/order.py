"""Order: a buyer's purchase from the request to its end."""

from dataclasses import field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from domain.catalog.line import Line
from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import FREES_KEY, CancelTooLate, KeyReused, PriceMoved, PurchaseCancelled, WrongState
from domain.core.evidence import SaleMade
from domain.money.money import Price
from domain.orders.state import ENDED, FORWARD, SOLD, UNSOLD, PurchaseState


def first_deadline(queue_until: datetime | None, hold_until: datetime | None) -> datetime:
    """Return the end of the queue, or of the hold for requests stored before the queue existed."""
    deadline = queue_until or hold_until
    if deadline is None:
        raise ValueError("a purchase request needs queue_until or hold_until")
    return deadline


class PurchaseMoved(DomainEvent["Order"]):
    """An event that leads a purchase to a state, unless it is further on; one that begins an attempt always does.

    The state is decided here alone: the read models ask the same event.
    """

    TOPIC = ""
    LEADS_TO: ClassVar[PurchaseState]
    BEGINS_ATTEMPT: ClassVar[bool] = False

    def state_after(self, state: PurchaseState, *, is_queued: bool) -> PurchaseState:
        """Return the state after this event.

        One that is not queued was requested before the queue existed: its checkout is open once it is placed.
        """
        led: PurchaseState = self.LEADS_TO if is_queued or self.LEADS_TO != "reserving" else "awaiting-payment"
        return led if self.BEGINS_ATTEMPT else max(state, led, key=FORWARD.index)

    def mutate(self, aggregate: Any) -> Any:
        """Apply the event, and move the purchase."""
        order: Any = super().mutate(aggregate)
        order.state = self.state_after(order.state, is_queued=not order.checkout_open)
        return order


class Request(PurchaseMoved):
    """The request of an attempt.

    The checkout must open before `queue_until`; from its opening the seats are held for `hold_seconds`. The ids of its
    tickets come from its `nonce`, which nobody outside knows; requests of 0.1.0 have none.
    """

    TOPIC = ""
    LEADS_TO = "requested"
    BEGINS_ATTEMPT = True

    body_digest: str
    show_id: str
    lines: list[dict[str, Any]]
    buyer_id: str
    queue_until: datetime | None = None
    hold_seconds: int = 0
    hold_until: datetime | None = None  # the deadline of requests stored before the queue existed
    allowance_id: str = ""
    wallet_allowance_id: str = ""
    discount_code: str | None = None
    expected_total_minor: int | None = None
    nonce: str = ""

    def apply(self, order: "Order") -> None:
        """Begin the attempt; one stored before the queue existed has a hold deadline and an open checkout."""
        order.attempt += 1
        order.nonce = self.nonce
        order.body_digest, order.show_id, order.buyer_id = self.body_digest, self.show_id, self.buyer_id
        order.lines = tuple(Line.model_validate(line) for line in self.lines)
        order.hold_until, order.hold_seconds = first_deadline(self.queue_until, self.hold_until), self.hold_seconds
        order.checkout_open = self.queue_until is None
        order.allowance_ids = tuple(filter(None, (self.allowance_id, self.wallet_allowance_id)))
        order.discount_code, order.expected_total_minor = self.discount_code, self.expected_total_minor
        order.end_reason = order.venue_id = order.price = order.payment_refusal = None
        order.priced_lines = ()
        order.cancel_requested = order.capture_requested = order.given_up = False


class PurchaseRequested(Request, CreatedEvent["Order"]):
    """A buyer requested tickets; the authority on the Idempotency-Key, without personal data."""

    TOPIC = "order.requested"

    tenant_id: str = field(kw_only=True)


class PurchaseRequestedAgain(Request, DomainEvent["Order"]):
    """The key of a refused request was used again: a new attempt."""

    TOPIC = "order.requested-again"


class PurchaseRefused(PurchaseMoved, DomainEvent["Order"]):
    """A business rule refused the request before anything was held; the key is free again."""

    TOPIC = "order.refused"
    LEADS_TO = "refused"

    code: str
    detail: str

    def apply(self, order: "Order") -> None:
        """End the attempt."""
        order.end_reason = self.code


class OrderPlaced(PurchaseMoved, DomainEvent["Order"]):
    """The order was placed at a locked price."""

    TOPIC = "order.placed"
    LEADS_TO = "reserving"

    venue_id: str
    price: dict[str, Any]
    lines: list[dict[str, Any]]

    def apply(self, order: "Order") -> None:
        """Lock the price."""
        order.venue_id = self.venue_id
        order.price = Price.model_validate(self.price)
        order.priced_lines = tuple(self.lines)


class CheckoutOpened(PurchaseMoved, DomainEvent["Order"]):
    """The checkout opened: the buyer can pay until the deadline of the hold."""

    TOPIC = "order.checkout-opened"
    LEADS_TO = "awaiting-payment"

    hold_until: datetime

    apply = sets("hold_until", checkout_open=True)


class PaymentIntentRefused(DomainEvent["Order"]):
    """Stripe refused for good to create the payment's intent: there is none, and it is not asked for again."""

    TOPIC = "order.payment-intent-refused"

    reason: str

    def apply(self, order: "Order") -> None:
        """Note the reason."""
        order.payment_refusal = self.reason


class CancelRequested(PurchaseMoved, DomainEvent["Order"]):
    """The buyer cancelled before the capture was requested."""

    TOPIC = "order.cancel-requested"
    LEADS_TO = "cancelling"
    apply = sets(cancel_requested=True)


class OrderGivenUp(DomainEvent["Order"]):
    """An operator gave the purchase up before its sale: it ends, also when its workflow is begun anew."""

    TOPIC = "order.given-up"
    apply = sets(given_up=True)


class HoldExtended(DomainEvent["Order"]):
    """The payment was still being processed at the deadline of the hold: the hold was extended."""

    TOPIC = "order.hold-extended"

    hold_until: datetime

    apply = sets("hold_until")


class CaptureRequested(PurchaseMoved, DomainEvent["Order"]):
    """The capture was requested: the buyer can no longer cancel."""

    TOPIC = "order.capture-requested"
    LEADS_TO = "confirming"
    apply = sets(capture_requested=True)


class CaptureWaived(PurchaseMoved, DomainEvent["Order"]):
    """There is nothing to charge and so to capture; the buyer can no longer cancel."""

    TOPIC = "order.capture-waived"
    LEADS_TO = "confirming"
    apply = sets(capture_requested=True)


class OrderConfirmed(PurchaseMoved, DomainEvent["Order"]):
    """The payment was captured and the hold is a reservation."""

    TOPIC = "order.confirmed"
    LEADS_TO = "confirmed"


class OrderFulfilled(PurchaseMoved, DomainEvent["Order"]):
    """Every ticket is minted and the venue is credited."""

    TOPIC = "order.fulfilled"
    LEADS_TO = "fulfilled"


class OrderCancelled(PurchaseMoved, DomainEvent["Order"]):
    """The purchase ended without a sale; `reason` is a stable code."""

    TOPIC = "order.cancelled"
    LEADS_TO = "cancelled"

    reason: str

    def apply(self, order: "Order") -> None:
        """End the purchase."""
        order.end_reason = self.reason


class BuyerErasureDecided(DomainEvent["Order"]):
    """The personal data of the purchase's buyer is erased; the event has nothing of the person, and says who did it."""

    TOPIC = "order.buyer-erasure-decided"


class BuyerCorrectionDecided(DomainEvent["Order"]):
    """Personal data of the purchase's buyer is corrected; the event names the fields, and nothing of the person."""

    TOPIC = "order.buyer-correction-decided"

    fields: list[str]


class Order(Aggregate):
    """A purchase; its id is the purchase's."""

    TOPIC = "order"
    STREAM_CATEGORY = "order"

    tenant_id: str
    body_digest: str
    show_id: str
    buyer_id: str
    nonce: str
    hold_seconds: int
    discount_code: str | None
    expected_total_minor: int | None  # by the buyer
    lines: tuple[Line, ...] = field(init=False)
    hold_until: datetime = field(init=False)
    checkout_open: bool = field(init=False)
    allowance_ids: tuple[str, ...] = field(init=False)  # of the buyer limits
    attempt: int = 0
    state: PurchaseState = "requested"
    venue_id: str | None = None
    price: Price | None = None
    end_reason: str | None = None
    cancel_requested: bool = False
    given_up: bool = False
    capture_requested: bool = False
    priced_lines: tuple[dict[str, Any], ...] = ()  # with prices, once the price is locked
    payment_refusal: str | None = None  # Stripe's reason, if it refused to create the payment's intent

    def ask_again(self, body_digest: str, at: datetime, **request: Any) -> bool:
        """Return False for a repeat of the same purchase, True for a new attempt after a refusal; raise KeyReused."""
        if self.state == "refused":
            self.record(PurchaseRequestedAgain, at, body_digest=body_digest, **request)
            return True
        if body_digest != self.body_digest:
            raise KeyReused("this Idempotency-Key was used with a different body")
        return False

    @property
    def is_open(self) -> bool:
        """Whether the order is neither sold nor ended."""
        return not (self.is_sold or self.is_unsold)

    @property
    def is_placed(self) -> bool:
        """Whether the order is open and its price is locked."""
        return self.is_open and self.price is not None

    @property
    def is_sold(self) -> bool:
        """Whether the order is sold: from here money is given back by a refund."""
        return self.state in SOLD

    @property
    def is_unsold(self) -> bool:
        """Whether the order has ended without a sale."""
        return self.state in UNSOLD

    def erase_buyer(self, at: datetime) -> None:
        """Record that the buyer's personal data is erased; raise WrongState before the end, which needs the wallet."""
        if self.state not in ENDED:
            raise WrongState(f"purchase {self.identity} is not known to have ended", state=self.state)
        self.record(BuyerErasureDecided, at)

    def correct_buyer(self, fields: list[str], at: datetime) -> None:
        """Record that fields of the buyer's personal data are corrected."""
        self.record(BuyerCorrectionDecided, at, fields=fields)

    def check_open(self) -> None:
        """Raise PurchaseCancelled after the end."""
        if self.is_unsold:
            raise PurchaseCancelled("the purchase has ended", reason=self.end_reason)

    def check_unsold(self) -> None:
        """Raise SaleMade after the sale: nothing of it is undone."""
        if self.is_sold:
            raise SaleMade(f"order is {self.state}; a sold order is refunded, not undone", state=self.state)

    def place(self, venue_id: str, price: Price, lines: list[dict[str, Any]], at: datetime) -> Price:
        """Lock the price and return the locked price; idempotent.

        Raise PriceMoved if the total differs from the expected total.
        """
        self.check_open()
        if self.price is not None:
            return self.price
        if self.expected_total_minor not in {None, price.total_minor}:
            text = (
                f"the price has changed: the total is {price.total_minor}, not {self.expected_total_minor} minor units"
            )
            raise PriceMoved(text, total_minor=price.total_minor)
        self.record(OrderPlaced, at, venue_id=venue_id, price=price.model_dump(), lines=lines)
        return price

    def open_checkout(self, at: datetime) -> datetime | None:
        """Open the checkout, once; return the deadline of the hold, or None if the order has ended."""
        if self.price is None or self.is_unsold:
            return None
        if not self.checkout_open:
            self.record(CheckoutOpened, at, hold_until=at + timedelta(seconds=self.hold_seconds))
        return self.hold_until

    def refuse_payment(self, reason: str, at: datetime) -> None:
        """Record that Stripe refused for good to create the payment's intent; idempotent."""
        if self.payment_refusal is None and not self.is_sold:
            self.record(PaymentIntentRefused, at, reason=reason)

    def is_queued_out(self, at: datetime) -> bool:
        """Return whether the checkout did not open in time; a sold free order has no checkout."""
        return self.is_open and not self.checkout_open and not self.capture_requested and at >= self.hold_until

    def request_cancel(self, at: datetime) -> None:
        """Record the buyer's cancel, of an open order; raise CancelTooLate once the capture was requested."""
        if self.is_sold or (self.is_open and self.capture_requested):
            raise CancelTooLate("the payment is being captured or was captured; request a refund instead")
        if self.is_open and not self.cancel_requested:
            self.record(CancelRequested, at)

    def give_up(self, at: datetime) -> None:
        """Record that an operator gave the purchase up, once; what has ended stays as it is. Raise SaleMade if sold."""
        self.check_unsold()
        if self.is_open and not self.given_up:
            self.record(OrderGivenUp, at)

    def request_capture(self, at: datetime) -> None:
        """Record the capture request; raise PurchaseCancelled after a cancel, decided in one transaction."""
        if self.cancel_requested or self.is_unsold:
            raise PurchaseCancelled("the buyer cancelled")
        if self.given_up and not self.capture_requested:
            raise PurchaseCancelled("an operator gave the purchase up")
        if self.price is None:
            raise WrongState(f"order is {self.state}; only a placed order can be captured", state=self.state)
        if not self.capture_requested:
            self.record(CaptureRequested if self.price.charge_minor else CaptureWaived, at)

    def extend_hold(self, hold_until: datetime, at: datetime) -> None:
        """Extend the hold while a payment is being processed; only of an open order, and only to a later deadline."""
        if self.is_open and hold_until > self.hold_until:
            self.record(HoldExtended, at, hold_until=hold_until)

    def confirm(self, at: datetime) -> None:
        """Record that the capture succeeded; idempotent."""
        if self.is_placed and self.capture_requested:
            self.record(OrderConfirmed, at)
        elif not self.is_sold:
            raise WrongState(
                f"order is {self.state}; only a placed order whose capture was requested can be confirmed",
                state=self.state,
            )

    def fulfil(self, at: datetime) -> None:
        """Record that every ticket is minted and the venue is credited; idempotent."""
        if self.state == "confirmed":
            self.record(OrderFulfilled, at)
        elif self.state != "fulfilled":
            raise WrongState(f"order is {self.state}; only a confirmed order can be fulfilled", state=self.state)

    def end(self, reason: str, at: datetime) -> None:
        """End without a sale, idempotently; a refused request frees its key. Raise SaleMade if sold."""
        self.check_unsold()
        if self.is_open and self.price is None and reason in FREES_KEY:
            self.record(PurchaseRefused, at, code=reason, detail="")
        elif self.is_open:
            self.record(OrderCancelled, at, reason=reason)
