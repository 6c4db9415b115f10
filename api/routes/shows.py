"""Shows: announce one with its stock, and read its availability."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from activities.catalog.prices import ChangeShow
from activities.catalog.register import AnnounceShow
from activities.core.commands import MintSubject
from api.http.problems import Problem, not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import After, Body, Deps, Id, IdInPath, Key, Moment, Name, digest_of, left_out, not_asked
from api.ports import Dependencies
from domain.catalog.show import TicketType
from domain.core.ids import derived
from domain.money.money import BPS_WHOLE

router = APIRouter(prefix="/api/v1/shows", tags=["shows"])
PRICE_MINOR_MAX = 100_000_000
CAPACITY_MAX = 1_000_000
TYPES_MAX = 50
PriceMinor = Annotated[int, Field(ge=0, le=PRICE_MINOR_MAX)]


class TicketTypeBody(Body):
    """One kind of ticket: its price in minor units and how many there are."""

    name: Name
    price_minor: PriceMinor
    capacity: Annotated[int, Field(ge=1, le=CAPACITY_MAX)]


class TaxBody(Body):
    """A tax on the tickets: in their prices already, or added to them."""

    rate_bps: Annotated[int, Field(ge=1, le=BPS_WHOLE)]
    inclusive: bool


class ShowBody(Body):
    """A show that a venue wants to sell, from and until some moment or always.

    `resell_refunded` puts the seats of refunded tickets on sale again while the sale goes on.
    """

    venue_id: Id
    name: Name
    currency: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")]
    ticket_types: Annotated[list[TicketTypeBody], Field(min_length=1, max_length=TYPES_MAX)]
    hold_seconds: Annotated[int, Field(ge=1)] | None = None
    capture_method: Literal["manual", "automatic"] = "manual"
    tax: Annotated[TaxBody | None, Field(exclude_if=left_out)] = None
    sale_from: Annotated[Moment | None, Field(exclude_if=left_out)] = None
    sale_until: Annotated[Moment | None, Field(exclude_if=left_out)] = None
    buyer_tickets_max: Annotated[int | None, Field(ge=1, exclude_if=left_out)] = None
    ends_at: Annotated[Moment | None, Field(exclude_if=left_out)] = None
    resell_refunded: Annotated[bool, Field(exclude_if=not_asked)] = False


class NewPriceBody(Body):
    """What a ticket type costs from now on."""

    ticket_type_id: Id
    price_minor: PriceMinor


class ShowPatch(Body):
    """What is to change; what is left out stays, and null takes an end of the sale window away."""

    ticket_types: list[NewPriceBody] = Field(default_factory=list, max_length=TYPES_MAX)
    sale_from: Moment | None = None
    sale_until: Moment | None = None


@router.post("", status_code=201)
async def announce_show(body: ShowBody, key: Key, deps: Deps, response: Response) -> dict[str, Any]:
    """Record a show and start its registration on chain; it goes on sale when its group stands there."""
    tenant_id = deps.limits.tenant_id
    show_id = derived("sh", tenant_id, key)
    types = [
        TicketType(ticket_type_id=derived("tt", show_id, str(number)), **item.model_dump())
        for number, item in enumerate(body.ticket_types)
    ]
    command = AnnounceShow(
        tenant_id=tenant_id,
        show_id=show_id,
        venue_id=body.venue_id,
        name=body.name,
        currency=body.currency,
        ticket_types=types,
        hold_seconds=_hold_seconds(body, deps),
        capture_method=body.capture_method,
        body_digest=digest_of(body, key),
        tax_bps=body.tax.rate_bps if body.tax else 0,
        tax_inclusive=body.tax is not None and body.tax.inclusive,
        sale_from=body.sale_from,
        sale_until=body.sale_until,
        buyer_tickets_max=body.buyer_tickets_max or deps.limits.buyer_tickets_max,
        ends_at=body.ends_at,
        resell_refunded=body.resell_refunded,
    )
    position = await deps.catalog.announce_show(command)
    await deps.engine.register(MintSubject(tenant_id=tenant_id, kind="show", subject_id=show_id))
    response.headers["Location"] = f"/api/v1/shows/{show_id}?after={position}"
    return command.model_dump(mode="json", exclude={"tenant_id", "body_digest"})


@router.patch("/{show_id}")
async def change_show(show_id: IdInPath, body: ShowPatch, deps: Deps, response: Response) -> dict[str, Any]:
    """Change prices and the sale window, all or none; orders that are placed keep their price."""
    ends = {"sale_from", "sale_until"} & body.model_fields_set
    command = ChangeShow(
        show_id=show_id,
        prices={item.ticket_type_id: item.price_minor for item in body.ticket_types},
        window={name: getattr(body, name) for name in sorted(ends)},
    )
    position = await deps.prices.change_show(command)
    response.headers["Location"] = f"/api/v1/shows/{show_id}?after={position}"
    return {"show_id": show_id, **body.model_dump(mode="json", exclude_unset=True)}


@router.get("/{show_id}")
async def read_show(show_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return a show: whether it is on sale, and the capacity, held, sold and available of each ticket type."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.show, show_id)
    if found is None:
        raise not_found("show", show_id)
    return {**found, "stale": stale}


def _hold_seconds(body: ShowBody, deps: Dependencies) -> int:
    longest = deps.limits.hold_seconds_max
    if body.hold_seconds is not None and body.hold_seconds > longest:
        raise Problem(422, "invalid-request", f"hold_seconds is {longest} at most")
    return body.hold_seconds or deps.limits.hold_seconds
