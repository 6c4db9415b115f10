"""Verify a ticket without a key: by its own secret, or by the address of its token. It tells no id and no person."""

import hmac
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import TypedDict

from api.http.guard import guarded_router, public
from api.http.problems import NOT_FOUND, Problem, may_answer
from api.http.requests import Body, Deps, TicketCode, about
from api.ports import Dependencies
from domain.tickets.admission import AdmissionReason, PresentedCode
from domain.tickets.ticket import TicketState
from domain.tickets.token import TokenHolding, TokenState
from domain.views.common import part_of
from domain.views.minting import LeafState
from domain.views.purchase import TicketDocument

router = guarded_router(prefix="/api/v1/verifications", tags=["tickets"])
SECRET_PATTERN = r"^[A-Za-z0-9_\-]{1,64}\.ts_[a-z2-7]{26}$"  # noqa: S105 - a pattern
NAMES = ("ticket_secret", "ticket_code", "mint_address")
ADDRESS_PATTERN = r"^[1-9A-HJ-NP-Za-km-z]{32,44}$"


class VerificationBody(Body):
    """What names the ticket: its secret, its code, or the address of its token; one of them."""

    ticket_secret: Annotated[
        Annotated[str, StringConstraints(pattern=SECRET_PATTERN)] | None,
        about("Secret of the ticket, from its purchase.", "tk_5k2.ts_aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ] = None
    ticket_code: Annotated[TicketCode | None, about("Text of the QR code.", "BX1.k1.MFRGGZDFMZTWQ2LK")] = None
    mint_address: Annotated[
        Annotated[str, StringConstraints(pattern=ADDRESS_PATTERN)] | None,
        Field(description="Address of its token on chain.", examples=["7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"]),
    ] = None

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        if [self.ticket_secret, self.ticket_code, self.mint_address].count(None) != len(NAMES) - 1:
            raise ValueError(f"give one of {', '.join(NAMES)}")
        return self


class Verification(TypedDict):
    """A ticket's right to enter; `valid` is whether it lets somebody in, now or once the doors open.

    `admission` is what the door of its show would answer now.
    `on_chain` says that its token is the one that was minted for it and exists; `token_holding` what its holder has
    done with it. The right belongs to the purchase: a ticket stays valid by its secret where its token was moved or
    burnt, but a burnt token gives no entry by its address. `leaf` proves a ticket whose show mints on claim, under the
    root that was seen final last: whoever has it can check it at any node.
    """

    show_id: str
    ticket_type_id: str
    state: TicketState
    valid: bool
    admission: AdmissionReason
    blocked: bool
    on_chain: bool
    token_holding: TokenHolding | None
    leaf: LeafState | None


@router.post("", openapi_extra=may_answer(NOT_FOUND))
@public
async def verify_by_secret(body: VerificationBody, deps: Deps) -> Verification:
    """Check a ticket by what its holder has; a ticket that is not minted yet can be valid by its secret or code."""
    shown = await _named(body, deps)
    if shown is None:
        raise Problem(NOT_FOUND, "there is no such ticket")
    ticket, token = await deps.read_ticket(shown.ticket_id)
    (answer,) = await deps.door.look([shown])
    return part_of(
        ticket,
        Verification,
        valid=answer.valid and not _shows_nothing(body, token),
        admission=answer.reason,
        on_chain=token is not None and token.is_ours,
        token_holding=None if token is None else token.holding,
        leaf=await deps.leaves.recorded_leaf(ticket.identity),
    )


def _shows_nothing(body: VerificationBody, token: TokenState | None) -> bool:
    """Return whether the ticket is named by a token that its holder has burnt: nobody can show that one."""
    return body.mint_address is not None and token is not None and token.holding == "burnt"


def secret_of(ticket: TicketDocument, deps: Dependencies) -> str:
    """Return the secret of a ticket: its public name finds it, the rest only this deployment can make.

    It changes with the generation of its code; the first one is as in 0.1.0.
    """
    later = (str(ticket["generation"]),) if ticket["generation"] else ()
    return f"{ticket['public_name']}.{deps.identity.derive('ts', ticket['ticket_id'], *later)}"


async def _named(body: VerificationBody, deps: Dependencies) -> PresentedCode | None:
    """Return the ticket that is named, and the generation of the code by which it is."""
    if body.ticket_code is not None:
        return deps.ticket_codes.read(body.ticket_code)
    if body.mint_address is not None:
        return _shown(await deps.queries.ticket_minted_at(body.mint_address))
    given = body.ticket_secret or ""
    found = await deps.queries.ticket_named(given.partition(".")[0])
    if found is None:
        return None
    return _shown(found) if hmac.compare_digest(given.encode(), secret_of(found, deps).encode()) else None


def _shown(found: TicketDocument | None) -> PresentedCode | None:
    return None if found is None else PresentedCode(found["ticket_id"], None)
