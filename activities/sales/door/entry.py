"""Command handlers of the door: ask whether a ticket lets somebody in, and use it for entry."""

from collections.abc import Sequence

from activities.core.ports import EventStore
from domain.catalog.show import Show
from domain.core.errors import AlreadyEntered, NotAdmitted, Refusal, WrongState
from domain.core.timestamp import iso
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.admission import Admission, AdmissionReason, DoorEntry
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

    async def look(self, ticket_ids: Sequence[str]) -> list[Admission]:
        """Return what the door of its own show would answer to each ticket now, without using it."""

        def ask(uow: UnitOfWork) -> list[Admission]:
            tickets = [uow.get(Ticket, ticket_id) for ticket_id in ticket_ids]
            return [ticket.admits(uow.get(Show, ticket.show_id).at_door, uow.at) for ticket in tickets]

        return await self._store.read(ask, map(Ticket.stream, ticket_ids))

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
