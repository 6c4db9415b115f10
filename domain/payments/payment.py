"""Payment: the state of the buyer's money for one purchase."""

from datetime import datetime
from typing import Literal

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import WrongState

PaymentState = Literal["open", "authorised", "captured", "owed", "cancelled", "refunded"]


class IntentCreated(CreatedEvent["Payment"]):
    """A PaymentIntent was created for this purchase."""

    TOPIC = "payment.intent-created"

    tenant_id: str
    purchase_id: str
    intent_id: str
    amount_minor: int
    currency: str
    capture_method: str


class StrayIntentFound(CreatedEvent["Payment"]):
    """Money arrived by a PaymentIntent that does not belong to this purchase's present attempt."""

    TOPIC = "payment.stray-intent-found"

    tenant_id: str
    purchase_id: str
    intent_id: str
    amount_minor: int
    currency: str
    capture_method: str = "manual"


class PaymentDeclined(DomainEvent["Payment"]):
    """A card was declined; the buyer may try another one."""

    TOPIC = "payment.declined"

    decline_code: str

    def apply(self, payment: "Payment") -> None:
        """Count the decline."""
        payment.declines += 1
        payment.processing_since = None
        payment.decline_code = self.decline_code


class PaymentProcessingBegun(DomainEvent["Payment"]):
    """The buyer has paid, and a bank processes the payment: it is not known yet whether the money comes."""

    TOPIC = "payment.processing-begun"

    def apply(self, payment: "Payment") -> None:
        """Note since when."""
        payment.processing_since = self.timestamp


class PaymentAuthorised(DomainEvent["Payment"]):
    """The bank authorised the payment and holds the money."""

    TOPIC = "payment.authorised"
    apply = sets(state="authorised")


class PaymentCaptured(DomainEvent["Payment"]):
    """The money was captured: the amount, its charge and Stripe's real fee.

    `currency` is set only if it differs from that of the intent.
    """

    TOPIC = "payment.captured"

    charge_id: str
    captured_minor: int
    stripe_fee_minor: int
    currency: str | None = None

    def apply(self, payment: "Payment") -> None:
        """Record the charge, the amount and the fee."""
        payment.state = "captured"
        payment.charge_id = self.charge_id
        payment.captured_minor = self.captured_minor
        payment.stripe_fee_minor = self.stripe_fee_minor
        payment.currency = self.currency or payment.currency


class PaymentCancelled(DomainEvent["Payment"]):
    """The intent is cancelled: no money can arrive by it."""

    TOPIC = "payment.cancelled"
    apply = sets(state="cancelled")


class PaymentOwed(DomainEvent["Payment"]):
    """The captured money bought nothing: it is owed to its buyer, also again when a refund of it has failed."""

    TOPIC = "payment.owed"

    amount_minor: int

    apply = sets(state="owed", refunded_minor=0)


class PaymentRefunded(DomainEvent["Payment"]):
    """The captured money has reached its buyer."""

    TOPIC = "payment.refunded"

    refund_id: str
    amount_minor: int

    def apply(self, payment: "Payment") -> None:
        """Add the refund."""
        payment.state = "refunded"
        payment.refunded_minor += self.amount_minor


class Payment(Aggregate):
    """The payment of one purchase; transitions are monotonic, so that late updates change nothing."""

    TOPIC = "payment"
    STREAM_CATEGORY = "payment"

    tenant_id: str
    purchase_id: str
    intent_id: str
    amount_minor: int
    currency: str
    capture_method: str
    state: PaymentState = "open"
    declines: int = 0
    decline_code: str | None = None
    processing_since: datetime | None = None
    charge_id: str | None = None
    captured_minor: int = 0
    stripe_fee_minor: int = 0
    refunded_minor: int = 0

    def decline(self, code: str, at: datetime) -> None:
        """Record a declined payment, once per decline code, or once per payment that a bank processed."""
        if self.state == "open" and (self.decline_code != code or self.processing_since is not None):
            self.record(PaymentDeclined, at, decline_code=code)

    def process(self, at: datetime) -> None:
        """Record that a bank processes the payment; idempotent."""
        if self.state == "open" and self.processing_since is None:
            self.record(PaymentProcessingBegun, at)

    def authorise(self, at: datetime) -> None:
        """Record the authorisation; idempotent."""
        if self.state == "open":
            self.record(PaymentAuthorised, at)

    def capture(
        self, charge_id: str, captured_minor: int, stripe_fee_minor: int, at: datetime, currency: str | None = None
    ) -> None:
        """Record the captured amount, even if it differs from the price; idempotent. Raise WrongState if cancelled."""
        if self.state == "cancelled":
            raise WrongState("the payment is cancelled and cannot be captured", intent_id=self.intent_id)
        if self.state in {"open", "authorised"}:
            self.record(
                PaymentCaptured,
                at,
                charge_id=charge_id,
                captured_minor=captured_minor,
                stripe_fee_minor=stripe_fee_minor,
                currency=None if currency == self.currency else currency,
            )

    def cancel(self, at: datetime) -> None:
        """Record that no money can arrive any more; idempotent. Raise WrongState if captured."""
        if self.state in {"captured", "owed"}:
            raise WrongState(
                "the payment is captured and cannot be cancelled; refund it instead", intent_id=self.intent_id
            )
        if self.state in {"open", "authorised"}:
            self.record(PaymentCancelled, at)

    def owe(self, at: datetime) -> None:
        """Record that the captured money is owed to its buyer; again after a refund that failed; else idempotent."""
        if self.state not in {"captured", "owed", "refunded"}:
            raise WrongState(f"payment is {self.state}; nothing was captured", state=self.state)
        if self.state != "owed":
            self.record(PaymentOwed, at, amount_minor=self.captured_minor)

    def refund(self, refund_id: str, at: datetime) -> None:
        """Record that the owed money has reached its buyer; idempotent. Raise WrongState if nothing was owed."""
        if self.state == "refunded":
            return
        if self.state != "owed":
            raise WrongState(f"payment is {self.state}; it is not owed to its buyer", state=self.state)
        self.record(PaymentRefunded, at, refund_id=refund_id, amount_minor=self.captured_minor)
