"""Payout: money between a venue's balance at Stripe and its bank; recorded, not initiated, by us.

It goes to the bank, or with a negative amount comes from it: the reversal of an earlier payout, or a debit that
balances an account. Either can be taken back by the bank after it was paid, for good.
"""

from datetime import datetime
from typing import Literal

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets

PayoutState = Literal["paid", "returned"]


class PayoutPaid(CreatedEvent["Payout"]):
    """The payout reached the bank, or a negative one the account; `original` is the payout that it reverses."""

    TOPIC = "payout.paid"

    tenant_id: str
    venue_id: str
    amount_minor: int
    currency: str
    original: str = ""


class PayoutReturned(DomainEvent["Payout"]):
    """The bank returned the payout: the money is again where it was before."""

    TOPIC = "payout.returned"

    failure: str

    apply = sets(state="returned")


class Payout(Aggregate):
    """A payout; its id is Stripe's."""

    TOPIC = "payout"
    STREAM_CATEGORY = "payout"

    tenant_id: str
    venue_id: str
    amount_minor: int
    currency: str
    original: str
    state: PayoutState = "paid"  # one under way still belongs to the venue's balance

    def come_back(self, failure: str, at: datetime) -> bool:
        """Record that the bank returned it; False if already recorded."""
        if self.state == "returned":
            return False
        self.record(PayoutReturned, at, failure=failure)
        return True
