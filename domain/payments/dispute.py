"""Dispute: the buyer's bank has taken the money of a sale back, until it is decided who keeps it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.money.books import (
    PLATFORM_FEES,
    PROCESSING_FEES,
    STRIPE_CLEARING,
    Posting,
    tax_payable,
    venue_account,
    venue_payable,
)
from domain.money.breakdown import AmountBreakdown, amount_breakdown, breakdown_of
from domain.money.money import Price

DISPUTE_RESERVE = "dispute:reserve"
DisputeState = Literal["open", "won", "lost"]


class DisputeStatus(BaseModel):
    """A dispute as Stripe tells it. Money has gone once `is_withdrawn`; each fee is what Stripe took with a movement.

    `warning` is an inquiry: it takes nothing, and may end or become a dispute.
    """

    model_config = ConfigDict(frozen=True)

    dispute_id: str
    status: Literal["warning", "open", "won", "lost", "closed"]
    amount_minor: int
    currency: str
    is_withdrawn: bool
    fee_minor: int = 0
    fee_back_minor: int = 0


class DisputeOpened(CreatedEvent["Dispute"]):
    """The bank took the money; the venue's part of it is set aside."""

    TOPIC = "dispute.opened"

    tenant_id: str
    purchase_id: str
    venue_id: str
    currency: str
    amount_minor: int
    parts: dict[str, int]


class DisputeWon(DomainEvent["Dispute"]):
    """The money came back, and the venue's part is its own again."""

    TOPIC = "dispute.won"

    purchase_id: str
    parts: dict[str, int]

    def apply(self, dispute: "Dispute") -> None:
        """The dispute is over."""
        dispute.state = "won"


class DisputeLost(DomainEvent["Dispute"]):
    """The money stays with the buyer: whoever had a part of it has lost it."""

    TOPIC = "dispute.lost"

    purchase_id: str
    parts: dict[str, int]

    def apply(self, dispute: "Dispute") -> None:
        """The dispute is over."""
        dispute.state = "lost"


class Dispute(Aggregate):
    """One dispute; its id is Stripe's."""

    TOPIC = "dispute"
    STREAM_CATEGORY = "dispute"

    def __init__(
        self,
        tenant_id: str,
        purchase_id: str,
        venue_id: str,
        currency: str,
        amount_minor: int,
        parts: dict[str, int],
    ) -> None:
        """Start open."""
        self.tenant_id = tenant_id
        self.purchase_id = purchase_id
        self.venue_id = venue_id
        self.currency = currency
        self.amount_minor = amount_minor
        self.parts = AmountBreakdown.model_validate(parts)
        self.state: DisputeState = "open"

    def decide(self, *, won: bool, at: datetime) -> None:
        """Record how it ended, once."""
        if self.state == "open":
            event = DisputeWon if won else DisputeLost
            self.record(event, at, purchase_id=self.purchase_id, parts=self.parts.model_dump())


def disputed_breakdown(price: Price, amount_minor: int) -> AmountBreakdown:
    """Say whose money a disputed amount was, in proportion to the price; the parts sum to it."""
    return amount_breakdown(breakdown_of(price), amount_minor, price.currency)


def set_aside(venue_id: str) -> str:
    """Name the account of a venue's money that is set aside while it is disputed."""
    return venue_account(venue_id, "reserved")


def opened_postings(dispute: Dispute, fee_minor: int) -> tuple[Posting, ...]:
    """Post that the bank took the money and Stripe its fee: what is disputed is in the reserve, the share set aside."""
    return _posted(
        dispute,
        (DISPUTE_RESERVE, STRIPE_CLEARING, dispute.amount_minor),
        (PROCESSING_FEES, STRIPE_CLEARING, fee_minor),
        (venue_payable(dispute.venue_id), set_aside(dispute.venue_id), dispute.parts.venue_minor),
    )


def won_postings(dispute: Dispute, fee_back_minor: int) -> tuple[Posting, ...]:
    """Post that the money came back, and the fee only if Stripe gave it back."""
    return _posted(
        dispute,
        (STRIPE_CLEARING, DISPUTE_RESERVE, dispute.amount_minor),
        (STRIPE_CLEARING, PROCESSING_FEES, fee_back_minor),
        (set_aside(dispute.venue_id), venue_payable(dispute.venue_id), dispute.parts.venue_minor),
    )


def lost_postings(dispute: Dispute) -> tuple[Posting, ...]:
    """Post that the money is gone: each bears the part that it had."""
    parts = dispute.parts
    return _posted(
        dispute,
        (set_aside(dispute.venue_id), DISPUTE_RESERVE, parts.venue_minor),
        (PLATFORM_FEES, DISPUTE_RESERVE, parts.platform_minor),
        (PROCESSING_FEES, DISPUTE_RESERVE, parts.processing_minor),
        (tax_payable(dispute.venue_id), DISPUTE_RESERVE, parts.tax_minor),
    )


def _posted(dispute: Dispute, *moved: tuple[str, str, int]) -> tuple[Posting, ...]:
    return tuple(
        Posting(debit=debit, credit=credit, amount=amount, unit=dispute.currency)
        for debit, credit, amount in moved
        if amount
    )
