"""Dispute: the buyer's bank withdrew the money of a charge until its decision."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.money.books import (
    DISPUTE_LOSSES,
    PLATFORM_FEES,
    PROCESSING_FEES,
    STRIPE_CLEARING,
    Posting,
    buyer_refundable,
    tax_payable,
    venue_account,
    venue_payable,
)
from domain.payments.holdings import Taken, taken_of

DISPUTE_RESERVE = "dispute:reserve"
DisputeState = Literal["open", "won", "lost"]


class DisputeStatus(BaseModel):
    """A dispute as reported by Stripe, its money from its balance transactions.

    `warning` is an inquiry: it takes no money, and may end or become a dispute. `closed` is an end that names no
    winner, such as a prevented dispute. `amount_minor` is what was withdrawn, `returned_minor` what came back of it;
    each fee belongs to one of the two.
    """

    model_config = ConfigDict(frozen=True)

    dispute_id: str
    status: Literal["warning", "open", "won", "lost", "closed"]
    amount_minor: int
    currency: str
    is_withdrawn: bool
    returned_minor: int = 0
    fee_minor: int = 0
    fee_back_minor: int = 0
    charge_id: str = ""
    intent_id: str = ""

    @property
    def outcome(self) -> DisputeState:
        """Whether it is open, won or lost; an end without a winner is won if all of the money is back."""
        if self.status in {"won", "lost"}:
            return "won" if self.status == "won" else "lost"
        if self.status != "closed":
            return "open"
        return "won" if self.returned_minor >= self.amount_minor else "lost"


class DisputeOpened(CreatedEvent["Dispute"]):
    """The bank withdrew the money; the venue's part of it is set aside.

    `parts` are the holders of the money at that time. A dispute of the sale's payment blocks the tickets; one of
    another payment of the purchase is not of the sale (`is_of_sale`). Older events name neither charge nor intent.
    """

    TOPIC = "dispute.opened"

    tenant_id: str
    purchase_id: str
    venue_id: str
    currency: str
    amount_minor: int
    parts: dict[str, int]
    charge_id: str = ""
    intent_id: str = ""
    is_of_sale: bool = True

    def apply(self, dispute: "Dispute") -> None:
        """Set what is taken."""
        dispute.taken = taken_of(self.parts)


class DisputeWon(DomainEvent["Dispute"]):
    """The money came back, and the venue's part is available again."""

    TOPIC = "dispute.won"

    purchase_id: str
    parts: dict[str, int]
    returned_minor: int | None = None  # None: all of it

    def apply(self, dispute: "Dispute") -> None:
        """Mark the dispute as won."""
        dispute.state = "won"
        dispute.returned_minor = dispute.amount_minor if self.returned_minor is None else self.returned_minor


class DisputeLost(DomainEvent["Dispute"]):
    """The money stays with the buyer: each holder has lost its part."""

    TOPIC = "dispute.lost"

    purchase_id: str
    parts: dict[str, int]

    def apply(self, dispute: "Dispute") -> None:
        """Mark the dispute as lost."""
        dispute.state = "lost"
        dispute.taken = taken_of(self.parts)


class DisputeReturned(DomainEvent["Dispute"]):
    """Stripe returned money of a decided dispute: a part of a lost one, or the rest of a won one.

    `venue_is_owed`: the loss was deducted from the venue's transfers already, so its part of this is our debt.
    """

    TOPIC = "dispute.returned"

    purchase_id: str
    amount_minor: int
    parts: dict[str, int]
    venue_is_owed: bool

    def apply(self, dispute: "Dispute") -> None:
        """Add the amount, and give each holder its part back."""
        dispute.returned_minor += self.amount_minor
        dispute.owed_venue_minor += taken_of(self.parts).parties.venue_minor if self.venue_is_owed else 0
        dispute.taken = dispute.taken.less(taken_of(self.parts))


class Dispute(Aggregate):
    """A dispute; its id is Stripe's. `taken` is what it takes now, by holder."""

    TOPIC = "dispute"
    STREAM_CATEGORY = "dispute"

    tenant_id: str
    purchase_id: str
    venue_id: str
    currency: str
    amount_minor: int
    charge_id: str
    intent_id: str
    is_of_sale: bool
    taken: Taken = field(init=False)
    returned_minor: int = 0
    owed_venue_minor: int = 0
    state: DisputeState = "open"

    def win(self, returned_minor: int, at: datetime) -> None:
        """Record that the bank decided for us, and what Stripe has returned by now."""
        parts = self.taken.plain()
        self.record(DisputeWon, at, purchase_id=self.purchase_id, parts=parts, returned_minor=returned_minor)

    def lose(self, owed_minor: int, at: datetime) -> None:
        """Record that the bank decided for the buyer, whom we owed this much of the taken money."""
        self.record(DisputeLost, at, purchase_id=self.purchase_id, parts=self.taken.owing(owed_minor).plain())

    @property
    def deducted_minor(self) -> int:
        """The venue's loss that its transfers bear."""
        return self.taken.parties.venue_minor + self.owed_venue_minor

    def take_back(self, amount_minor: int, at: datetime, *, venue_is_owed: bool) -> Taken:
        """Record what Stripe returned since the decision; return it by those who had lost it."""
        back = self.taken.given_back(amount_minor, self.currency) if self.state == "lost" else Taken()
        money = {"amount_minor": amount_minor, "parts": back.plain(), "venue_is_owed": venue_is_owed}
        self.record(DisputeReturned, at, purchase_id=self.purchase_id, **money)
        return back


