"""Order: one buyer's purchase, from the request at the door to its end."""

from datetime import datetime, timedelta
from typing import Any, Literal

from domain.catalog.line import Line
from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.errors import FREES_KEY, CancelTooLate, KeyReused, PriceMoved, PurchaseCancelled, WrongState
from domain.money.money import Price


def first_deadline(queue_until: datetime | None, hold_until: datetime | None) -> datetime:
    """Return the end of the queue, or, for a request that was stored before there was a queue, of the hold."""
    deadline = queue_until or hold_until
    if deadline is None:
        raise ValueError("a request has a deadline")
    return deadline


OrderState = Literal["requested", "refused", "placed", "confirmed", "fulfilled", "cancelled"]


class PurchaseRequested(CreatedEvent["Order"]):
    """A buyer asked for tickets: the authority on the Idempotency-Key, without personal data.

    The checkout opens until `queue_until`, or never; from its opening the seats are held for `hold_seconds`.
    """

    TOPIC = "order.requested"

    tenant_id: str
    body_digest: str
    show_id: str
    lines: list[dict[str, Any]]
    buyer_id: str
    queue_until: datetime | None = None
    hold_seconds: int = 0
    hold_until: datetime | None = None  # what requests had before there was a queue
    allowance_id: str = ""
    discount_code: str | None = None
    expected_total_minor: int | None = None


class PurchaseRequestedAgain(DomainEvent["Order"]):
    """The same key was used again after its request had been refused: a new attempt."""

    TOPIC = "order.requested-again"

    body_digest: str
    show_id: str
    lines: list[dict[str, Any]]
    buyer_id: str
    queue_until: datetime | None = None
    hold_seconds: int = 0
    hold_until: datetime | None = None  # what requests had before there was a queue
    allowance_id: str = ""
    discount_code: str | None = None
    expected_total_minor: int | None = None

    def apply(self, order: "Order") -> None:
        """Begin the next attempt."""
        order.attempt += 1
        order.ask(self.body_digest, self.show_id, self.lines, self.buyer_id)
        order.wait(self.queue_until, self.hold_seconds, self.hold_until)
        order.count_on(self.allowance_id, self.discount_code, self.expected_total_minor)


class PurchaseRefused(DomainEvent["Order"]):
    """A rule said no before anything was held; the key is free again."""

    TOPIC = "order.refused"

    code: str
    detail: str

    def apply(self, order: "Order") -> None:
        """The attempt is over."""
        order.state = "refused"
        order.end_reason = self.code


class OrderPlaced(DomainEvent["Order"]):
    """The price is locked."""

    TOPIC = "order.placed"

    venue_id: str
    price: dict[str, Any]
    lines: list[dict[str, Any]]

    def apply(self, order: "Order") -> None:
        """Lock the price."""
        order.state, order.venue_id = "placed", self.venue_id
        order.price = Price.model_validate(self.price)
        order.priced_lines = tuple(self.lines)


class CheckoutOpened(DomainEvent["Order"]):
    """The buyer can pay: from now on the hold has its own deadline."""

    TOPIC = "order.checkout-opened"

    hold_until: datetime

    def apply(self, order: "Order") -> None:
        """Start the hold's time."""
        order.checkout_open = True
        order.hold_until = self.hold_until


class CancelRequested(DomainEvent["Order"]):
    """The buyer let it go, before the capture was requested."""

    TOPIC = "order.cancel-requested"

    def apply(self, order: "Order") -> None:
        """From here no capture may be requested."""
        order.cancel_requested = True


class HoldExtended(DomainEvent["Order"]):
    """The payment was still being processed at the hold's end: it holds on."""

    TOPIC = "order.hold-extended"

    hold_until: datetime

    def apply(self, order: "Order") -> None:
        """Move the deadline."""
        order.hold_until = self.hold_until


