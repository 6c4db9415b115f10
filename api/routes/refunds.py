"""Refunds: refund a sold purchase wholly, by ticket or by amount, and follow the refund."""

from typing import Annotated, Literal, Self

from fastapi import Response
from pydantic import Field, model_validator
from typing_extensions import TypedDict

from activities.refunds.request_refund import RefundView, RequestRefund
from api.http.guard import Caller, guarded_router, needs
from api.http.problems import FORBIDDEN, NOT_FOUND, Problem, may_answer, not_found
from api.http.read_your_writes import find, require, wait_for_position
from api.http.requests import After, Body, Deps, Id, Key, PurchaseId, RefundId, about, added, digest_of
from api.ports import Dependencies
from domain.access.subject import Subject
from domain.core.errors import (
    AlreadyEntered,
    NotChargeable,
    PaymentDisputed,
    RefundExceeds,
    RefundTooLate,
    UnknownSubject,
    WrongState,
)
from domain.money.breakdown import FeesBorneBy
from domain.payments.refund import RefundState
from domain.tickets.ticket import TicketState
from domain.views.common import TokenWord, part_of
from domain.views.purchase import RefundDocument, RefundLine, RefundProgress

router = guarded_router(prefix="/api/v1/purchases/{purchase_id}/refunds", tags=["refunds"])
AMOUNT_MINOR_MAX = 10**12
TICKETS_MAX = 1_000


class RefundBody(Body):
    """The refund of some tickets, or of an amount without a ticket; without either, of everything that is left."""

    ticket_ids: Annotated[
        list[Id] | None,
        Field(min_length=1, max_length=TICKETS_MAX),
        about("Tickets to refund; they become void.", ["ti_8d5g1l7p3q6z"]),
    ] = None
    amount_minor: Annotated[
        int | None,
        Field(ge=1, le=AMOUNT_MINOR_MAX),
        about("Amount to refund in minor units; instead of ticket_ids.", 1000),
    ] = None
    fees: Annotated[
        FeesBorneBy,
        about(
            "Who bears both fees: with `platform` or `venue` the buyer gets them back, with `buyer` not.", "platform"
        ),
    ] = "platform"
    reason: Annotated[
        Literal["requested-by-buyer", "duplicate", "fraudulent", "goodwill"],
        about("Reason of the refund.", "requested-by-buyer"),
    ] = "requested-by-buyer"
    even_redeemed: Annotated[
        bool, about("Refund tickets that were used for entry, too; needs the scope operate or internal.", example=False)
    ] = False
    cash_handed_out: Annotated[
        bool, added("The till has paid the cash already; needs the scope operate or internal.", example=False)
    ] = False

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.ticket_ids is not None and self.amount_minor is not None:
            raise ValueError("give either ticket_ids or amount_minor, not both")
        return self


class RefundAccepted(TypedDict):
    """The refund was decided and its tickets are void; `Location` names the page that follows it."""

    refund_id: str
    purchase_id: str
    state: RefundState
    amount_minor: int
    currency: str
    ticket_ids: list[str]
    fees: FeesBorneBy
    reason: str


class RefundsAnswer(TypedDict):
    """All refunds of a purchase; `refund_state` says how much of the price the buyer has back."""

    purchase_id: str
    refund_state: RefundProgress
    refunds: list[RefundLine]
    stale: bool


class RefundedTicket(TypedDict):
    """A refunded ticket and its token; null while the read models do not have the ticket."""

    ticket_id: str
    state: TicketState | None
    token: TokenWord | None
    mint_address: str | None


class RefundAnswer(RefundDocument):
    """A refund and its tickets; `stale` is true when the answer may lack the event that was waited for."""

    tickets: list[RefundedTicket]
    stale: bool


