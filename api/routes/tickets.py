"""Tickets: read one, and verify it against the chain."""

from typing import Any

from fastapi import APIRouter

from api.http.problems import not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import After, Deps, IdInPath

router = APIRouter(prefix="/api/v1/tickets", tags=["tickets"])


@router.get("/{ticket_id}")
async def read_ticket(ticket_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return a ticket: its right (reserved, issued or void) and its token."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.ticket, ticket_id)
    if found is None:
        raise not_found("ticket", ticket_id)
    return {**found, "stale": stale}


@router.get("/{ticket_id}/verify")
async def verify_ticket(ticket_id: IdInPath, deps: Deps) -> dict[str, Any]:
    """Read a ticket's events and its token on chain; `valid` is the right to enter, which a slow chain does not end."""
    ticket, token = await deps.read_ticket(ticket_id)
    return {
        "ticket_id": ticket_id,
        "show_id": ticket.show_id,
        "state": ticket.state,
        "valid": ticket.state == "issued" and not ticket.blocked,
        "blocked": ticket.blocked,
        "mint_address": ticket.mint_address,
        "mint_signature": ticket.mint_signature,
        "on_chain": token is not None and not token.problems and token.supply == 1,
        "token": None if token is None else token.model_dump(mode="json"),
    }
