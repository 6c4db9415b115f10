"""Movements of our own Stripe balance that belong to no payment: payouts to our bank, top-ups, Stripe's invoices."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.money.books import PLATFORM_BANK, PROCESSING_FEES, STRIPE_CLEARING, Posting

TO_BANK = frozenset({"payout", "payout_failure", "payout_cancel", "topup", "topup_reversal"})
STRIPE_FEES = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})
# Stripe's types of balance transactions that we book; any other without a payment is for a person to explain.
BOOKED = TO_BANK | STRIPE_FEES


class OwnMovement(BaseModel):
    """A balance transaction of our own account, in minor units; money that leaves the balance is negative."""

    model_config = ConfigDict(frozen=True)

    entry_id: str
    kind: str
    currency: str
    amount_minor: int
    fee_minor: int
    at: datetime


def movement_postings(movement: OwnMovement) -> tuple[Posting, ...]:
    """Post a payout, its return or a top-up between Stripe and our bank, and what Stripe charges for it or else."""
    other = PLATFORM_BANK if movement.kind in TO_BANK else PROCESSING_FEES
    moved = ((other, movement.amount_minor), (PROCESSING_FEES, -movement.fee_minor))
    return tuple(
        Posting(
            debit=STRIPE_CLEARING if amount > 0 else account,
            credit=account if amount > 0 else STRIPE_CLEARING,
            amount=abs(amount),
            unit=movement.currency,
        )
        for account, amount in moved
        if amount
    )
