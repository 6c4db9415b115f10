"""The model of payments that bought nothing."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.property.money_model import DisputeClaim, Sums


@dataclass
class Stray:
    """A payment that bought nothing: its buyer is owed it or has it back, and a bank's taking beyond that is a loss."""

    intent_id: str
    currency: str
    fee: int
    purchase: Any
    venue: int
    amount: int
    end: Literal["owed", "returned", "by hand"]
    by_bank: int = 0
    excess: int = 0  # given back by a person at Stripe although nobody owed it
    claims: dict[str, DisputeClaim] = field(default_factory=dict)

    @property
    def tickets(self) -> list[str]:
        """It bought none."""
        return []

    @property
    def due(self) -> int:
        """What the buyer is owed."""
        return self.amount - self.by_bank if self.end == "owed" else 0

    def open_claim(self, claim: DisputeClaim) -> None:
        """Let a dispute take its amount: what the buyer is owed, then a loss."""
        owed = self.due - sum(other.owed for other in self.claims.values() if other.state == "open")
        claim.owed = min(claim.amount, max(owed, 0))
        claim.loss, claim.state = claim.amount - claim.owed, "open"

    def lose_claim(self, claim: DisputeClaim) -> None:
        """Let the bank keep it: it has paid what was owed."""
        self.by_bank += claim.owed
        claim.state = "lost"

    def take_back(self, claim: DisputeClaim, amount: int, _: Callable[[str], str]) -> None:
        """Lower the loss, then owe the buyer again."""
        loss = min(amount, claim.loss)
        owed = min(amount - loss, claim.owed)
        self.by_bank -= owed
        claim.owed, claim.loss = claim.owed - owed, claim.loss - (amount - owed)


def expected_of_stray(stray: Stray) -> Sums:
    """Return the balance of each account after a payment that bought nothing, as far as it was given back."""
    sums: Sums = defaultdict(int)
    sums["processing:fees", stray.currency] = -stray.fee
    sums["stripe:clearing", stray.currency] = stray.fee - (0 if stray.end == "returned" else stray.amount)
    sums[f"buyer:{stray.purchase.purchase_id}:refundable", stray.currency] = stray.due
    sums["platform:bank", stray.currency] = stray.amount if stray.end == "by hand" else 0
    sums["stripe:clearing", stray.currency] += stray.excess
    sums["refund:losses", stray.currency] -= stray.excess
    for claim in (one for one in stray.claims.values() if one.state != "unknown"):
        sums["processing:fees", stray.currency] -= claim.fee - claim.fee_back
        sums["stripe:clearing", stray.currency] += claim.fee - claim.fee_back + claim.amount - claim.returned
        sums["dispute:reserve", stray.currency] -= claim.amount if claim.state == "open" else 0
        sums["dispute:losses", stray.currency] -= claim.loss if claim.state == "lost" else 0
    return sums
