"""Payout: Stripe pays a venue's balance out to its bank; we follow it, and do not make it."""

from datetime import datetime
from typing import Literal

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent

PayoutState = Literal["paid", "returned"]


class PayoutPaid(CreatedEvent["Payout"]):
    """The bank has it, says Stripe."""

    TOPIC = "payout.paid"

    tenant_id: str
    venue_id: str
    amount_minor: int
    currency: str


class PayoutReturned(DomainEvent["Payout"]):
    """The bank sent it back after all: it lies in the venue's account again."""

    TOPIC = "payout.returned"

    failure: str

    def apply(self, payout: "Payout") -> None:
        """It is not paid out any more."""
        payout.state = "returned"


class Payout(Aggregate):
    """One payout; its id is Stripe's."""

    TOPIC = "payout"
    STREAM_CATEGORY = "payout"

    def __init__(self, tenant_id: str, venue_id: str, amount_minor: int, currency: str) -> None:
        """Start paid: what is on its way is the venue's balance yet."""
        self.tenant_id = tenant_id
        self.venue_id = venue_id
        self.amount_minor = amount_minor
        self.currency = currency
        self.state: PayoutState = "paid"

    def come_back(self, failure: str, at: datetime) -> bool:
        """Record that the bank sent it back; False when that was known."""
        if self.state == "returned":
            return False
        self.record(PayoutReturned, at, failure=failure)
        return True
