"""Change a show's capacity while it is on sale."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from api.http.guard import Caller, guarded_router, needs
from api.http.problems import may_answer
from api.http.requests import Body, Deps, Id, ShowId, about
from api.routes.shows import CAPACITY_MAX, TYPES_MAX
from domain.core.errors import NotOnSale, UnknownSubject, WrongState
from domain.core.transient import TransientError

router = guarded_router(prefix="/api/v1/shows", tags=["shows"])


class NewCapacityBody(Body):
    """The new capacity of a ticket type."""

    ticket_type_id: Annotated[Id, about("Ticket type of the show.", "tt_1c8v5b2n9m4x")]
    capacity: Annotated[int, Field(ge=1, le=CAPACITY_MAX), about("Tickets of this type, sold ones included.", 800)]


class CapacityBody(Body):
    """The ticket types that change; the others stay."""

    ticket_types: Annotated[
        list[NewCapacityBody],
        Field(min_length=1, max_length=TYPES_MAX),
        about("New capacities; a type may appear only once.", [{"ticket_type_id": "tt_1c8v5b2n9m4x", "capacity": 800}]),
    ]

    @model_validator(mode="after")
    def _check_types(self) -> Self:
        if len({item.ticket_type_id for item in self.ticket_types}) != len(self.ticket_types):
            raise ValueError("a ticket type may appear only once")
        return self


class CapacityChangeAccepted(TypedDict):
    """The change was recorded; the show's `capacity_change` follows it."""

    show_id: str
    number: int
    capacities: dict[str, int]
    state: Literal["under-way"]


@router.put("/{show_id}/capacity", status_code=202, openapi_extra=may_answer(UnknownSubject, NotOnSale, WrongState))
@needs("manage")
async def change_capacity(show_id: ShowId, body: CapacityBody, deps: Deps, caller: Caller) -> CapacityChangeAccepted:
    """Begin a capacity change; the show's `capacity_change` follows it. The same request again is the same change.

    409 when more seats are held and sold than the new capacity, or while another change is under way; 503 when Temporal
    could not be reached: the change is recorded, and the same request again starts it.
    """
    capacities = {item.ticket_type_id: item.capacity for item in body.ticket_types}
    change = await deps.capacity.begin(caller.tenant_id, show_id, capacities)
    if not await deps.change_capacity(change, await deps.catalog.about(show_id)):
        raise TransientError("Temporal could not be reached; the change is recorded")
    return {"show_id": show_id, "number": change.number, "capacities": capacities, "state": "under-way"}
