"""Reservation: what the internal ticket API holds for an outside order, over one or more allocations."""

from datetime import datetime
from typing import Any, Literal

from domain.catalog.line import Line
from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent

ReservationState = Literal["held", "confirmed", "released"]


class ReservationMade(CreatedEvent["Reservation"]):
    """An outside order holds seats."""

    TOPIC = "reservation.made"

    tenant_id: str
    show_id: str
    lines: list[dict[str, Any]]
    until: datetime
    ticket_ids: list[str]
    body_digest: str = ""


class ReservationConfirmed(DomainEvent["Reservation"]):
    """The outside order was paid: its holds are reservations."""

    TOPIC = "reservation.confirmed"

    def apply(self, reservation: "Reservation") -> None:
        """It stands."""
        reservation.state = "confirmed"


class ReservationEnded(DomainEvent["Reservation"]):
    """The outside order let its holds go, or they expired."""

    TOPIC = "reservation.ended"

    reason: str

    def apply(self, reservation: "Reservation") -> None:
        """It is over."""
        reservation.state = "released"


class Reservation(Aggregate):
    """The internal ticket API's own holds; it acts on no other."""

    TOPIC = "reservation"
    STREAM_CATEGORY = "reservation"

    def __init__(
        self,
        tenant_id: str,
        show_id: str,
        lines: list[dict[str, Any]],
        until: datetime,
        ticket_ids: list[str],
        body_digest: str = "",
    ) -> None:
        """Start held."""
        self.body_digest = body_digest
        self.tenant_id = tenant_id
        self.show_id = show_id
        self.lines = tuple(Line.model_validate(line) for line in lines)
        self.until = until
        self.ticket_ids = tuple(ticket_ids)
        self.state: ReservationState = "held"
