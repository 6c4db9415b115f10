"""The internal ticket API: outside orders hold, confirm and release seats on the same stock and tickets."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from typing_extensions import TypedDict

from activities.core.commands import HoldRef
from activities.sales.ticket_api_holds import MakeReservation, ReservationView
from api.http.about_request import HOLDS
from api.http.guard import Caller, guarded_router, needs
from api.http.problems import INVALID_REQUEST, NOT_FOUND, Problem, may_answer
from api.http.read_your_writes import require
from api.http.requests import Body, Deps, Gate, Id, Key, TicketId, about, digest_of, hold_seconds_of
from api.ports import Dependencies
from api.routes.quotes import QUOTE_PROBLEMS, ItemBody, QuoteAnswer, WantedBody, quoted
from domain.catalog.line import Line
from domain.core.errors import (
    AlreadyEntered,
    HoldExpired,
    HoldReleased,
    NotAdmitted,
    NotOnSale,
    NotOurHold,
    RefundNeeded,
    SeatsUnavailable,
    UnknownSubject,
    WrongState,
)
from domain.tickets.admission import AdmissionReason, PresentedCode
from domain.tickets.ticket import TicketState
from domain.views.catalog import StockedShow, state_at
from domain.views.common import TokenWord, part_of

BATCH_MAX = 200
ITEMS_MAX = 20
router = guarded_router(prefix="/internal/tickets", tags=["internal"])
ShowScanned = Annotated[
    Id | None, Query(description="Show at whose door it is; null for its own.", examples=["sh_9k3m2x8r5t1w"])
]
GateScanned = Annotated[Gate | None, Query(description="Gate at which it is.", examples=["North"])]
ShowIdField = Annotated[Id, about("Id of the show.", "sh_9k3m2x8r5t1w")]


class ShowRef(Body):
    """A show."""

    show_id: ShowIdField


class ItemsBody(Body):
    """Some tickets of a show."""

    show_id: ShowIdField
    items: Annotated[
        list[ItemBody],
        Field(min_length=1, max_length=ITEMS_MAX),
        about("Tickets by type; a type may appear only once.", [{"ticket_type_id": "tt_1c8v5b2n9m4x", "quantity": 2}]),
    ]


class ReserveBody(ItemsBody):
    """Seats to hold for an outside order."""

    hold_seconds: Annotated[
        Annotated[int, Field(ge=1)] | None, about("How long the seats are held; null for the default.", 600)
    ] = None


class ReservationRef(Body):
    """A reservation of this API."""

    reservation_id: Annotated[Id, about("Id of the reservation.", "re_3t8w1y6u4o2p")]


class BatchBody(Body):
    """Tickets to cancel, all or none."""

    ticket_ids: Annotated[
        list[Id],
        Field(min_length=1, max_length=BATCH_MAX),
        about("Tickets of reservations of this API.", ["ti_8d5g1l7p3q6z"]),
    ]


class TypeStock(TypedDict):
    """The stock of a ticket type: available = capacity - held - sold."""

    ticket_type_id: str
    name: str
    capacity: int
    held: int
    sold: int
    available: int


class AvailabilityAnswer(TypedDict):
    """The stock of each ticket type of a show."""

    show_id: str
    on_sale: bool
    ticket_types: list[TypeStock]


class TypePrice(TypedDict):
    """The price of a ticket type in minor units, before fees."""

    ticket_type_id: str
    name: str
    price_minor: int


class PricesAnswer(TypedDict):
    """The price of each ticket type of a show."""

    show_id: str
    currency: str
    ticket_types: list[TypePrice]


class TicketsCancelled(TypedDict):
    """The ids of the request; their tickets are void."""

    cancelled: list[str]


class TicketRedeemedAnswer(TypedDict):
    """A ticket that was used for entry."""

    ticket_id: str
    state: Literal["redeemed"]


class TicketStatus(TypedDict):
    """The right to enter of a ticket, and its token; `admission` is what the door would answer now."""

    ticket_id: str
    show_id: str
    ticket_type_id: str
    state: TicketState
    token: TokenWord
    admission: AdmissionReason


@router.post("/availability", openapi_extra=may_answer(NOT_FOUND))
@needs("internal")
async def read_availability(body: ShowRef, deps: Deps) -> AvailabilityAnswer:
    """Return the stock of each ticket type of a show."""
    show = await _show(body.show_id, deps)
    types = [part_of(item, TypeStock) for item in show["ticket_types"]]
    return {"show_id": body.show_id, "on_sale": state_at(show, deps.now()) == "on-sale", "ticket_types": types}


@router.post("/prices", openapi_extra=may_answer(NOT_FOUND))
@needs("internal")
async def read_prices(body: ShowRef, deps: Deps) -> PricesAnswer:
    """Return the price of each ticket type, in minor units, before fees."""
    show = await _show(body.show_id, deps)
    types = [part_of(item, TypePrice) for item in show["ticket_types"]]
    return {"show_id": body.show_id, "currency": show["currency"], "ticket_types": types}


@router.post("/calculate-price", openapi_extra=QUOTE_PROBLEMS)
@needs("internal")
async def calculate_price(body: WantedBody, deps: Deps) -> QuoteAnswer:
    """Return the price of some tickets, as a quote does; nothing is held or locked."""
    return await quoted(body, deps)


@router.post(
    "/reserve",
    status_code=201,
    openapi_extra=may_answer(UnknownSubject, NotOnSale, SeatsUnavailable, HoldExpired, HoldReleased, WrongState),
)
@needs("internal")
async def reserve_tickets(body: ReserveBody, key: Key, deps: Deps, caller: Caller) -> ReservationView:
    """Hold seats of every ticket type, all or none; the hold expires by itself."""
    types = [item.ticket_type_id for item in body.items]
    if len(set(types)) != len(types):
        raise Problem(INVALID_REQUEST, "a ticket type may appear only once")
    tenant_id = caller.tenant_id
    reservation_id = deps.identity.of_key("re", caller.name, key)
    command = MakeReservation(
        tenant_id=tenant_id,
        reservation_id=reservation_id,
        nonce=deps.identity.nonce_of(reservation_id),
        show_id=body.show_id,
        lines=[Line(ticket_type_id=item.ticket_type_id, quantity=item.quantity) for item in body.items],
        hold_seconds=hold_seconds_of(body.hold_seconds, deps),
        body_digest=digest_of(body, key),
    )
    view = await deps.holds.reserve(command)
    if view.state == "held":
        hold = HoldRef(tenant_id=tenant_id, reservation_id=view.reservation_id, until=view.until)
        HOLDS.labels("ticket-api").inc()
        await deps.engine.watch_hold(hold, await deps.catalog.about(body.show_id))
    return view


@router.post("/confirm", openapi_extra=may_answer(NotOurHold, HoldReleased, WrongState))
@needs("internal")
async def confirm_reservation(body: ReservationRef, deps: Deps) -> ReservationView:
    """Confirm a reservation of this API and issue its tickets."""
    return await _ended(await deps.holds.confirm(body.reservation_id), deps)


@router.post("/release", openapi_extra=may_answer(NotOurHold, RefundNeeded, WrongState))
@needs("internal")
async def release_reservation(body: ReservationRef, deps: Deps) -> ReservationView:
    """Release a reservation of this API and void its tickets."""
    return await _ended(await deps.holds.release(body.reservation_id), deps)


@router.post("/cancel-batch", openapi_extra=may_answer(UnknownSubject, NotOurHold, RefundNeeded))
@needs("internal")
async def cancel_tickets(body: BatchBody, deps: Deps) -> TicketsCancelled:
    """Cancel unpaid tickets of this API's own reservations, each whole reservation, all or none.

    Paid tickets stay valid: refund them where they were paid. A ticket of a purchase is 409 and names the purchase;
    request a refund with `POST /api/v1/purchases/{purchase_id}/refunds`.
    """
    await deps.holds.cancel_batch(body.ticket_ids)
    return {"cancelled": body.ticket_ids}


@router.post("/{ticket_id}/redeem", openapi_extra=may_answer(UnknownSubject, AlreadyEntered, NotAdmitted, WrongState))
@needs("door", "internal")
async def redeem_ticket(
    ticket_id: TicketId, deps: Deps, show_id: ShowScanned = None, gate: GateScanned = None
) -> TicketRedeemedAnswer:
    """Use a ticket for entry, once; a ticket that gives no entry is refused with the reason.

    Name the show, so that a ticket for another one is refused and stays unused.
    """
    await deps.door.redeem(ticket_id, show_id or "", gate or "")
    return {"ticket_id": ticket_id, "state": "redeemed"}


@router.get("/{ticket_id}/status", openapi_extra=may_answer(NOT_FOUND))
@needs("door", "internal")
async def read_ticket_status(ticket_id: TicketId, deps: Deps) -> TicketStatus:
    """Return the right to enter of a ticket, and its token."""
    found = await require("ticket", deps.queries, deps.queries.ticket, ticket_id)
    return part_of(found, TicketStatus, admission=(await deps.door.look([PresentedCode(ticket_id)]))[0].reason)


async def _show(show_id: str, deps: Dependencies) -> StockedShow:
    return await require("show", deps.queries, deps.queries.show, show_id)


async def _ended(view: ReservationView, deps: Dependencies) -> ReservationView:
    await deps.engine.hold_ended(view.reservation_id)
    return view
