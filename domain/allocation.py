"""Allocation: the stock of one ticket type of one show, and every hold on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from domain.fact import Fact, FirstFact, Root
from domain.refusals import HoldExpired, HoldReleased, NotOurHold, SeatsUnavailable, UnknownSubject, WrongState

HoldState = Literal["held", "confirmed", "released"]


@dataclass
class Hold:
    """A claim on stock. `maker` says which door made it: only the same door may end it."""

    quantity: int
    until: datetime
    maker: str
    state: HoldState = "held"


class AllocationOpened(FirstFact):
    """The stock of a ticket type exists."""

    tenant_id: str
    show_id: str
    ticket_type_id: str
    capacity: int


class HoldsPlaced(Fact):
    """Holds were placed: each a key, a quantity, a deadline and a maker."""

    holds: list[dict[str, Any]]

    def apply(self, aggregate: Any) -> None:
        """Add the holds."""
        for hold in self.holds:
            aggregate.holds[hold["key"]] = Hold(hold["quantity"], hold["until"], hold["maker"])
            aggregate.held += hold["quantity"]


class HoldConfirmed(Fact):
    """A hold became a reservation."""

    key: str

    def apply(self, aggregate: Any) -> None:
        """Move its seats from held to sold."""
        hold = aggregate.holds[self.key]
        hold.state = "confirmed"
        aggregate.held -= hold.quantity
        aggregate.sold += hold.quantity


class HoldUnconfirmed(Fact):
    """A reservation became a hold again, because the money did not come."""

    key: str

    def apply(self, aggregate: Any) -> None:
        """Move its seats from sold to held."""
        hold = aggregate.holds[self.key]
        hold.state = "held"
        aggregate.sold -= hold.quantity
        aggregate.held += hold.quantity


class HoldEnded(Fact):
    """A hold was released, or a tombstone was set for one that has not arrived (quantity 0)."""

    key: str
    reason: str

    def apply(self, aggregate: Any) -> None:
        """Free its seats and leave the tombstone."""
        hold = aggregate.holds.get(self.key)
        if hold is None:
            aggregate.holds[self.key] = Hold(0, self.timestamp, "", "released")
            return
        hold.state = "released"
        aggregate.held -= hold.quantity


class Allocation(Root):
    """The unit of contention: capacity = available + held + sold at every moment."""

    KIND = "allocation"

    def __init__(self, tenant_id: str, show_id: str, ticket_type_id: str, capacity: int) -> None:
        """Start with everything available."""
        self.tenant_id = tenant_id
        self.show_id = show_id
        self.ticket_type_id = ticket_type_id
        self.capacity = capacity
        self.held = 0
        self.sold = 0
        self.holds: dict[str, Hold] = {}

    @property
    def available(self) -> int:
        """Seats that can still be held."""
        return self.capacity - self.held - self.sold

    def check(self, key: str, quantity: int, until: datetime, at: datetime) -> None:
        """Refuse a hold that cannot be placed now; the same live key again is no refusal."""
        hold = self.holds.get(key)
        if hold is not None:
            if hold.state == "released":
                raise HoldReleased("this hold has ended", key=key)
            return
        if until <= at:
            raise HoldExpired("the hold's deadline has passed before it was placed", key=key)
        if quantity < 1:
            raise WrongState("a hold is for one seat at least", quantity=quantity)
        if quantity > self.available:
            raise SeatsUnavailable(
                f"{self.available} left, {quantity} asked",
                ticket_type_id=self.ticket_type_id,
                available=self.available,
                asked=quantity,
            )

    def place(self, key: str, quantity: int, until: datetime, maker: str, at: datetime) -> None:
        """Hold seats under a key; the same key again changes nothing."""
        self.check(key, quantity, until, at)
        if key not in self.holds:
            hold = {"key": key, "quantity": quantity, "until": until, "maker": maker}
            self.record(HoldsPlaced, at, holds=[hold])

    def confirm(self, key: str, at: datetime) -> None:
        """Make the hold a reservation. Only a fact ends a hold, never the clock: a late confirm still holds."""
        hold = self.hold_of(key)
        if hold.state == "released":
            raise HoldReleased("this hold has ended", key=key)
        if hold.state == "held":
            self.record(HoldConfirmed, at, key=key)

    def unconfirm(self, key: str, at: datetime) -> None:
        """Take a confirmation back; nothing to take back is success."""
        hold = self.holds.get(key)
        if hold is not None and hold.state == "confirmed":
            self.record(HoldUnconfirmed, at, key=key)

    def release(self, key: str, reason: str, at: datetime) -> None:
        """End a hold and leave a tombstone, also where the hold has not arrived yet."""
        hold = self.holds.get(key)
        if hold is not None and hold.state == "confirmed":
            raise WrongState("a reservation is not released", key=key)
        if hold is None or hold.state == "held":
            self.record(HoldEnded, at, key=key, reason=reason)

    def hold_of(self, key: str, maker: str | None = None) -> Hold:
        """Return a hold; refuse one that is unknown, or that another door made."""
        hold = self.holds.get(key)
        if hold is None:
            raise UnknownSubject("there is no such hold", key=key)
        if maker is not None and hold.maker != maker:
            raise NotOurHold("this hold was made by another door", key=key)
        return hold
