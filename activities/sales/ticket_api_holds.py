"""The internal ticket API's holds, on the same stock and tickets as the purchases."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from activities.core.commands import Command, HoldRef
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, activity_on
from activities.sales.order import hold_seats
from domain.catalog.line import Line
from domain.catalog.show import Show
from domain.core.errors import HoldReleased, KeyReused, NotOurHold, WrongState
from domain.core.ids import public_name_of, ticket_id_of
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation
from domain.stock.reservation import (
    GIVEN_BACK,
    Reservation,
    ReservationConfirmed,
    ReservationEnded,
    ReservationMade,
    ReservationState,
)
from domain.tickets.ticket import Ticket, TicketReserved

MAKER = "internal"


class MakeReservation(Command):
    """Seats to hold for an outside order; its id comes from its idempotency key, its tickets' ids from `nonce`."""

    tenant_id: str
    reservation_id: str
    show_id: str
    lines: Sequence[Line]
    hold_seconds: int
    body_digest: str = ""
    nonce: str = ""


class ReservationView(Command):
    """A reservation, its state and its tickets; `until` is the end of the hold."""

    reservation_id: str
    state: ReservationState
    until: datetime
    ticket_ids: tuple[str, ...]


class HoldCommands:
    """Makes, confirms and releases the holds of the internal ticket API; refuses all other holds."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def reserve(self, command: MakeReservation) -> ReservationView:
        """Hold seats of all types, all or none, and create their tickets. Idempotent for the same key and body."""
        return (await self._store.commit(lambda uow: _make(uow, command))).value

    async def confirm(self, reservation_id: str) -> ReservationView:
        """Confirm the holds and issue the tickets. Idempotent."""
        return (await self._store.commit(lambda uow: _confirm(uow, reservation_id))).value

    async def release(self, reservation_id: str, reason: str = "released") -> ReservationView:
        """End the holds and void the tickets. Idempotent."""
        return (await self._store.commit(lambda uow: release(uow, reservation_id, reason))).value

    async def give_back(self, reservation_id: str) -> ReservationView:
        """Undo a confirmed reservation: its tickets are void, its seats on sale again. Idempotent."""
        return (await self._store.commit(lambda uow: _give_back(uow, reservation_id))).value

    async def cancel_batch(self, ticket_ids: Sequence[str]) -> None:
        """Cancel unpaid tickets of this API's reservations, each whole reservation; all or none."""

        def decide(uow: UnitOfWork) -> None:
            tickets = [uow.get(Ticket, ticket_id) for ticket_id in ticket_ids]
            for ticket in tickets:
                if uow.find(Reservation, ticket.purchase_id) is None:
                    whose = {"ticket_id": ticket.identity, "purchase_id": ticket.purchase_id}
                    raise NotOurHold("this ticket was sold by a purchase; refund the purchase instead", **whose)
                ticket.check_void()
            for reservation_id in {ticket.purchase_id for ticket in tickets}:
                release(uow, reservation_id, "cancelled")

        await self._store.commit(decide)


