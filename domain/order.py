"""Order: one buyer's purchase, from the request at the door to its end."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.fact import Fact, FirstFact, Root
from domain.money import Price
from domain.refusals import CancelTooLate, KeyReused, PriceMoved, PurchaseCancelled, WrongState

FREES_KEY = frozenset({
    "sold-out", "not-on-sale", "not-found", "hold-expired", "discount-refused", "not-chargeable", "price-changed",
})  # fmt: skip
OrderState = Literal["requested", "refused", "placed", "confirmed", "fulfilled", "cancelled"]


class Line(BaseModel):
    """Some tickets of one type."""

    model_config = ConfigDict(frozen=True)

    ticket_type_id: str
    quantity: int = Field(ge=1, le=50)


class PurchaseRequested(FirstFact):
    """A buyer asked for tickets: the authority on the Idempotency-Key, without personal data."""

    tenant_id: str
    body_digest: str
    show_id: str
    lines: list[dict[str, Any]]
    buyer_id: str
    hold_until: datetime
    discount_code: str | None = None
    expected_total_minor: int | None = None


class PurchaseRequestedAgain(Fact):
    """The same key was used again after its request had been refused: a new attempt."""

    body_digest: str
    show_id: str
    lines: list[dict[str, Any]]
    buyer_id: str
    hold_until: datetime
    discount_code: str | None = None
    expected_total_minor: int | None = None

    def apply(self, aggregate: Any) -> None:
        """Begin the next attempt."""
        aggregate.attempt += 1
        aggregate.ask(self.body_digest, self.show_id, self.lines, self.buyer_id, self.hold_until)
        aggregate.count_on(self.discount_code, self.expected_total_minor)


class PurchaseRefused(Fact):
    """A rule said no before anything was held; the key is free again."""

    code: str
    detail: str

    def apply(self, aggregate: Any) -> None:
        """The attempt is over."""
        aggregate.state = "refused"
        aggregate.end_reason = self.code


class OrderPlaced(Fact):
    """The price is locked."""

    venue_id: str
    price: dict[str, Any]
    lines: list[dict[str, Any]]

    def apply(self, aggregate: Any) -> None:
        """Lock the price."""
        aggregate.state = "placed"
        aggregate.venue_id = self.venue_id
        aggregate.price = Price.model_validate(self.price)


class CancelRequested(Fact):
    """The buyer let it go, before the capture was requested."""

    def apply(self, aggregate: Any) -> None:
        """From here no capture may be requested."""
        aggregate.cancel_requested = True


class HoldExtended(Fact):
    """The payment was still being processed at the hold's end: it holds on."""

    hold_until: datetime

    def apply(self, aggregate: Any) -> None:
        """Move the deadline."""
        aggregate.hold_until = self.hold_until


class CaptureRequested(Fact):
    """The money is about to be taken: a buyer's cancel is too late from here."""

    def apply(self, aggregate: Any) -> None:
        """From here no cancel may be requested."""
        aggregate.capture_requested = True


class CaptureWaived(Fact):
    """There is nothing to pay, so that nothing is captured; a buyer's cancel is too late from here."""

    def apply(self, aggregate: Any) -> None:
        """From here no cancel may be requested."""
        aggregate.capture_requested = True


class OrderConfirmed(Fact):
    """The capture is known and the hold is a reservation."""

    def apply(self, aggregate: Any) -> None:
        """The order is sold."""
        aggregate.state = "confirmed"


class OrderFulfilled(Fact):
    """Every ticket is minted and the venue is credited."""

    def apply(self, aggregate: Any) -> None:
        """The purchase has come to its good end."""
        aggregate.state = "fulfilled"


class OrderCancelled(Fact):
    """The purchase ended without a sale; `reason` says why in one stable word."""

    reason: str

    def apply(self, aggregate: Any) -> None:
        """The purchase has come to its other end."""
        aggregate.state = "cancelled"
        aggregate.end_reason = self.reason


