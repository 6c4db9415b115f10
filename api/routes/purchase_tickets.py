"""The tickets of a purchase, as its buyer holds them."""

from typing_extensions import TypedDict

from api.http.guard import Caller, guarded_router, needs
from api.http.problems import NOT_FOUND, may_answer
from api.http.read_your_writes import require
from api.http.requests import Deps, PurchaseId
from api.ports import Dependencies
from api.routes.verifications import secret_of
from domain.tickets.admission import AdmissionReason, PresentedCode
from domain.tickets.claiming import ClaimState
from domain.tickets.ticket import TicketState
from domain.views.common import TokenWord, part_of
from domain.views.purchase import TicketDocument

router = guarded_router(prefix="/api/v1/purchases/{purchase_id}/tickets", tags=["purchases"])


class HeldTicket(TypedDict):
    """A ticket; its buyer alone has the secret that verifies it and the code that gives entry, null for all others.

    `admission` is what the door of its show would answer now. `generation` counts the
    claims that have handed its token over.
    """

    ticket_id: str
    ticket_type_id: str
    state: TicketState
    token: TokenWord
    mint_address: str | None
    claim: ClaimState
    generation: int
    admission: AdmissionReason
    ticket_secret: str | None
    ticket_code: str | None


class HeldTickets(TypedDict):
    """The tickets of a purchase."""

    purchase_id: str
    show_id: str
    tickets: list[HeldTicket]


@router.get("", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "refund", "operate", or_buyer=True)
async def read_purchase_tickets(purchase_id: PurchaseId, deps: Deps, caller: Caller) -> HeldTickets:
    """Return the tickets of a purchase; whoever has a `ticket_secret` can verify that ticket, without a key."""
    found = await require("purchase", deps.queries, deps.queries.purchase, purchase_id)
    tickets: list[HeldTicket] = []
    answers = await deps.door.look([PresentedCode(line["ticket_id"]) for line in found["tickets"]])
    for line, answer in zip(found["tickets"], answers, strict=True):
        ticket = await deps.queries.ticket(line["ticket_id"])
        if ticket is not None:
            secret = secret_of(ticket, deps) if caller.kind == "buyer" else None
            ticket_code = code_of(ticket, deps) if caller.kind == "buyer" else None
            tickets.append(
                part_of(ticket, HeldTicket, admission=answer.reason, ticket_secret=secret, ticket_code=ticket_code)
            )
    return {"purchase_id": purchase_id, "show_id": found["show_id"], "tickets": tickets}


def code_of(ticket: TicketDocument, deps: Dependencies) -> str | None:
    """Return the code of a ticket; None unless it is paid."""
    is_paid = ticket["state"] in {"issued", "redeemed"}
    return deps.ticket_codes.make(ticket["ticket_id"], ticket["generation"]) if is_paid else None
