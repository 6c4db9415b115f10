"""Reservation: the holds of the internal ticket API for one external order, on one or more allocations."""

from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from domain.catalog.line import Line
from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets

ReservationState = Literal["held", "confirmed", "released"]
GIVEN_BACK = "given-back"  # the reason of the end of a reservation that was confirmed


class ReservationMade(CreatedEvent["Reservation"]):
    """An external order holds seats."""

    TOPIC = "reservation.made"

    tenant_id: str
    show_id: str
    lines: list[dict[str, Any]]
    until: datetime
    ticket_ids: list[str]
    body_digest: str = ""

    def apply(self, reservation: "Reservation") -> None:
        """Set the lines and the tickets."""
        reservation.lines = tuple(Line.model_validate(line) for line in self.lines)
        reservation.ticket_ids = tuple(self.ticket_ids)


class ReservationConfirmed(DomainEvent["Reservation"]):
    """The external order was paid: its holds are reservations."""

    TOPIC = "reservation.confirmed"
    apply = sets(state="confirmed")


class ReservationEnded(DomainEvent["Reservation"]):
    """The external order released its holds, or they expired."""

    TOPIC = "reservation.ended"

    reason: str

    def apply(self, reservation: "Reservation") -> None:
        """Mark the reservation as released, or given back after it was confirmed."""
        reservation.state = "released"
        reservation.given_back = self.reason == GIVEN_BACK


class Reservation(Aggregate):
    """A reservation of the internal ticket API, which acts on no other holds."""

    TOPIC = "reservation"
    STREAM_CATEGORY = "reservation"

    tenant_id: str
    show_id: str
    lines: tuple[Line, ...] = field(init=False)
    until: datetime
    ticket_ids: tuple[str, ...] = field(init=False)
    body_digest: str
    state: ReservationState = "held"
    given_back: bool = False
