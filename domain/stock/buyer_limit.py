"""Allowance: the tickets of one named buyer, counted against the limits per show and of open purchases."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.errors import BuyerLimitReached


@dataclass(slots=True)
class Claim:
    """The tickets of one purchase; open until it is sold."""

    show_id: str
    quantity: int
    is_open: bool = True


class AllowanceOpened(CreatedEvent["Allowance"]):
    """A buyer was named for the first time; the id does not reveal the buyer."""

    TOPIC = "allowance.opened"

    tenant_id: str


class TicketsClaimed(DomainEvent["Allowance"]):
    """A purchase of this buyer holds tickets."""

    TOPIC = "allowance.tickets-claimed"

    key: str
    show_id: str
    quantity: int

    def apply(self, allowance: "Allowance") -> None:
        """Add the claim."""
        allowance.claims[self.key] = Claim(self.show_id, self.quantity)


class ClaimSold(DomainEvent["Allowance"]):
    """The purchase was paid: its tickets still count for the show, but it is no longer open."""

    TOPIC = "allowance.claim-sold"

    key: str

    def apply(self, allowance: "Allowance") -> None:
        """Close the claim."""
        allowance.claims[self.key].is_open = False


class ClaimReduced(DomainEvent["Allowance"]):
    """Some tickets of the purchase were given back: those that are left still count."""

    TOPIC = "allowance.claim-reduced"

    key: str
    quantity: int

    def apply(self, allowance: "Allowance") -> None:
        """Set the quantity that is left."""
        allowance.claims[self.key].quantity = self.quantity


class ClaimEnded(DomainEvent["Allowance"]):
    """The purchase ended without a sale, or all its tickets were given back."""

    TOPIC = "allowance.claim-ended"

    key: str

    def apply(self, allowance: "Allowance") -> None:
        """Remove the claim."""
        del allowance.claims[self.key]


class Allowance(Aggregate):
    """All purchases of one named buyer that hold tickets or are sold."""

    TOPIC = "allowance"
    STREAM_CATEGORY = "allowance"

    tenant_id: str
    claims: dict[str, Claim] = field(default_factory=dict)

    def claim(self, key: str, show_id: str, quantity: int, tickets_max: int, open_max: int, at: datetime) -> None:
        """Claim tickets within both limits (0: no limit), idempotently per key; raise BuyerLimitReached."""
        if key in self.claims:
            return
        taken = sum(claim.quantity for claim in self.claims.values() if claim.show_id == show_id)
        if tickets_max and taken + quantity > tickets_max:
            raise BuyerLimitReached(
                f"{quantity} tickets on top of the buyer's {taken} exceed the limit of {tickets_max}",
                limit=tickets_max,
            )
        if open_max and sum(claim.is_open for claim in self.claims.values()) >= open_max:
            raise BuyerLimitReached(
                f"the buyer already has {open_max} open purchases, the most allowed", limit=open_max
            )
        self.record(TicketsClaimed, at, key=key, show_id=show_id, quantity=quantity)

    def sell(self, key: str, at: datetime) -> None:
        """Close the claim of a paid purchase; idempotent."""
        claim = self.claims.get(key)
        if claim is not None and claim.is_open:
            self.record(ClaimSold, at, key=key)

    def keep(self, key: str, quantity: int, at: datetime) -> None:
        """Let a claim count for so many tickets at most; 0 ends it. Nothing to reduce is success."""
        claim = self.claims.get(key)
        if claim is None or claim.quantity <= quantity:
            return
        if quantity:
            self.record(ClaimReduced, at, key=key, quantity=quantity)
        else:
            self.record(ClaimEnded, at, key=key)
