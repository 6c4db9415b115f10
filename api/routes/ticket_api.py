"""The internal ticket API: outside orders hold, confirm and release seats on the same stock and tickets."""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import Field

from activities.core.commands import HoldRef
from activities.sales.ticket_api_holds import MakeReservation, ReservationView
from api.http.problems import Problem, not_found
from api.http.read_your_writes import find
from api.http.requests import Body, Deps, Id, IdInPath, Key, digest_of
from api.ports import Dependencies, Document
from api.routes.quotes import ItemBody, WantedBody, quoted
from domain.catalog.line import Line
from domain.core.ids import derived

BATCH_MAX = 200
ITEMS_MAX = 20


def authorised(deps: Deps, authorization: Annotated[str, Header()] = "") -> None:
    """Refuse a caller without the bearer token, where the deployment has one."""
    token = deps.limits.internal_token
    if token is not None and not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
        raise Problem(401, "unauthorised", "the internal API needs its bearer token")


router = APIRouter(prefix="/internal/tickets", tags=["internal"], dependencies=[Depends(authorised)])


class ShowRef(Body):
    """A show."""

    show_id: Id


class ItemsBody(Body):
    """Some tickets of a show."""

    show_id: Id
    items: Annotated[list[ItemBody], Field(min_length=1, max_length=ITEMS_MAX)]


class ReserveBody(ItemsBody):
    """Seats that an outside order asks for."""

    hold_seconds: Annotated[int, Field(ge=1)] | None = None


class ReservationRef(Body):
    """A hold that this API made."""

    reservation_id: Id


class BatchBody(Body):
    """Tickets to cancel, all or none."""

    ticket_ids: Annotated[list[Id], Field(min_length=1, max_length=BATCH_MAX)]


@router.post("/availability")
async def availability(body: ShowRef, deps: Deps) -> dict[str, Any]:
    """Return how many of each ticket type are left."""
    show = await _show(body.show_id, deps)
    fields = ("ticket_type_id", "name", "capacity", "held", "sold", "available")
    types = [{field: item[field] for field in fields} for item in show["ticket_types"]]
    return {"show_id": body.show_id, "on_sale": show["on_sale"], "ticket_types": types}


@router.post("/prices")
async def prices(body: ShowRef, deps: Deps) -> dict[str, Any]:
    """Return the price of each ticket type, in minor units, before fees."""
    show = await _show(body.show_id, deps)
    fields = ("ticket_type_id", "name", "price_minor")
    types = [{field: item[field] for field in fields} for item in show["ticket_types"]]
    return {"show_id": body.show_id, "currency": show["currency"], "ticket_types": types}


@router.post("/calculate-price")
async def calculate_price(body: WantedBody, deps: Deps) -> dict[str, Any]:
    """Return what some tickets would cost, as a quote does; nothing is held, and nothing is locked."""
    return await quoted(body, deps)


@router.post("/reserve", status_code=201)
async def reserve(body: ReserveBody, key: Key, deps: Deps) -> dict[str, Any]:
    """Hold seats of every ticket type, all or none; the hold expires by a workflow of its own."""
    types = [item.ticket_type_id for item in body.items]
    if len(set(types)) != len(types):
        raise Problem(422, "invalid-request", "each ticket type stands in one item")
    longest = deps.limits.hold_seconds_max
    if body.hold_seconds is not None and body.hold_seconds > longest:
        raise Problem(422, "invalid-request", f"hold_seconds is {longest} at most")
    tenant_id = deps.limits.tenant_id
    command = MakeReservation(
        tenant_id=tenant_id,
        reservation_id=derived("re", tenant_id, key),
        show_id=body.show_id,
        lines=[Line(ticket_type_id=item.ticket_type_id, quantity=item.quantity) for item in body.items],
        hold_seconds=body.hold_seconds or deps.limits.hold_seconds,
        body_digest=digest_of(body, key),
    )
    view = await deps.holds.reserve(command)
    if view.state == "held":
        hold = HoldRef(tenant_id=tenant_id, reservation_id=view.reservation_id, until=view.until)
        await deps.engine.watch_hold(hold)
    return view.model_dump(mode="json")


@router.post("/confirm")
async def confirm(body: ReservationRef, deps: Deps) -> dict[str, Any]:
    """Confirm a hold of this API's own and issue its tickets."""
    return await _ended(await deps.holds.confirm(body.reservation_id), deps)


@router.post("/release")
async def release(body: ReservationRef, deps: Deps) -> dict[str, Any]:
    """Release a hold of this API's own and void its tickets."""
    return await _ended(await deps.holds.release(body.reservation_id), deps)


@router.post("/cancel-batch")
async def cancel_batch(body: BatchBody, deps: Deps) -> dict[str, Any]:
    """Cancel unpaid tickets of this API's own reservations, each whole reservation, all or none.

    Paid ones stay: whoever took the money gives it back. A purchase's ticket is 409 with the purchase, whose refunds
    (`POST /api/v1/purchases/{id}/refunds`) are the way.
    """
    await deps.holds.cancel_batch(body.ticket_ids)
    return {"cancelled": body.ticket_ids}


@router.post("/{ticket_id}/redeem")
async def redeem(ticket_id: IdInPath, deps: Deps) -> dict[str, Any]:
    """Let somebody enter with a ticket, once; the second one is refused."""
    await deps.refunds.redeem(ticket_id)
    return {"ticket_id": ticket_id, "state": "redeemed"}


@router.get("/{ticket_id}/status")
async def status(ticket_id: IdInPath, deps: Deps) -> dict[str, Any]:
    """Return a ticket's right and token."""
    found = await find(deps.queries, deps.queries.ticket, ticket_id)
    if found is None:
        raise not_found("ticket", ticket_id)
    return {field: found[field] for field in ("ticket_id", "show_id", "ticket_type_id", "state", "token")}


async def _show(show_id: str, deps: Dependencies) -> Document:
    found = await find(deps.queries, deps.queries.show, show_id)
    if found is None:
        raise not_found("show", show_id)
    return found


async def _ended(view: ReservationView, deps: Dependencies) -> dict[str, Any]:
    await deps.engine.hold_ended(view.reservation_id)
    return view.model_dump(mode="json")
