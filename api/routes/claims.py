"""Claims: a buyer shows that a wallet is theirs, and the token of a ticket goes there."""

from typing import Annotated

from fastapi import Response
from pydantic import StringConstraints
from typing_extensions import TypedDict

from activities.tokens.claims.request import ClaimTicket
from api.http.guard import guarded_router, needs
from api.http.problems import may_answer
from api.http.requests import Body, Deps, TicketId, Visible, about
from domain.core.errors import (
    AlreadyClaimed,
    ChallengeExpired,
    InvalidWallet,
    NotInCustody,
    SignatureInvalid,
    UnknownSubject,
    WrongState,
)
from domain.core.timestamp import Timestamp
from domain.tickets.claiming import ClaimState

router = guarded_router(prefix="/api/v1/tickets/{ticket_id}", tags=["tickets"])
REFUSALS = (UnknownSubject, AlreadyClaimed, NotInCustody, InvalidWallet, WrongState)
WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
Wallet = Annotated[str, StringConstraints(min_length=1, max_length=64), Visible]


class ChallengeBody(Body):
    """The wallet that is to receive the token."""

    wallet: Annotated[Wallet, about("Solana address of a wallet that can sign; a vault cannot.", WALLET)]


class ChallengeAnswer(TypedDict):
    """The text that the wallet signs as it is, before `expires_at`; `nonce` goes back with the signature."""

    ticket_id: str
    message: str
    nonce: str
    expires_at: Timestamp


class ClaimBody(ChallengeBody):
    """The wallet's signature over the text of a challenge."""

    nonce: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=64), Visible],
        about("Nonce of the challenge.", "1764500000.nc_aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ]
    signature: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[1-9A-HJ-NP-Za-km-z]{64,90}$")],
        about("Ed25519 signature of the wallet over `message`, in base58.", "5" * 88),
    ]


class ClaimAccepted(TypedDict):
    """The claim was recorded; `Location` names the ticket, whose `claim` is `done` once the token is in the wallet."""

    ticket_id: str
    claim: ClaimState


@router.post("/claim-challenges", openapi_extra=may_answer(*REFUSALS))
@needs("manage", or_buyer=True)
async def challenge_wallet(ticket_id: TicketId, body: ChallengeBody, deps: Deps) -> ChallengeAnswer:
    """Return the text that a wallet signs to claim the token of a paid ticket. Nothing is stored."""
    made = await deps.claims.challenge(ticket_id, body.wallet)
    return {
        "ticket_id": ticket_id,
        "message": made.message,
        "nonce": made.nonce,
        "expires_at": made.expires_at.isoformat(),
    }


@router.post("/claim", status_code=202, openapi_extra=may_answer(*REFUSALS, ChallengeExpired, SignatureInvalid))
@needs("manage", or_buyer=True)
async def claim_ticket(ticket_id: TicketId, body: ClaimBody, deps: Deps, response: Response) -> ClaimAccepted:
    """Claim the token of a ticket for a wallet that has signed for it, once; the token goes there by itself.

    A repeat by the same wallet changes nothing. A refund stays possible, before and after: it takes the token from any
    wallet. A vault (an address off the curve) cannot sign: name it at the purchase.
    """
    claim = await deps.claims.claim(ClaimTicket(ticket_id, body.wallet, body.nonce, body.signature))
    if claim.state == "requested":
        about = (await deps.catalog.about(claim.show_id))._replace(purchase_id=claim.ticket.purchase.purchase_id)
        await deps.engine.start_claim(claim.ticket, about)
    response.headers["Location"] = f"/api/v1/tickets/{ticket_id}?after={claim.position}"
    return {"ticket_id": ticket_id, "claim": claim.state}