class CaptureRequested(DomainEvent["Order"]):
    """The money is about to be taken: a buyer's cancel is too late from here."""

    TOPIC = "order.capture-requested"

    def apply(self, order: "Order") -> None:
        """From here no cancel may be requested."""
        order.capture_requested = True


class CaptureWaived(DomainEvent["Order"]):
    """There is nothing to charge, so that nothing is captured; a buyer's cancel is too late from here."""

    TOPIC = "order.capture-waived"

    def apply(self, order: "Order") -> None:
        """From here no cancel may be requested."""
        order.capture_requested = True


class OrderConfirmed(DomainEvent["Order"]):
    """The capture is known and the hold is a reservation."""

    TOPIC = "order.confirmed"

    def apply(self, order: "Order") -> None:
        """The order is sold."""
        order.state = "confirmed"


class OrderFulfilled(DomainEvent["Order"]):
    """Every ticket is minted and the venue is credited."""

    TOPIC = "order.fulfilled"

    def apply(self, order: "Order") -> None:
        """The purchase has come to its good end."""
        order.state = "fulfilled"


class OrderCancelled(DomainEvent["Order"]):
    """The purchase ended without a sale; `reason` says why in one stable word."""

    TOPIC = "order.cancelled"

    reason: str

    def apply(self, order: "Order") -> None:
        """The purchase has come to its other end."""
        order.state = "cancelled"
        order.end_reason = self.reason