@router.post(
    "",
    status_code=202,
    openapi_extra=may_answer(
        UnknownSubject,
        WrongState,
        RefundExceeds,
        RefundTooLate,
        PaymentDisputed,
        AlreadyEntered,
        NotChargeable,
        FORBIDDEN,
    ),
)
@needs("refund", or_buyer=True)
async def request_refund(
    purchase_id: PurchaseId, body: RefundBody, key: Key, deps: Deps, caller: Caller, response: Response
) -> RefundAccepted:
    """Decide a refund: its tickets are void at once; the money has arrived when its state is `succeeded`.

    A buyer gets tickets refunded until the show's `refund_until`, if it has one, and sets no other terms.
    `even_redeemed` and `cash_handed_out` are an operator's decision. An order that was paid in cash is refunded at the
    till, without Stripe: the refund is `owed_at_till` until a clerk says that it was handed out, or has said so with
    `cash_handed_out`.
    """
    _check_terms(body, caller)
    tenant_id = caller.tenant_id
    command = RequestRefund(
        tenant_id=tenant_id,
        purchase_id=purchase_id,
        refund_id=deps.identity.of_key("rf", caller.name, key, purchase_id),
        body_digest=digest_of(body, key),
        reason=body.reason,
        fees=body.fees,
        ticket_ids=tuple(body.ticket_ids or ()),
        amount_minor=body.amount_minor,
        even_redeemed=body.even_redeemed,
        cash_handed_out=body.cash_handed_out,
        by_buyer=caller.kind == "buyer",
    )
    view = await decide_refund(command, deps)
    refund_id = view.refund.refund_id
    response.headers["Location"] = f"/api/v1/purchases/{purchase_id}/refunds/{refund_id}?after={view.position}"
    return _shown(view)


async def decide_refund(command: RequestRefund, deps: Dependencies) -> RefundView:
    """Decide a refund and start it."""
    view = await deps.refunds.request_refund(command)
    about = (await deps.catalog.about(view.show_id))._replace(
        purchase_id=command.purchase_id, amount_minor=view.refund.amount_minor, currency=view.currency
    )
    await deps.engine.start_refund(view.refund, about)
    return view


@router.get("", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "refund", "operate", or_buyer=True)
async def read_refunds(purchase_id: PurchaseId, deps: Deps, after: After = 0) -> RefundsAnswer:
    """Return all refunds of a purchase, and how much of its price the buyer has back."""
    stale = await wait_for_position(deps.queries, after)
    found = await require("purchase", deps.queries, deps.queries.purchase, purchase_id)
    return part_of(found, RefundsAnswer, stale=stale)


@router.get("/{refund_id}", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "refund", "operate", or_buyer=True)
async def read_refund(purchase_id: PurchaseId, refund_id: RefundId, deps: Deps, after: After = 0) -> RefundAnswer:
    """Return a refund, `requested`, `pending` at the bank, `failed` (still owed) or `succeeded`, and its tickets."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.refund, refund_id)
    if found is None or found["purchase_id"] != purchase_id:
        raise not_found("refund", refund_id)
    tickets = [await _ticket(ticket_id, deps) for ticket_id in found["ticket_ids"]]
    return {**found, "tickets": tickets, "stale": stale}


def _check_terms(body: RefundBody, caller: Subject) -> None:
    """Refuse terms that are not the caller's to set."""
    if (body.even_redeemed or body.cash_handed_out) and not caller.may("operate", "internal"):
        raise Problem(FORBIDDEN, "even_redeemed and cash_handed_out need the scope operate or internal")
    is_own = body.amount_minor is None and body.fees != "venue" and body.reason == "requested-by-buyer"
    if caller.kind == "buyer" and not is_own:
        raise Problem(FORBIDDEN, "amount_minor, other reasons and fees of the venue need a key with the scope refund")


async def _ticket(ticket_id: str, deps: Dependencies) -> RefundedTicket:
    found = await deps.queries.ticket(ticket_id)
    if found is None:
        return {"ticket_id": ticket_id, "state": None, "token": None, "mint_address": None}
    return part_of(found, RefundedTicket)


def _shown(view: RefundView) -> RefundAccepted:
    refund = view.refund
    of_view = {name: getattr(view, name) for name in ("state", "currency", "fees", "reason")}
    return part_of(refund, RefundAccepted, purchase_id=refund.purchase.purchase_id, **of_view)
