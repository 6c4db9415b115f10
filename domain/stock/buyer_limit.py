"""Allowance: what one named buyer has taken, so that nobody takes more of a show than it allows."""

from dataclasses import dataclass
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
    """A buyer was named for the first time; the id says nothing of who it is."""

    TOPIC = "allowance.opened"

    tenant_id: str


class TicketsClaimed(DomainEvent["Allowance"]):
    """A purchase of this buyer holds tickets."""

    TOPIC = "allowance.tickets-claimed"

    key: str
    show_id: str
    quantity: int

    def apply(self, allowance: "Allowance") -> None:
        """Count them."""
        allowance.claims[self.key] = Claim(self.show_id, self.quantity)


class ClaimSold(DomainEvent["Allowance"]):
    """The purchase was paid: its tickets count for the show, and it is open no more."""

    TOPIC = "allowance.claim-sold"

    key: str

    def apply(self, allowance: "Allowance") -> None:
        """Keep the tickets."""
        allowance.claims[self.key].is_open = False


class ClaimEnded(DomainEvent["Allowance"]):
    """The purchase ended without a sale."""

    TOPIC = "allowance.claim-ended"

    key: str

    def apply(self, allowance: "Allowance") -> None:
        """Count them no more."""
        del allowance.claims[self.key]


class Allowance(Aggregate):
    """All purchases of one named buyer that hold tickets or are sold."""

    TOPIC = "allowance"
    STREAM_CATEGORY = "allowance"

    def __init__(self, tenant_id: str) -> None:
        """Start with nothing taken."""
        self.tenant_id = tenant_id
        self.claims: dict[str, Claim] = {}

    def claim(self, key: str, show_id: str, quantity: int, tickets_max: int, open_max: int, at: datetime) -> None:
        """Take tickets within both limits (0 is none); the same key again changes nothing."""
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
        """Close a claim that was paid; again changes nothing."""
        claim = self.claims.get(key)
        if claim is not None and claim.is_open:
            self.record(ClaimSold, at, key=key)

    def end(self, key: str, at: datetime) -> None:
        """Give a claim back; nothing to give back is success."""
        if key in self.claims:
            self.record(ClaimEnded, at, key=key)