class Order(Aggregate):
    """One purchase; its id is the purchase's."""

    TOPIC = "order"
    STREAM_CATEGORY = "order"

    def __init__(
        self,
        tenant_id: str,
        *,
        body_digest: str,
        show_id: str,
        lines: list[dict[str, Any]],
        buyer_id: str,
        queue_until: datetime | None = None,
        hold_seconds: int = 0,
        hold_until: datetime | None = None,
        allowance_id: str = "",
        discount_code: str | None = None,
        expected_total_minor: int | None = None,
    ) -> None:
        """Start as a request."""
        self.tenant_id = tenant_id
        self.attempt = 1
        self.ask(body_digest, show_id, lines, buyer_id)
        self.wait(queue_until, hold_seconds, hold_until)
        self.count_on(allowance_id, discount_code, expected_total_minor)

    def ask(self, body_digest: str, show_id: str, lines: list[dict[str, Any]], buyer_id: str) -> None:
        """Assign what an attempt asks for."""
        self.body_digest = body_digest
        self.show_id = show_id
        self.lines = tuple(Line.model_validate(line) for line in lines)
        self.buyer_id = buyer_id
        self.state: OrderState = "requested"
        self.venue_id: str | None = None
        self.price: Price | None = None
        self.end_reason: str | None = None
        self.cancel_requested = self.capture_requested = False
        self.priced_lines: tuple[dict[str, Any], ...] = ()  # what each line costs, once the price is locked

    def wait(self, queue_until: datetime | None, hold_seconds: int, hold_until: datetime | None) -> None:
        """Assign the queue's end; a request from before there was a queue has its hold's end, and its checkout."""
        self.hold_until = first_deadline(queue_until, hold_until)
        self.hold_seconds = hold_seconds
        self.checkout_open = queue_until is None

    def count_on(self, allowance_id: str, discount_code: str | None, expected_total_minor: int | None) -> None:
        """Assign what an attempt counts on: a named buyer's allowance, a discount, the total that the buyer saw."""
        self.allowance_id = allowance_id
        self.discount_code = discount_code
        self.expected_total_minor = expected_total_minor

    def ask_again(self, body_digest: str, at: datetime, **request: Any) -> bool:
        """Answer a repeated key: False for the same purchase, True for a new attempt after a refusal."""
        if self.state == "refused":
            self.record(PurchaseRequestedAgain, at, body_digest=body_digest, **request)
            return True
        if body_digest != self.body_digest:
            raise KeyReused("this Idempotency-Key was used with a different body")
        return False

    @property
    def is_sold(self) -> bool:
        """Whether the sale is known: from here giving money back is a refund."""
        return self.state in {"confirmed", "fulfilled"}

    def check_open(self) -> None:
        """Refuse what comes after the end."""
        if self.state in {"cancelled", "refused"}:
            raise PurchaseCancelled("the purchase has ended", reason=self.end_reason)

    def place(self, venue_id: str, price: Price, lines: list[dict[str, Any]], at: datetime) -> Price:
        """Lock the price; again changes nothing. Returns the price that is locked."""
        self.check_open()
        if self.price is not None:
            return self.price
        if self.expected_total_minor not in {None, price.total_minor}:
            told = (
                f"the price has changed: the total is {price.total_minor}, not {self.expected_total_minor} minor units"
            )
            raise PriceMoved(told, total_minor=price.total_minor)
        self.record(OrderPlaced, at, venue_id=venue_id, price=price.model_dump(), lines=lines)
        return price

    def open_checkout(self, at: datetime) -> datetime | None:
        """Start the hold's time, once; returns its end, or None when the order has ended and nothing may be paid."""
        if self.state in {"requested", "cancelled", "refused"}:
            return None
        if not self.checkout_open:
            self.record(CheckoutOpened, at, hold_until=at + timedelta(seconds=self.hold_seconds))
        return self.hold_until

    def is_queued_out(self, at: datetime) -> bool:
        """Whether its checkout has not opened in time: nobody can have paid. A free order that is sold has none."""
        waits = not self.checkout_open and not self.capture_requested and at >= self.hold_until
        return waits and self.state in {"requested", "placed"}

    def request_cancel(self, at: datetime) -> None:
        """Let it go, if the capture has not been requested."""
        if self.capture_requested or self.is_sold:
            raise CancelTooLate("the payment is being captured or was captured; request a refund instead")
        if self.state in {"requested", "placed"} and not self.cancel_requested:
            self.record(CancelRequested, at)

    def request_capture(self, at: datetime) -> None:
        """Close the door for a cancel; decided against the buyer's cancel in one transaction."""
        if self.cancel_requested or self.state in {"cancelled", "refused"}:
            raise PurchaseCancelled("the buyer cancelled")
        if self.price is None:
            raise WrongState(f"order is {self.state}; only a placed order can be captured", state=self.state)
        if not self.capture_requested:
            self.record(CaptureRequested if self.price.charge_minor else CaptureWaived, at)

    def extend_hold(self, hold_until: datetime, at: datetime) -> None:
        """Hold on while a payment is being processed; a deadline only moves later, and only of what is open."""
        if self.state in {"requested", "placed"} and hold_until > self.hold_until:
            self.record(HoldExtended, at, hold_until=hold_until)

    def confirm(self, at: datetime) -> None:
        """The capture is known to have succeeded."""
        if self.state == "placed" and self.capture_requested:
            self.record(OrderConfirmed, at)
        elif not self.is_sold:
            raise WrongState(
                f"order is {self.state}; only a placed order whose capture was requested can be confirmed",
                state=self.state,
            )

    def fulfil(self, at: datetime) -> None:
        """Every ticket is minted and the venue is credited."""
        if self.state == "confirmed":
            self.record(OrderFulfilled, at)
        elif self.state != "fulfilled":
            raise WrongState(f"order is {self.state}; only a confirmed order can be fulfilled", state=self.state)

    def end(self, reason: str, at: datetime) -> None:
        """End without a sale; nothing to end is success. A request that a rule refused frees its key."""
        if self.is_sold:
            raise WrongState(
                f"order is {self.state}; a sold order cannot be cancelled, only refunded", state=self.state
            )
        if self.state == "requested" and reason in FREES_KEY:
            self.record(PurchaseRefused, at, code=reason, detail="")
        elif self.state in {"requested", "placed"}:
            self.record(OrderCancelled, at, reason=reason)
