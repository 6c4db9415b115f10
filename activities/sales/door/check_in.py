"""The decisions about check-ins: scan a ticket at a gate, take scans of gates that were offline, undo one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from activities.core.commands import Command
from domain.catalog.show import Show
from domain.core.errors import KeyReused, UnknownSubject
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.admission import Admission, AdmissionReason, DoorEntry
from domain.tickets.check_in import CheckIn, TicketScanned
from domain.tickets.ticket import Ticket

UploadFault = Literal["not-found", "idempotency-key-reused"]


class Scan(Command):
    """A scan at a gate of a show; `check_in_id` comes from its nonce.

    `generation` is that of the code shown, None for a ticket that was looked up by hand. `entered_at` is set by a gate
    that was offline and let the person in by itself.
    """

    check_in_id: str
    show_id: str
    gate: str
    ticket_id: str
    generation: int | None = None
    entered_at: datetime | None = None


class CheckInView(Command):
    """A scan and its answer; `first_at` and `first_gate` are the earlier use of a ticket that was used already.

    `position` is the event store's last event at that moment.
    """

    check_in_id: str
    show_id: str
    gate: str
    ticket_id: str
    ticket_type_id: str
    reason: AdmissionReason
    scanned_at: datetime
    undone: bool = False
    first_at: datetime | None = None
    first_gate: str = ""
    position: int = 0


def upload(uow: UnitOfWork, scans: Sequence[Scan]) -> list[CheckInView | UploadFault]:
    """Take the scans of a gate that was offline, in the order of their times.

    Return the view of each, in the order given; of a scan that cannot be taken the fault.
    """
    uow.get(Show, scans[0].show_id)
    found: dict[int, CheckInView | UploadFault] = {}
    for number, scan in sorted(enumerate(scans), key=lambda one: (one[1].entered_at or uow.at, one[0])):
        try:
            found[number] = check_in(uow, scan)
        except UnknownSubject:
            found[number] = "not-found"
        except KeyReused:
            found[number] = "idempotency-key-reused"
    return [found[number] for number in range(len(scans))]


def reads_of(scans: Sequence[Scan]) -> tuple[str, ...]:
    """Return the streams that scans read."""
    named = dict.fromkeys(
        stream for scan in scans for stream in (Show.stream(scan.show_id), Ticket.stream(scan.ticket_id))
    )
    return (*named, *(CheckIn.stream(scan.check_in_id) for scan in scans))


def check_in(uow: UnitOfWork, scan: Scan) -> CheckInView:
    """Answer a scan, and use the ticket if it is admitted; a known scan gets its first answer again."""
    known = uow.find(CheckIn, scan.check_in_id)
    if known is not None:
        known.check_same(scan.ticket_id)
        return _view(known)
    show, ticket = uow.get(Show, scan.show_id), uow.get(Ticket, scan.ticket_id)
    at = uow.at if scan.entered_at is None else min(scan.entered_at, uow.at)
    answer: Admission = ticket.enter(show.at_door, DoorEntry(at, scan.gate, scan.check_in_id), uow.at, scan.generation)
    first = answer.entry
    made = CheckIn.begin(
        TicketScanned,
        scan.check_in_id,
        uow.at,
        tenant_id=show.tenant_id,
        show_id=scan.show_id,
        gate=scan.gate,
        ticket_id=scan.ticket_id,
        ticket_type_id=ticket.ticket_type_id,
        reason=answer.reason,
        scanned_at=at,
        is_late=scan.entered_at is not None,
        first_at=first.at if first else None,
        first_gate=first.gate if first else "",
    )
    return _view(uow.add(made))


def undo(uow: UnitOfWork, check_in_id: str) -> CheckInView:
    """Undo a check-in, so that its ticket gives entry again; a repeat changes nothing."""
    known = uow.get(CheckIn, check_in_id)
    if known.undo(uow.at):
        uow.get(Ticket, known.ticket_id).undo_entry(check_in_id, uow.at)
    return _view(known)


def _view(check_in: CheckIn) -> CheckInView:
    own = {name: value for name, value in vars(check_in).items() if name in CheckInView.model_fields}
    return CheckInView(check_in_id=check_in.identity, **own)
