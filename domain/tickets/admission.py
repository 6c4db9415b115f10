"""Admission: the one decision about whether a ticket lets somebody in, from ticket, show and time, with its reason."""

from datetime import datetime
from typing import Literal, NamedTuple

TicketState = Literal["reserved", "issued", "redeemed", "void"]
AdmissionReason = Literal[
    "admitted",
    "wrong-show",
    "show-cancelled",
    "unpaid",
    "void",
    "stale-generation",
    "blocked",
    "already-checked-in",
    "not-yet",
    "over",
]


class DoorEntry(NamedTuple):
    """The use of a ticket: since when, at which gate ("" if nobody said), and by which check-in ("" without one)."""

    at: datetime
    gate: str = ""
    check_in_id: str = ""


class PresentedCode(NamedTuple):
    """A ticket that is shown, and the generation of the code by which it is; None without a code."""

    ticket_id: str
    generation: int | None = None


class ShowAtDoor(NamedTuple):
    """What the door knows of a show; without a time that side is open."""

    show_id: str
    doors_at: datetime | None = None
    over_at: datetime | None = None
    called_off: bool = False


class TicketAtDoor(NamedTuple):
    """What the door knows of a ticket: its right, its disputes, its use, and the generation of its newest code."""

    show_id: str
    state: TicketState
    blocked: bool = False
    entry: DoorEntry | None = None
    generation: int = 0


class Admission(NamedTuple):
    """The answer at the door; `entry` is the earlier use of a ticket that was used already."""

    reason: AdmissionReason
    entry: DoorEntry | None = None

    @property
    def admitted(self) -> bool:
        """Whether the ticket lets somebody in now."""
        return self.reason == "admitted"

    @property
    def valid(self) -> bool:
        """Whether the ticket lets somebody in now, or will once the doors open."""
        return self.reason in {"admitted", "not-yet"}


def admission(ticket: TicketAtDoor, show: ShowAtDoor, at: datetime, generation: int | None = None) -> Admission:
    """Decide about a ticket at a show's door; `generation` is that of the code shown, None if none was shown.

    The first reason that holds is the answer: what is wrong with the show or the ticket for good comes before what may
    change while somebody waits at the door.
    """
    holds: tuple[tuple[AdmissionReason, bool], ...] = (
        ("wrong-show", ticket.show_id != show.show_id),
        ("show-cancelled", show.called_off),
        ("unpaid", ticket.state == "reserved"),
        ("void", ticket.state == "void"),
        ("stale-generation", generation not in {None, ticket.generation}),
        ("blocked", ticket.blocked),
        ("already-checked-in", ticket.state == "redeemed"),
        ("not-yet", show.doors_at is not None and at < show.doors_at),
        ("over", show.over_at is not None and at >= show.over_at),
    )
    reason: AdmissionReason = next((reason for reason, is_so in holds if is_so), "admitted")
    return Admission(reason, ticket.entry if reason == "already-checked-in" else None)
