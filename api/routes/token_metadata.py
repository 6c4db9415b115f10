"""Metadata: the JSON that the `uri` of every token on chain points to."""

from typing import Annotated, Literal, TypeVar

from fastapi import Path
from typing_extensions import TypedDict

from api.http.guard import guarded_router, public
from api.http.problems import NOT_FOUND, may_answer, not_found
from api.http.requests import Deps, id_in_path
from api.ports import Dependencies

router = guarded_router(prefix="/metadata", tags=["metadata"])
Kind = Annotated[
    Literal["venue", "show", "ticket"], Path(description="Kind of the token's subject.", examples=["show"])
]
D = TypeVar("D")


class Trait(TypedDict):
    """One attribute of a token."""

    trait_type: str
    value: str


class TokenMetadata(TypedDict):
    """Metadata of a token, as wallets read it."""

    name: str
    symbol: str
    description: str
    attributes: list[Trait]


@router.get("/{kind}/{subject_id}.json", openapi_extra=may_answer(NOT_FOUND))
@public
async def read_metadata(
    kind: Kind,
    subject_id: Annotated[str, id_in_path("Id of the venue or show, or public name of the ticket.", "sh_9k3m2x8r5t1w")],
    deps: Deps,
) -> TokenMetadata:
    """Return a token's metadata; it contains no personal data, and tells no id of a ticket or a purchase."""
    return await {"venue": _venue, "show": _show, "ticket": _ticket}[kind](subject_id, deps)


async def _venue(venue_id: str, deps: Dependencies) -> TokenMetadata:
    venue = _found(await deps.queries.venue(venue_id), "venue", venue_id)
    return _metadata(venue["name"], "VENUE", f"The venue {venue['name']}.", venue_id=venue_id)


async def _show(show_id: str, deps: Dependencies) -> TokenMetadata:
    show = _found(await deps.queries.show(show_id), "show", show_id)
    return _metadata(show["name"], "SHOW", f"The show {show['name']}.", show_id=show_id, venue_id=show["venue_id"])


async def _ticket(public_name: str, deps: Dependencies) -> TokenMetadata:
    ticket = _found(await deps.queries.ticket_named(public_name), "ticket", public_name)
    show = _found(await deps.queries.show(ticket["show_id"]), "show", ticket["show_id"])
    kinds = {item["ticket_type_id"]: item["name"] for item in show["ticket_types"]}
    kind = kinds[ticket["ticket_type_id"]]
    description = f"One {kind} ticket for {show['name']}."
    return _metadata(show["name"], "TICKET", description, show_id=show["show_id"], type=kind)


def _found(document: D | None, kind: str, identity: str) -> D:
    if document is None:
        raise not_found(kind, identity)
    return document


def _metadata(name: str, symbol: str, description: str, **attributes: str) -> TokenMetadata:
    traits: list[Trait] = [{"trait_type": trait, "value": value} for trait, value in attributes.items()]
    return {"name": name, "symbol": symbol, "description": description, "attributes": traits}
