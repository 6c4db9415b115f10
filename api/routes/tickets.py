"""Tickets: read one, and verify it against the chain."""

from typing_extensions import TypedDict

from api.http.guard import guarded_router, needs
from api.http.problems import NOT_FOUND, may_answer
from api.http.read_your_writes import require, wait_for_position
from api.http.requests import After, Deps, TicketId
from domain.tickets.admission import AdmissionReason, PresentedCode
from domain.tickets.claiming import ClaimState
from domain.tickets.ticket import TicketState
from domain.tickets.token import TokenHolding, TokenState
from domain.views.common import part_of
from domain.views.minting import LeafState
from domain.views.purchase import TicketDocument

router = guarded_router(prefix="/api/v1/tickets", tags=["tickets"])


class TicketAnswer(TicketDocument):
    """A ticket; `stale` is true when the answer may lack the event that was waited for.

    `admission` is what the door of its show would answer now.
    """

    stale: bool
    admission: AdmissionReason


class VerifiedTicket(TypedDict):
    """A ticket as the events and the chain have it; `valid` is the right to enter, now or once the doors open.

    `admission` is what the door of its show would answer now.
    `on_chain` says that its token is the one that was minted for it and exists; `token_holding` says whether the
    wallet that it was minted to, or that has claimed it, holds it, another one does, or its holder has burnt it.
    `leaf` is of a ticket whose show mints on claim: its proof under the root that stands in the show's mint now, or
    that it is not on chain yet; null where there never was one. None of these, nor `claim`, changes the right.
    """

    ticket_id: str
    show_id: str
    state: TicketState
    valid: bool
    admission: AdmissionReason
    blocked: bool
    mint_address: str | None
    mint_signature: str | None
    on_chain: bool
    token_holding: TokenHolding | None
    claim: ClaimState
    token: TokenState | None
    leaf: LeafState | None


@router.get("/{ticket_id}", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "refund", "door", "internal", or_buyer=True)
async def read_ticket(ticket_id: TicketId, deps: Deps, after: After = 0) -> TicketAnswer:
    """Return a ticket: its right to enter (reserved, issued, redeemed or void) and its token."""
    stale = await wait_for_position(deps.queries, after)
    found = await require("ticket", deps.queries, deps.queries.ticket, ticket_id)
    (answer,) = await deps.door.look([PresentedCode(ticket_id)])
    return {**found, "stale": stale, "admission": answer.reason}


@router.get("/{ticket_id}/verify", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "refund", "door", "internal")
async def verify_ticket(ticket_id: TicketId, deps: Deps) -> VerifiedTicket:
    """Check a ticket against its events and its token or leaf on chain; one that is not minted yet can be valid."""
    ticket, token = await deps.read_ticket(ticket_id)
    (answer,) = await deps.door.look([PresentedCode(ticket_id)])
    return part_of(
        ticket,
        VerifiedTicket,
        ticket_id=ticket_id,
        valid=answer.valid,
        admission=answer.reason,
        on_chain=token is not None and token.is_ours,
        token_holding=None if token is None else token.holding,
        token=token,
        leaf=await deps.leaves.read_leaf(ticket_id),
    )