class HoldActivities:
    """Ends expired holds."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @activity_on(PURCHASES, name="expire_reservation")
    async def expire_reservation(self, hold: HoldRef) -> str:
        """End the hold if it is still open; return its state."""

        def decide(uow: UnitOfWork) -> str:
            reservation = uow.get(Reservation, hold.reservation_id)
            return (
                release(uow, hold.reservation_id, "expired").state if reservation.state == "held" else reservation.state
            )

        return (await self._store.commit(decide)).value


def _make(uow: UnitOfWork, command: MakeReservation) -> ReservationView:
    known = uow.find(Reservation, command.reservation_id)
    if known is not None:
        if known.body_digest != command.body_digest:
            raise KeyReused("this Idempotency-Key was used with a different body")
        return _view(known)
    show = uow.get(Show, command.show_id)
    show.check_window(uow.at)
    if len({line.ticket_type_id for line in command.lines}) != len(command.lines):
        raise WrongState("a ticket type may appear only once")
    until = uow.at + timedelta(seconds=command.hold_seconds)
    for line in command.lines:
        show.sellable(line.ticket_type_id)
    hold_seats(uow, command.lines, command.reservation_id, until, MAKER)
    types = [line.ticket_type_id for line in command.lines for _ in range(line.quantity)]
    seed = command.nonce or command.reservation_id
    ticket_ids = [ticket_id_of(seed, 1, number) for number, _ in enumerate(types, start=1)]
    for number, (ticket_id, ticket_type_id) in enumerate(zip(ticket_ids, types, strict=True), start=1):
        events = {"tenant_id": command.tenant_id, "purchase_id": command.reservation_id, "show_id": command.show_id}
        name = public_name_of(command.nonce, 1, number)
        uow.add(
            Ticket.begin(TicketReserved, ticket_id, uow.at, ticket_type_id=ticket_type_id, public_name=name, **events)
        )
    made = Reservation.begin(
        ReservationMade,
        command.reservation_id,
        uow.at,
        tenant_id=command.tenant_id,
        show_id=command.show_id,
        lines=[line.model_dump() for line in command.lines],
        until=until,
        ticket_ids=ticket_ids,
        body_digest=command.body_digest,
    )
    return _view(uow.add(made))


def _confirm(uow: UnitOfWork, reservation_id: str) -> ReservationView:
    reservation = _own(uow, reservation_id)
    if reservation.state == "released":
        raise HoldReleased("the hold was released or has expired", reservation_id=reservation_id)
    if reservation.state == "held":
        for line in reservation.lines:
            uow.get(Allocation, line.ticket_type_id).confirm(reservation_id, uow.at)
        for ticket_id in reservation.ticket_ids:
            uow.get(Ticket, ticket_id).issue(uow.at)
        reservation.record(ReservationConfirmed, uow.at)
    return _view(reservation)


def release(uow: UnitOfWork, reservation_id: str, reason: str) -> ReservationView:
    """End a hold of this API and void its tickets. Idempotent; refuse a confirmed one."""
    reservation = _own(uow, reservation_id)
    tickets = [uow.get(Ticket, ticket_id) for ticket_id in reservation.ticket_ids]
    for ticket in tickets:
        ticket.check_void()
    if reservation.state == "held":
        for ticket in tickets:
            ticket.void(uow.at)
        for line in reservation.lines:
            uow.get(Allocation, line.ticket_type_id).release(reservation_id, reason, uow.at)
        reservation.record(ReservationEnded, uow.at, reason=reason)
    return _view(reservation)


def _give_back(uow: UnitOfWork, reservation_id: str) -> ReservationView:
    """Void the tickets of a confirmed reservation and free its seats; its money is the outside order's matter.

    Raise AlreadyEntered when one was used for entry, WrongState when one has a token or is not confirmed.
    """
    reservation = _own(uow, reservation_id)
    if reservation.given_back:
        return _view(reservation)
    if reservation.state != "confirmed":
        raise WrongState(f"the reservation is {reservation.state}: release it", reservation_id=reservation_id)
    for ticket in [uow.get(Ticket, ticket_id) for ticket_id in reservation.ticket_ids]:
        if ticket.signed is not None or ticket.is_leaf:
            raise WrongState("the ticket has a token, which stays with its holder", ticket_id=ticket.identity)
        ticket.give_back(uow.at, even_redeemed=False)
    for line in reservation.lines:
        uow.get(Allocation, line.ticket_type_id).give_back(reservation_id, line.quantity, GIVEN_BACK, uow.at)
    reservation.record(ReservationEnded, uow.at, reason=GIVEN_BACK)
    return _view(reservation)


def _own(uow: UnitOfWork, reservation_id: str) -> Reservation:
    reservation = uow.find(Reservation, reservation_id)
    if reservation is None:
        raise NotOurHold(f"reservation {reservation_id} was not made through this API", reservation_id=reservation_id)
    return reservation


def _view(reservation: Reservation) -> ReservationView:
    return ReservationView(
        reservation_id=reservation.identity,
        state=reservation.state,
        until=reservation.until,
        ticket_ids=reservation.ticket_ids,
    )
