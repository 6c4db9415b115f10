"""Quotes: what tickets would cost, broken down, without holding anything."""

from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import Field, model_validator

from api.http.requests import Body, Code, Deps, Id, Quantity, left_out
from api.ports import Dependencies
from domain.catalog.discount import spelt
from domain.catalog.line import Line

router = APIRouter(prefix="/api/v1/quotes", tags=["quotes"])
TICKETS_MAX = 50


class ItemBody(Body):
    """Some tickets of one type."""

    ticket_type_id: Id
    quantity: Quantity


class WantedBody(Body):
    """Tickets of one show, and the code of a discount."""

    show_id: Id
    items: Annotated[list[ItemBody], Field(min_length=1, max_length=TICKETS_MAX)]
    discount_code: Annotated[Code | None, Field(exclude_if=left_out)] = None

    @model_validator(mode="after")
    def _check_items(self) -> Self:
        types = [item.ticket_type_id for item in self.items]
        if len(set(types)) != len(types):
            raise ValueError("each ticket type stands in one item")
        if sum(item.quantity for item in self.items) > TICKETS_MAX:
            raise ValueError(f"a purchase has {TICKETS_MAX} tickets at most")
        return self

    def lines(self) -> list[Line]:
        """Return the tickets as the domain counts them."""
        return [Line(ticket_type_id=item.ticket_type_id, quantity=item.quantity) for item in self.items]


@router.post("")
async def quote(body: WantedBody, deps: Deps) -> dict[str, Any]:
    """Return what a purchase of these tickets would be charged now; nothing is held, and nothing is locked."""
    return await quoted(body, deps)


async def quoted(body: WantedBody, deps: Dependencies) -> dict[str, Any]:
    """Price tickets by the function that prices orders; the internal API answers the very same."""
    found = await deps.prices.quote(body.show_id, body.lines(), body.discount_code)
    code = None if body.discount_code is None else spelt(body.discount_code)
    return {"show_id": body.show_id, "discount_code": code, **found.model_dump(mode="json")}
