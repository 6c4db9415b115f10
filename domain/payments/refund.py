"""One refund: what it gives back, how far it has come, and what others have paid of it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.core.ids import derived
from domain.money.breakdown import AmountBreakdown, FeesBorneBy
from domain.money.currency import shown
from domain.payments.holdings import GivenBack

NOTHING = AmountBreakdown()
BOUGHT_NOTHING = "bought-nothing"  # the reason of a refund of captured money that belongs to no sale
RETURNED_BY_BANK = "returned-by-bank"  # the reason of a refund of money that a bank had paid the buyer and gave back
MADE_AT_STRIPE = "made-at-stripe"  # the reason of a refund that a person made in Stripe's dashboard
RefundState = Literal["requested", "pending", "succeeded", "failed"]


class Refund(BaseModel):
    """One refund; `turn` counts the attempts at Stripe, from 1, and grows with each failure.

    A refund of the sale is `given` by its owners. One of a payment that bought nothing names its intent, and returns
    `unsold_minor`, which nobody owned; in one of the sale, failed ones owed it. `paid_elsewhere_minor` is paid by
    another refund. Cash is owed `at_till` until a clerk says that it was handed out. `by_bank_minor` is the part that
    the buyer has from a bank, by a dispute that was lost. `excess_minor` is the part that a person at Stripe gave back
    although nobody owed it any more: the platform's loss.
    """

    model_config = ConfigDict(frozen=True)

    refund_id: str
    body_digest: str
    reason: str
    fees: FeesBorneBy
    ticket_ids: tuple[str, ...]
    given: AmountBreakdown = NOTHING
    intent_id: str = ""
    currency: str = ""
    unsold_minor: int = 0
    paid_elsewhere_minor: int = 0
    handed_out: bool = False
    at_till: bool = False
    state: RefundState = "requested"
    turn: int = 1
    stripe_refund_id: str | None = None
    failure: str | None = None
    by_bank_minor: int = 0
    by_hand_minor: int = 0
    excess_minor: int = 0

    @property
    def amount_minor(self) -> int:
        """The amount that this refund still gives the buyer."""
        return self.given.total_minor + self.unsold_minor + self.excess_minor - self.paid_elsewhere_minor

    @property
    def due_minor(self) -> int:
        """The amount to be paid by us: what no bank has paid."""
        return self.amount_minor - self.by_bank_minor

    @property
    def owed_minor(self) -> int:
        """The part of what is due that the buyer is owed: all but the excess."""
        return self.due_minor - self.excess_minor

    @property
    def given_back(self) -> GivenBack:
        """The refund as the holdings of its charge see it."""
        due_minor = 0 if self.state == "succeeded" else self.owed_minor
        return GivenBack(given=self.given, due_minor=due_minor, by_hand_minor=self.by_hand_minor)

    @property
    def from_venue_minor(self) -> int:
        """The amount taken from the venue: its part, and the fees if it bears them."""
        fees = self.given.platform_minor + self.given.processing_minor if self.fees == "venue" else 0
        return self.given.venue_minor + fees


DECIDED = ("refund_id", "body_digest", "reason", "fees", "given", "intent_id", "currency", "handed_out", "excess_minor")


def exceeding(given: AmountBreakdown, left: AmountBreakdown, currency: str) -> str:
    """Return the text of the refusal of a refund of too much, or of nothing."""
    requested, refundable = (shown(parts.total_minor, currency) for parts in (given, left))
    if not given.total_minor:
        return f"nothing to refund: the refundable amount is {refundable}"
    return f"the refund of {requested} exceeds the refundable amount of {refundable}"


def part_of(whole: Refund, key: str, reason: str, intent_id: str, amount_minor: int) -> Refund:
    """Return a refund that pays a part of another one; the parts of that one were taken from their owners before."""
    return Refund(
        refund_id=derived("rf", whole.refund_id, key),
        body_digest=key,
        reason=reason,
        fees=whole.fees,
        ticket_ids=(),
        intent_id=intent_id,
        currency=whole.currency,
        unsold_minor=amount_minor,
    )
