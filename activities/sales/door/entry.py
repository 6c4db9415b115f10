"""Command handlers of the door: ask whether a ticket lets somebody in, and use it for entry."""

from collections.abc import Sequence

from activities.core.ports import EventStore
from activities.sales.door.check_in import CheckInView, Scan, UploadFault, check_in, reads_of, undo, upload
from domain.catalog.show import Show
from domain.core.errors import AlreadyEntered, NotAdmitted, Refusal, WrongState
from domain.core.timestamp import iso
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.admission import Admission, AdmissionReason, DoorEntry, PresentedCode
from domain.tickets.ticket import Ticket

WHY: dict[AdmissionReason, str] = {
    "admitted": "the ticket gives entry",
    "wrong-show": "the ticket is for another show",
    "show-cancelled": "the show is cancelled",
    "unpaid": "the ticket is reserved and not paid",
    "void": "the ticket is void: it was cancelled, or its money was given back",
    "stale-generation": "a newer code was issued for this ticket; only the newest one gives entry",
    "blocked": "the payment of the ticket is disputed",
    "already-checked-in": "the ticket was already used for entry",
    "not-yet": "the doors are not open yet",
    "over": "the show is over",
}


class DoorCommands:
    """Command handlers of the door, called by the API in its own process."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def look(self, shown: Sequence[PresentedCode]) -> list[Admission]:
        """Return what the door of its own show would answer to each ticket now, without using it."""

        def ask(uow: UnitOfWork) -> list[Admission]:
            tickets = [(uow.get(Ticket, one.ticket_id), one.generation) for one in shown]
            return [
                ticket.admits(uow.get(Show, ticket.show_id).at_door, uow.at, generation)
                for ticket, generation in tickets
            ]

        return await self._store.read(ask, [Ticket.stream(one.ticket_id) for one in shown])

    async def redeem(self, ticket_id: str, show_id: str = "", gate: str = "") -> int:
        """Use a ticket for entry to a show ("": its own), once; return the event store's position.

        Raise AlreadyEntered, WrongState (unpaid or void) or NotAdmitted.
        """

        def decide(uow: UnitOfWork) -> None:
            ticket = uow.get(Ticket, ticket_id)
            show = uow.get(Show, show_id or ticket.show_id)
            answer = ticket.enter(show.at_door, DoorEntry(uow.at, gate), uow.at)
            if not answer.admitted:
                raise refusal_of(answer, ticket_id)

        return (await self._store.commit(decide, (Ticket.stream(ticket_id),))).position

    async def scan(self, scan: Scan) -> CheckInView:
        """Check a ticket in, or answer why not; the same nonce gets the first answer again, and changes nothing."""
        return (await self._store.commit(lambda uow: check_in(uow, scan), reads_of([scan]))).value

    async def upload(self, scans: Sequence[Scan]) -> list[CheckInView | UploadFault]:
        """Take scans by which a gate let people in while it was offline; return what became of each.

        A scan that would not be admitted is a conflict: it is kept with its reason, and changes no ticket. Of a scan
        that cannot be taken the fault is returned.
        """
        return (await self._store.commit(lambda uow: upload(uow, scans), reads_of(scans))).value if scans else []

    async def undo(self, check_in_id: str) -> CheckInView:
        """Undo a check-in; idempotent. Raise WrongState if it let nobody in, or its ticket is void by now."""
        return (await self._store.commit(lambda uow: undo(uow, check_in_id))).value

    async def generation(self, ticket_id: str) -> int:
        """Return the generation of a ticket's newest code; raise WrongState for a ticket that is not paid."""

        def look(uow: UnitOfWork) -> int:
            ticket = uow.get(Ticket, ticket_id)
            ticket.check_code()
            return ticket.generation

        return await self._store.read(look, (Ticket.stream(ticket_id),))

    async def issue_code_anew(self, ticket_id: str, generation: int) -> int:
        """End the code of a generation and begin the next one, which is returned; a repeat changes nothing.

        Raise WrongState for another generation than the newest, or a ticket that is not paid.
        """

        def decide(uow: UnitOfWork) -> int:
            return uow.get(Ticket, ticket_id).issue_code_anew(generation, uow.at)

        return (await self._store.commit(decide, (Ticket.stream(ticket_id),))).value


def refusal_of(answer: Admission, ticket_id: str) -> Refusal:
    """Return the refusal that an answer at the door is."""
    values: dict[str, str | None] = {"ticket_id": ticket_id, "reason": answer.reason}
    if answer.entry is not None:
        values |= {"entered_at": iso(answer.entry.at), "gate": answer.entry.gate}
    kinds: dict[AdmissionReason, type[Refusal]] = {
        "already-checked-in": AlreadyEntered,
        "unpaid": WrongState,
        "void": WrongState,
    }
    return kinds.get(answer.reason, NotAdmitted)(WHY[answer.reason], **values)
