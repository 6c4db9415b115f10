"""Allocation: the stock of one ticket type of one show, and every hold on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self, TypedDict, cast

from eventsourcing.domain import CanMutateAggregate

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.errors import HoldExpired, HoldReleased, NotOurHold, SeatsUnavailable, UnknownSubject, WrongState

HoldState = Literal["held", "confirmed"]
TOMBSTONE = timedelta(hours=1)  # how long a tombstone outlives its hold's deadline
UNARRIVED = timedelta(days=1)  # and one whose hold has not arrived: nobody knows that hold's deadline
SWEEP = timedelta(minutes=10)


class PlacedHold(TypedDict):
    """A hold as an event has it."""

    key: str
    quantity: int
    until: datetime
    maker: str


@dataclass(slots=True)
class Hold:
    """A claim on stock. `maker` says which door made it; `returned` names the refunds that gave seats of it back."""

    quantity: int
    until: datetime
    maker: str
    state: HoldState = "held"
    returned: tuple[str, ...] = ()


class AllocationOpened(CreatedEvent["Allocation"]):
    """The stock of a ticket type exists."""

    TOPIC = "allocation.opened"

    tenant_id: str
    show_id: str
    ticket_type_id: str
    capacity: int


class AllocationResized(DomainEvent["Allocation"]):
    """There are more tickets of this type, or fewer."""

    TOPIC = "allocation.resized"

    capacity: int

    def apply(self, allocation: "Allocation") -> None:
        """Take the new capacity."""
        allocation.capacity = self.capacity


class HoldsPlaced(DomainEvent["Allocation"]):
    """Holds were placed, all of one transaction: each a key, a quantity, a deadline and a maker."""

    TOPIC = "allocation.holds-placed"

    holds: list[PlacedHold]

    def apply(self, allocation: "Allocation") -> None:
        """Add the holds; the allocation that decided has them already."""
        for hold in self.holds:
            allocation.take(hold)
        allocation.sweep(self.timestamp)


class HoldConfirmed(DomainEvent["Allocation"]):
    """A hold became a reservation."""

    TOPIC = "allocation.hold-confirmed"

    key: str

    def apply(self, allocation: "Allocation") -> None:
        """Move its seats from held to sold."""
        hold = allocation.holds[self.key]
        hold.state = "confirmed"
        allocation.held -= hold.quantity
        allocation.sold += hold.quantity


class HoldUnconfirmed(DomainEvent["Allocation"]):
    """A reservation became a hold again, because the money did not come."""

    TOPIC = "allocation.hold-unconfirmed"

    key: str

    def apply(self, allocation: "Allocation") -> None:
        """Move its seats from sold to held."""
        hold = allocation.holds[self.key]
        hold.state = "held"
        allocation.sold -= hold.quantity
        allocation.held += hold.quantity


class HoldEnded(DomainEvent["Allocation"]):
    """A hold was released, or a tombstone was set for one that has not arrived."""

    TOPIC = "allocation.hold-ended"

    key: str
    reason: str

    def apply(self, allocation: "Allocation") -> None:
        """Free its seats and leave the tombstone."""
        hold = allocation.holds.pop(self.key, None)
        if hold is None:
            allocation.tombstones[self.key] = self.timestamp + UNARRIVED
        else:
            allocation.held -= hold.quantity
            allocation.tombstones[self.key] = max(hold.until, self.timestamp) + TOMBSTONE
        allocation.sweep(self.timestamp)


class Allocation(Aggregate):
    """The unit of contention: capacity = available + held + sold at every moment.

    Holds that are placed at the same time, by however many decisions, become one event.
    """

    TOPIC = "allocation"
    STREAM_CATEGORY = "allocation"
    CONTENDED = True
    SNAPSHOT_VERSION = 2

    def __init__(self, tenant_id: str, show_id: str, ticket_type_id: str, capacity: int) -> None:
        """Start with everything available."""
        self.tenant_id = tenant_id
        self.show_id = show_id
        self.ticket_type_id = ticket_type_id
        self.capacity = capacity
        self.held = 0
        self.sold = 0
        self.holds: dict[str, Hold] = {}
        self.tombstones: dict[str, datetime] = {}
        self._sweep_at: datetime | None = None
        self._gathered: list[PlacedHold] = []
        self._gathered_at: datetime | None = None

    @property
    def available(self) -> int:
        """Seats that can still be held."""
        return self.capacity - self.held - self.sold

    def check_capacity(self, capacity: int) -> None:
        """Refuse a capacity below what is held and sold."""
        if capacity < self.held + self.sold:
            figures = {"held": self.held, "sold": self.sold, "asked": capacity}
            told = f"capacity {capacity} is below the {self.held} held and {self.sold} sold seats"
            raise WrongState(told, ticket_type_id=self.ticket_type_id, **figures)

    def resize(self, capacity: int, at: datetime) -> None:
        """Have so many tickets from here; the same again changes nothing."""
        self.check_capacity(capacity)
        if capacity != self.capacity:
            self.record(AllocationResized, at, capacity=capacity)

    def check(self, key: str, quantity: int, until: datetime, at: datetime) -> None:
        """Refuse a hold that cannot be placed now; the same live key again is no refusal."""
        if key in self.holds:
            return
        if key in self.tombstones:
            raise HoldReleased("the hold was released or has expired", key=key)
        if until <= at:
            raise HoldExpired("the deadline of the hold has passed", key=key)
        if quantity < 1:
            raise WrongState(f"a hold of {quantity} seats is not possible; request at least one", quantity=quantity)
        if quantity > self.available:
            raise SeatsUnavailable(
                f"{quantity} seats requested, {self.available} available",
                ticket_type_id=self.ticket_type_id,
                available=self.available,
                asked=quantity,
            )

    def place(self, key: str, quantity: int, until: datetime, maker: str, at: datetime) -> None:
        """Hold seats under a key; the same key again changes nothing."""
        self.check(key, quantity, until, at)
        if key in self.holds:
            return
        if at != self._gathered_at:
            self._seal()
            self._gathered_at = at
        hold = PlacedHold(key=key, quantity=quantity, until=until, maker=maker)
        self._gathered.append(hold)
        self.take(hold)

    def confirm(self, key: str, at: datetime) -> None:
        """Make the hold a reservation. Only an event ends a hold, never the clock: a late confirm still holds."""
        if self.hold_of(key).state == "held":
            self.record(HoldConfirmed, at, key=key)

    def unconfirm(self, key: str, at: datetime) -> None:
        """Take a confirmation back; nothing to take back is success."""
        hold = self.holds.get(key)
        if hold is not None and hold.state == "confirmed":
            self.record(HoldUnconfirmed, at, key=key)

    def give_back(self, key: str, quantity: int, refund_id: str, at: datetime) -> None:
        """Let seats of a reservation be held again, once per refund."""
        hold = self.hold_of(key)
        if refund_id in hold.returned:
            return
        if hold.state != "confirmed" or quantity > hold.quantity:
            raise WrongState("only confirmed seats can go back on sale", key=key, quantity=quantity)
        self.record(SeatsRestocked, at, key=key, quantity=quantity, refund_id=refund_id)

    def release(self, key: str, reason: str, at: datetime) -> None:
        """End a hold and leave a tombstone, also where the hold has not arrived yet."""
        hold = self.holds.get(key)
        if hold is not None and hold.state == "confirmed":
            raise WrongState("the hold is confirmed and cannot be released", key=key)
        if key not in self.tombstones:
            self.record(HoldEnded, at, key=key, reason=reason)

    def hold_of(self, key: str, maker: str | None = None) -> Hold:
        """Return a hold; refuse one that has ended, that is unknown, or that another door made."""
        hold = self.holds.get(key)
        if hold is None:
            if key in self.tombstones:
                raise HoldReleased("the hold was released or has expired", key=key)
            raise UnknownSubject(f"hold {key} does not exist", key=key)
        if maker is not None and hold.maker != maker:
            raise NotOurHold("the hold was not made through this API", key=key)
        return hold

    def take(self, hold: PlacedHold) -> None:
        """Count a placed hold, once."""
        if hold["key"] not in self.holds:
            self.holds[hold["key"]] = Hold(hold["quantity"], hold["until"], hold["maker"])
            self.held += hold["quantity"]

    def sweep(self, at: datetime) -> None:
        """Forget tombstones that have outlived every late command; the time is an event's, so all copies agree."""
        if self._sweep_at is not None and at < self._sweep_at:
            return
        self.tombstones = {key: end for key, end in self.tombstones.items() if end > at}
        self._sweep_at = at + SWEEP

    @property
    def pending_events(self) -> list[CanMutateAggregate[str]]:
        """The events to be saved; what was gathered becomes one of them."""
        self._seal()
        return self._pending_events

    def record(self, event: type[DomainEvent[Self]], at: datetime, **values: Any) -> None:
        """Append one event to the chain, after the holds that were placed before it."""
        self._seal()
        super().record(event, at, **values)

    def collect_events(self) -> Sequence[CanMutateAggregate[str]]:
        """Take the events to be saved."""
        self._seal()
        return super().collect_events()

    def savepoint(self) -> tuple[int, ...]:
        """Return where it stands: events and gathered holds."""
        return len(self._pending_events), len(self._gathered)

    def rollback_to(self, savepoint: tuple[int, ...]) -> bool:
        """Take back what was gathered since; a recorded event takes a reload."""
        if len(self._pending_events) != savepoint[0] or len(self._gathered) < savepoint[1]:
            return False
        while len(self._gathered) > savepoint[1]:
            hold = self._gathered.pop()
            del self.holds[hold["key"]]
            self.held -= hold["quantity"]
        return True

    def replay_after_rollback(self, events_until: list[DomainEvent], spoilt: Self, savepoint: tuple[int, ...]) -> None:
        """Take over events, and the holds that had been gathered when a failing decision made an event of them."""
        super().replay_after_rollback(events_until, spoilt, savepoint)
        if savepoint[1]:
            sealed = cast(HoldsPlaced, spoilt.pending_events[savepoint[0]])
            for hold in sealed.holds[: savepoint[1]]:
                self.place(hold["key"], hold["quantity"], hold["until"], hold["maker"], sealed.timestamp)

    @property
    def snapshot_cost(self) -> int:
        """How many events a snapshot of it costs about as much as."""
        return (len(self.holds) + len(self.tombstones)) // 4

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain JSON; holds in the order of their placing."""
        return {
            **super().snapshot(),
            "names": [self.tenant_id, self.show_id, self.ticket_type_id, self.capacity],
            "holds": [
                [key, hold.quantity, hold.until.isoformat(), hold.maker, hold.state, list(hold.returned)]
                for key, hold in self.holds.items()
            ],
            "tombstones": {key: end.isoformat() for key, end in self.tombstones.items()},
            "sweep_at": self._sweep_at.isoformat() if self._sweep_at else None,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take the state of a snapshot."""
        self.__init__(*snapshot["names"])  # type: ignore[misc]
        read = datetime.fromisoformat
        for key, quantity, until, maker, state, returned in snapshot["holds"]:
            self.holds[key] = Hold(quantity, read(until), maker, state, tuple(returned))
        self.held = sum(hold.quantity for hold in self.holds.values() if hold.state == "held")
        self.sold = sum(hold.quantity for hold in self.holds.values() if hold.state == "confirmed")
        self.tombstones = {key: read(end) for key, end in snapshot["tombstones"].items()}
        self._sweep_at = read(snapshot["sweep_at"]) if snapshot["sweep_at"] else None

    def _seal(self) -> None:
        """Make one event of the holds that were gathered."""
        holds, at = self._gathered, self._gathered_at
        self._gathered, self._gathered_at = [], None
        if holds and at is not None:
            super().record(HoldsPlaced, at, holds=holds)


class SeatsRestocked(DomainEvent["Allocation"]):
    """Seats of a reservation were given back by a refund: they can be held again."""

    TOPIC = "allocation.seats-restocked"

    key: str
    quantity: int
    refund_id: str

    def apply(self, allocation: "Allocation") -> None:
        """Take them out of the reservation, which stays to know this refund."""
        hold = allocation.holds[self.key]
        hold.quantity -= self.quantity
        hold.returned = (*hold.returned, self.refund_id)
        allocation.sold -= self.quantity
