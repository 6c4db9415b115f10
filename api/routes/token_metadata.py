"""Metadata: the JSON that the `uri` of every token on chain points to."""

from typing import Any, Literal

from fastapi import APIRouter

from api.http.problems import not_found
from api.http.requests import Deps, IdInPath
from api.ports import Dependencies, Document

router = APIRouter(prefix="/metadata", tags=["metadata"])


@router.get("/{kind}/{subject_id}.json")
async def read_metadata(kind: Literal["venue", "show", "ticket"], subject_id: IdInPath, deps: Deps) -> dict[str, Any]:
    """Return a token's metadata; nothing in it is about a person."""
    return await {"venue": _venue, "show": _show, "ticket": _ticket}[kind](subject_id, deps)


async def _venue(venue_id: str, deps: Dependencies) -> dict[str, Any]:
    venue = _found(await deps.queries.venue(venue_id), "venue", venue_id)
    return _metadata(venue["name"], "VENUE", f"The venue {venue['name']}.", venue_id=venue_id)


async def _show(show_id: str, deps: Dependencies) -> dict[str, Any]:
    show = _found(await deps.queries.show(show_id), "show", show_id)
    return _metadata(show["name"], "SHOW", f"The show {show['name']}.", show_id=show_id, venue_id=show["venue_id"])


async def _ticket(ticket_id: str, deps: Dependencies) -> dict[str, Any]:
    ticket = _found(await deps.queries.ticket(ticket_id), "ticket", ticket_id)
    show = _found(await deps.queries.show(ticket["show_id"]), "show", ticket["show_id"])
    kinds = {item["ticket_type_id"]: item["name"] for item in show["ticket_types"]}
    kind = kinds[ticket["ticket_type_id"]]
    description = f"One {kind} ticket for {show['name']}."
    return _metadata(show["name"], "TICKET", description, ticket_id=ticket_id, show_id=show["show_id"], type=kind)


def _found(document: Document | None, kind: str, identity: str) -> Document:
    if document is None:
        raise not_found(kind, identity)
    return document


def _metadata(name: str, symbol: str, description: str, **attributes: str) -> dict[str, Any]:
    traits = [{"trait_type": trait, "value": value} for trait, value in attributes.items()]
    return {"name": name, "symbol": symbol, "description": description, "attributes": traits}
