"""How many tickets a show has, changed while it is sold."""

from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import Field, model_validator

from api.http.requests import Body, Deps, Id, IdInPath
from api.routes.shows import CAPACITY_MAX, TYPES_MAX
from domain.core.transient import TransientError

router = APIRouter(prefix="/api/v1/shows", tags=["shows"])


class NewCapacityBody(Body):
    """How many tickets of a type there are to be."""

    ticket_type_id: Id
    capacity: Annotated[int, Field(ge=1, le=CAPACITY_MAX)]


class CapacityBody(Body):
    """The ticket types that are to change; the others stay."""

    ticket_types: Annotated[list[NewCapacityBody], Field(min_length=1, max_length=TYPES_MAX)]

    @model_validator(mode="after")
    def _check_types(self) -> Self:
        if len({item.ticket_type_id for item in self.ticket_types}) != len(self.ticket_types):
            raise ValueError("each ticket type stands in one item")
        return self


@router.put("/{show_id}/capacity", status_code=202)
async def change_capacity(show_id: IdInPath, body: CapacityBody, deps: Deps) -> dict[str, Any]:
    """Begin a change; the show's `capacity_change` says how it goes. The same request again is the same change.

    409 when more are held and sold, or while another change is under way; 503 when the engine could not be reached:
    the change is recorded, and the same request again starts it.
    """
    capacities = {item.ticket_type_id: item.capacity for item in body.ticket_types}
    change = await deps.capacity.begin(deps.limits.tenant_id, show_id, capacities)
    if not await deps.change_capacity(change):
        raise TransientError("the engine could not be reached; the change is recorded")
    return {"show_id": show_id, "number": change.number, "capacities": capacities, "state": "under-way"}