class Order(Root):
    """One purchase; its id is the purchase's."""

    KIND = "order"

    def __init__(
        self,
        tenant_id: str,
        body_digest: str,
        show_id: str,
        lines: list[dict[str, Any]],
        buyer_id: str,
        hold_until: datetime,
        *,
        discount_code: str | None = None,
        expected_total_minor: int | None = None,
    ) -> None:
        """Start as a request."""
        self.tenant_id = tenant_id
        self.attempt = 1
        self.ask(body_digest, show_id, lines, buyer_id, hold_until)
        self.count_on(discount_code, expected_total_minor)

    def ask(
        self, body_digest: str, show_id: str, lines: list[dict[str, Any]], buyer_id: str, hold_until: datetime
    ) -> None:
        """Assign what an attempt asks for."""
        self.body_digest = body_digest
        self.show_id = show_id
        self.lines = tuple(Line.model_validate(line) for line in lines)
        self.buyer_id = buyer_id
        self.hold_until = hold_until
        self.state: OrderState = "requested"
        self.venue_id: str | None = None
        self.price: Price | None = None
        self.end_reason: str | None = None
        self.cancel_requested = False
        self.capture_requested = False

    def count_on(self, discount_code: str | None, expected_total_minor: int | None) -> None:
        """Assign what an attempt counts on: a discount, and the total that the buyer saw."""
        self.discount_code = discount_code
        self.expected_total_minor = expected_total_minor

    def ask_again(self, body_digest: str, at: datetime, **request: Any) -> bool:
        """Answer a repeated key: False for the same purchase, True for a new attempt after a refusal."""
        if self.state == "refused":
            self.record(PurchaseRequestedAgain, at, body_digest=body_digest, **request)
            return True
        if body_digest != self.body_digest:
            raise KeyReused("this Idempotency-Key was used with another body")
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
        if self.price is None:
            if self.expected_total_minor not in {None, price.total_minor}:
                raise PriceMoved("the tickets cost something else now", total_minor=price.total_minor)
            self.record(OrderPlaced, at, venue_id=venue_id, price=price.model_dump(), lines=lines)
        return self.price or price

    def request_cancel(self, at: datetime) -> None:
        """Let it go, if the capture has not been requested."""
        if self.capture_requested or self.is_sold:
            raise CancelTooLate("the payment is being taken or was taken: ask for a refund")
        if self.state in {"requested", "placed"} and not self.cancel_requested:
            self.record(CancelRequested, at)

    def request_capture(self, at: datetime) -> None:
        """Close the door for a cancel; decided against the buyer's cancel in one transaction."""
        if self.cancel_requested or self.state in {"cancelled", "refused"}:
            raise PurchaseCancelled("the buyer cancelled")
        if self.price is None:
            raise WrongState("only a placed order is captured", state=self.state)
        if not self.capture_requested:
            self.record(CaptureRequested if self.price.total_minor else CaptureWaived, at)

    def extend_hold(self, hold_until: datetime, at: datetime) -> None:
        """Hold on while a payment is being processed; a deadline only moves later, and only of what is open."""
        if self.state in {"requested", "placed"} and hold_until > self.hold_until:
            self.record(HoldExtended, at, hold_until=hold_until)

    def confirm(self, at: datetime) -> None:
        """The capture is known to have succeeded."""
        if self.state == "placed" and self.capture_requested:
            self.record(OrderConfirmed, at)
        elif not self.is_sold:
            raise WrongState("only a placed order whose capture was requested is confirmed", state=self.state)

    def fulfil(self, at: datetime) -> None:
        """Every ticket is minted and the venue is credited."""
        if self.state == "confirmed":
            self.record(OrderFulfilled, at)
        elif self.state != "fulfilled":
            raise WrongState("only a confirmed order is fulfilled", state=self.state)

    def end(self, reason: str, at: datetime) -> None:
        """End without a sale; nothing to end is success. A request that a rule refused frees its key."""
        if self.is_sold:
            raise WrongState("a sold order is not cancelled", state=self.state)
        if self.state == "requested" and reason in FREES_KEY:
            self.record(PurchaseRefused, at, code=reason, detail="")
        elif self.state in {"requested", "placed"}:
            self.record(OrderCancelled, at, reason=reason)