def set_aside(venue_id: str) -> str:
    """Return the name of the account of a venue's disputed money."""
    return venue_account(venue_id, "reserved")


def opened_postings(dispute: Dispute, fee_minor: int) -> tuple[Posting, ...]:
    """Post the withdrawal and Stripe's fee: the amount to the dispute reserve, the venue's share set aside."""
    venue = dispute.taken.parties.venue_minor
    return _posted(
        dispute.currency,
        (DISPUTE_RESERVE, STRIPE_CLEARING, dispute.amount_minor),
        (PROCESSING_FEES, STRIPE_CLEARING, fee_minor),
        (venue_payable(dispute.venue_id), set_aside(dispute.venue_id), venue),
    )


def won_postings(dispute: Dispute, fee_back_minor: int) -> tuple[Posting, ...]:
    """Post the return of the money, and of the fee if Stripe returned it; the reserve waits for what is missing."""
    venue = dispute.taken.parties.venue_minor
    return _posted(
        dispute.currency,
        *_returned(dispute, dispute.returned_minor, 0),
        (STRIPE_CLEARING, PROCESSING_FEES, fee_back_minor),
        (set_aside(dispute.venue_id), venue_payable(dispute.venue_id), venue),
    )


def lost_postings(dispute: Dispute) -> tuple[Posting, ...]:
    """Post the loss of the money: each holder bears its part, and what we owed the buyer is paid."""
    held = {**_holders(dispute), venue_payable(dispute.venue_id): 0}
    return _posted(
        dispute.currency,
        (set_aside(dispute.venue_id), DISPUTE_RESERVE, dispute.taken.parties.venue_minor),
        *((holder, DISPUTE_RESERVE, amount) for holder, amount in held.items()),
    )


def returned_postings(dispute: Dispute, amount_minor: int, back: Taken) -> tuple[Posting, ...]:
    """Post what Stripe returned after its decision: to those who had borne it, or to the reserve of a won dispute."""
    if dispute.state == "won":
        before = dispute.returned_minor - amount_minor
        return _posted(dispute.currency, *_returned(dispute, amount_minor, before))
    held = _holders(dispute, back)
    return _posted(dispute.currency, *((STRIPE_CLEARING, holder, amount) for holder, amount in held.items()))


def fee_postings(dispute: Dispute, fee_back_minor: int) -> tuple[Posting, ...]:
    """Post the return of Stripe's fee of a lost dispute."""
    return _posted(dispute.currency, (STRIPE_CLEARING, PROCESSING_FEES, fee_back_minor))


def _returned(dispute: Dispute, amount_minor: int, before_minor: int) -> tuple[tuple[str, str, int], ...]:
    """Move what came back of a won dispute into the reserve; more than was withdrawn lowers the losses."""
    reserve = min(amount_minor, max(dispute.amount_minor - before_minor, 0))
    beyond = amount_minor - reserve
    return (STRIPE_CLEARING, DISPUTE_RESERVE, reserve), (STRIPE_CLEARING, DISPUTE_LOSSES, beyond)


def _holders(dispute: Dispute, taken: Taken | None = None) -> Mapping[str, int]:
    """Return the account and the amount of each holder of taken money."""
    taken = dispute.taken if taken is None else taken
    return {
        venue_payable(dispute.venue_id): taken.parties.venue_minor,
        PLATFORM_FEES: taken.parties.platform_minor,
        PROCESSING_FEES: taken.parties.processing_minor,
        tax_payable(dispute.venue_id): taken.parties.tax_minor,
        buyer_refundable(dispute.purchase_id): taken.owed_minor,
        DISPUTE_LOSSES: taken.loss_minor,
    }


def _posted(currency: str, *moved: tuple[str, str, int]) -> tuple[Posting, ...]:
    return tuple(
        Posting(debit=debit, credit=credit, amount=amount, unit=currency) for debit, credit, amount in moved if amount
    )
