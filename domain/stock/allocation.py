"""Allocation: the stock of one ticket type of one show, with all its holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NotRequired, Self, TypedDict, cast

from eventsourcing.domain import CanMutateAggregate

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import HoldExpired, HoldReleased, NotOurHold, SeatsUnavailable, UnknownSubject, WrongState
from domain.stock.shares import ANYBODY, Holder, SeatShares

HoldState = Literal["held", "confirmed"]
TOMBSTONE = timedelta(hours=1)  # lifetime of a tombstone after its hold's deadline
UNARRIVED = timedelta(days=1)  # lifetime of a tombstone whose hold has not arrived: its deadline is unknown
SWEEP = timedelta(minutes=10)


class PlacedHold(TypedDict):
    """A hold as stored in an event."""

    key: str
    quantity: int
    until: datetime
    maker: str
    client: NotRequired[str]
    unnamed: NotRequired[bool]


@dataclass(slots=True)
class Hold:
    """A claim on stock; `maker` is the channel that placed it, `returned` are the refunds that freed seats of it."""

    quantity: int
    until: datetime
    maker: str
    client_id: str = ""
    is_named: bool = True
    state: HoldState = "held"
    returned: tuple[str, ...] = ()


class AllocationOpened(CreatedEvent["Allocation"]):
    """The stock of a ticket type was created."""

    TOPIC = "allocation.opened"

    tenant_id: str
    show_id: str
    ticket_type_id: str
    capacity: int


class AllocationResized(DomainEvent["Allocation"]):
    """The capacity of the ticket type changed."""

    TOPIC = "allocation.resized"

    capacity: int

    apply = sets("capacity")


class HoldsPlaced(DomainEvent["Allocation"]):
    """Holds were placed, all in one transaction: each with a key, a quantity, a deadline and a maker."""

    TOPIC = "allocation.holds-placed"

    holds: list[PlacedHold]

    def apply(self, allocation: "Allocation") -> None:
        """Add the holds; the allocation that placed them has them already."""
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
        allocation.count_held(hold, -hold.quantity)
        allocation.sold += hold.quantity


class HoldUnconfirmed(DomainEvent["Allocation"]):
    """A reservation became a hold again, because the payment failed."""

    TOPIC = "allocation.hold-unconfirmed"

    key: str

    def apply(self, allocation: "Allocation") -> None:
        """Move its seats from sold to held."""
        hold = allocation.holds[self.key]
        hold.state = "held"
        allocation.sold -= hold.quantity
        allocation.count_held(hold, hold.quantity)


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
            allocation.count_held(hold, -hold.quantity)
            allocation.tombstones[self.key] = max(hold.until, self.timestamp) + TOMBSTONE
        allocation.sweep(self.timestamp)


class Allocation(Aggregate):
    """The unit of contention: capacity = available + held + sold at every moment.

    All holds placed at the same time, by any number of decisions, become one event.
    """

    TOPIC = "allocation"
    STREAM_CATEGORY = "allocation"
    CONTENDED = True
    SNAPSHOT_VERSION = 3

    tenant_id: str
    show_id: str
    ticket_type_id: str
    capacity: int
    held: int = 0
    sold: int = 0
    shares: SeatShares = field(default_factory=SeatShares)
    holds: dict[str, Hold] = field(default_factory=dict)
    tombstones: dict[str, datetime] = field(default_factory=dict)
    _sweep_at: datetime | None = None
    _unsealed: list[PlacedHold] = field(default_factory=list)
    _unsealed_at: datetime | None = None

    @property
    def available(self) -> int:
        """Seats that can still be held."""
        return self.capacity - self.held - self.sold

    def check_capacity(self, capacity: int) -> None:
        """Raise WrongState for a capacity below the held and sold seats."""
        if capacity < self.held + self.sold:
            raise WrongState(
                f"capacity {capacity} is below the {self.held} held and {self.sold} sold seats",
                ticket_type_id=self.ticket_type_id,
                held=self.held,
                sold=self.sold,
                asked=capacity,
            )

    def resize(self, capacity: int, at: datetime) -> None:
        """Change the capacity; the same again changes nothing."""
        self.check_capacity(capacity)
        if capacity != self.capacity:
            self.record(AllocationResized, at, capacity=capacity)

    def check(self, key: str, quantity: int, until: datetime, at: datetime, holder: Holder = ANYBODY) -> None:
        """Raise a refusal for a hold that cannot be placed now; the key of a live hold passes."""
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
        self.shares.check(holder, quantity, self.capacity)

    def place(
        self, key: str, quantity: int, until: datetime, maker: str, at: datetime, holder: Holder = ANYBODY
    ) -> None:
        """Hold seats under a key; idempotent."""
        self.check(key, quantity, until, at, holder)
        if key in self.holds:
            return
        if at != self._unsealed_at:
            self._seal()
            self._unsealed_at = at
        hold = PlacedHold(key=key, quantity=quantity, until=until, maker=maker)
        if holder.client_id:
            hold["client"] = holder.client_id
        if not holder.is_named:
            hold["unnamed"] = True
        self._unsealed.append(hold)
        self.take(hold)

    def confirm(self, key: str, at: datetime) -> None:
        """Make the hold a reservation. Only an event ends a hold, never the clock: a late confirmation succeeds."""
        if self.hold_of(key).state == "held":
            self.record(HoldConfirmed, at, key=key)

    def unconfirm(self, key: str, at: datetime) -> None:
        """Undo a confirmation; nothing to undo is success."""
        hold = self.holds.get(key)
        if hold is not None and hold.state == "confirmed":
            self.record(HoldUnconfirmed, at, key=key)

    def give_back(self, key: str, quantity: int, refund_id: str, at: datetime) -> None:
        """Put seats of a reservation back on sale, once per refund."""
        hold = self.hold_of(key)
        if refund_id in hold.returned:
            return
        if hold.state != "confirmed" or quantity > hold.quantity:
            raise WrongState("only confirmed seats can go back on sale", key=key, quantity=quantity)
        self.record(SeatsRestocked, at, key=key, quantity=quantity, refund_id=refund_id)

    def release(self, key: str, reason: str, at: datetime) -> None:
        """End a hold and leave a tombstone, also for a hold that has not arrived yet."""
        hold = self.holds.get(key)
        if hold is not None and hold.state == "confirmed":
            raise WrongState("the hold is confirmed and cannot be released", key=key)
        if key not in self.tombstones:
            self.record(HoldEnded, at, key=key, reason=reason)

    def hold_of(self, key: str, maker: str | None = None) -> Hold:
        """Return a hold; raise a refusal if it has ended, is unknown or was placed by another maker."""
        hold = self.holds.get(key)
        if hold is None:
            if key in self.tombstones:
                raise HoldReleased("the hold was released or has expired", key=key)
            raise UnknownSubject(f"hold {key} does not exist", key=key)
        if maker is not None and hold.maker != maker:
            raise NotOurHold("the hold was not made through this API", key=key)
        return hold

    def take(self, hold: PlacedHold) -> None:
        """Add a placed hold, once."""
        if hold["key"] not in self.holds:
            client_id, is_named = _holder_of(hold)[:2]
            taken = Hold(hold["quantity"], hold["until"], hold["maker"], client_id, is_named)
            self.holds[hold["key"]] = taken
            self.count_held(taken, taken.quantity)

    def count_held(self, hold: Hold, quantity: int) -> None:
        """Count the seats of a hold as held, or with a negative quantity no more."""
        self.held += quantity
        self.shares.add(quantity, hold.client_id, is_named=hold.is_named)

    def sweep(self, at: datetime) -> None:
        """Delete tombstones past their lifetime; the time is an event's, so all copies agree."""
        if self._sweep_at is not None and at < self._sweep_at:
            return
        self.tombstones = {key: end for key, end in self.tombstones.items() if end > at}
        self._sweep_at = at + SWEEP

    @property
    def pending_events(self) -> list[CanMutateAggregate[str]]:
        """The events to be saved; unsealed holds become one of them."""
        self._seal()
        return self._pending_events

    def record(self, event: type[DomainEvent[Self]], at: datetime, **values: Any) -> None:
        """Record an event after the holds that were placed before it."""
        self._seal()
        super().record(event, at, **values)

    def collect_events(self) -> Sequence[CanMutateAggregate[str]]:
        """Take the events to be saved."""
        self._seal()
        return super().collect_events()

    def savepoint(self) -> tuple[int, ...]:
        """Return the present position: numbers of events and unsealed holds."""
        return len(self._pending_events), len(self._unsealed)

    def rollback_to(self, savepoint: tuple[int, ...]) -> bool:
        """Remove holds placed since the savepoint; False if an event was recorded, which takes a reload."""
        if len(self._pending_events) != savepoint[0] or len(self._unsealed) < savepoint[1]:
            return False
        while len(self._unsealed) > savepoint[1]:
            hold = self.holds.pop(self._unsealed.pop()["key"])
            self.count_held(hold, -hold.quantity)
        return True

    def replay_after_rollback(self, events_until: list[DomainEvent], failed: Self, savepoint: tuple[int, ...]) -> None:
        """Take over the accepted events, and the accepted holds that the failed decision sealed in an event."""
        super().replay_after_rollback(events_until, failed, savepoint)
        if savepoint[1]:
            sealed = cast(HoldsPlaced, failed.pending_events[savepoint[0]])
            for hold in sealed.holds[: savepoint[1]]:
                self.place(
                    hold["key"], hold["quantity"], hold["until"], hold["maker"], sealed.timestamp, _holder_of(hold)
                )

    @property
    def snapshot_cost(self) -> int:
        """Cost of a snapshot, in events; a new one is taken only after that many new events."""
        return (len(self.holds) + len(self.tombstones)) // 4

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain JSON; holds in the order of their placing."""
        return {
            **super().snapshot(),
            "names": [self.tenant_id, self.show_id, self.ticket_type_id, self.capacity],
            "holds": [[key, *_row_of(hold)] for key, hold in self.holds.items()],
            "tombstones": {key: end.isoformat() for key, end in self.tombstones.items()},
            "sweep_at": self._sweep_at.isoformat() if self._sweep_at else None,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Set the state from a snapshot."""
        self.__init__(*snapshot["names"])  # type: ignore[misc]
        read = datetime.fromisoformat
        for key, quantity, until, maker, client_id, is_named, state, returned in snapshot["holds"]:
            hold = Hold(quantity, read(until), maker, client_id, is_named, state, tuple(returned))
            self.holds[key] = hold
            if state == "held":
                self.count_held(hold, quantity)
        self.sold = sum(hold.quantity for hold in self.holds.values() if hold.state == "confirmed")
        self.tombstones = {key: read(end) for key, end in snapshot["tombstones"].items()}
        self._sweep_at = read(snapshot["sweep_at"]) if snapshot["sweep_at"] else None

    def _seal(self) -> None:
        """Record the unsealed holds as one event."""
        holds, at = self._unsealed, self._unsealed_at
        self._unsealed, self._unsealed_at = [], None
        if holds and at is not None:
            super().record(HoldsPlaced, at, holds=holds)


def _holder_of(hold: PlacedHold) -> Holder:
    """Return the holder of a stored hold."""
    return Holder(hold.get("client", ""), not hold.get("unnamed", False))


def _row_of(hold: Hold) -> list[Any]:
    """Return a hold as plain JSON, in the order of its fields."""
    return [
        hold.quantity, hold.until.isoformat(), hold.maker, hold.client_id, hold.is_named, hold.state,
        list(hold.returned),
    ]  # fmt: skip


class SeatsRestocked(DomainEvent["Allocation"]):
    """A refund put seats of a reservation back on sale."""

    TOPIC = "allocation.seats-restocked"

    key: str
    quantity: int
    refund_id: str

    def apply(self, allocation: "Allocation") -> None:
        """Take the seats out of the reservation, which remembers the refund."""
        hold = allocation.holds[self.key]
        hold.quantity -= self.quantity
        hold.returned = (*hold.returned, self.refund_id)
        allocation.sold -= self.quantity
