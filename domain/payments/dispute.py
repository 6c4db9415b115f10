"""Dispute: the buyer's bank withdrew the money of a sale until its decision."""

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
    """A dispute as reported by Stripe. `is_withdrawn`: the money was withdrawn; each fee belongs to one movement.

    `warning` is an inquiry: it takes no money, and may end or become a dispute.
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
    """The bank withdrew the money; the venue's part of it is set aside."""

    TOPIC = "dispute.opened"

    tenant_id: str
    purchase_id: str
    venue_id: str
    currency: str
    amount_minor: int
    parts: dict[str, int]


class DisputeWon(DomainEvent["Dispute"]):
    """The money came back, and the venue's part is available again."""

    TOPIC = "dispute.won"

    purchase_id: str
    parts: dict[str, int]

    def apply(self, dispute: "Dispute") -> None:
        """Mark the dispute as won."""
        dispute.state = "won"


class DisputeLost(DomainEvent["Dispute"]):
    """The money stays with the buyer: each recipient has lost its part."""

    TOPIC = "dispute.lost"

    purchase_id: str
    parts: dict[str, int]

    def apply(self, dispute: "Dispute") -> None:
        """Mark the dispute as lost."""
        dispute.state = "lost"


class Dispute(Aggregate):
    """A dispute; its id is Stripe's."""

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
        """Record the outcome, once."""
        if self.state == "open":
            event = DisputeWon if won else DisputeLost
            self.record(event, at, purchase_id=self.purchase_id, parts=self.parts.model_dump())


def disputed_breakdown(price: Price, amount_minor: int) -> AmountBreakdown:
    """Split a disputed amount by recipient, in proportion to the price; the parts sum to it."""
    return amount_breakdown(breakdown_of(price), amount_minor, price.currency)


def set_aside(venue_id: str) -> str:
    """Return the name of the account of a venue's disputed money."""
    return venue_account(venue_id, "reserved")


def opened_postings(dispute: Dispute, fee_minor: int) -> tuple[Posting, ...]:
    """Post the withdrawal and Stripe's fee: the amount to the dispute reserve, the venue's share set aside."""
    return _posted(
        dispute,
        (DISPUTE_RESERVE, STRIPE_CLEARING, dispute.amount_minor),
        (PROCESSING_FEES, STRIPE_CLEARING, fee_minor),
        (venue_payable(dispute.venue_id), set_aside(dispute.venue_id), dispute.parts.venue_minor),
    )


def won_postings(dispute: Dispute, fee_back_minor: int) -> tuple[Posting, ...]:
    """Post the return of the money, and of the fee only if Stripe returned it."""
    return _posted(
        dispute,
        (STRIPE_CLEARING, DISPUTE_RESERVE, dispute.amount_minor),
        (STRIPE_CLEARING, PROCESSING_FEES, fee_back_minor),
        (set_aside(dispute.venue_id), venue_payable(dispute.venue_id), dispute.parts.venue_minor),
    )


def lost_postings(dispute: Dispute) -> tuple[Posting, ...]:
    """Post the loss of the money: each recipient bears its part."""
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
