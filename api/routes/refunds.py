"""Refunds: give a sold purchase back, wholly, by ticket or by amount, and follow what came of it."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Header, Response
from pydantic import Field, model_validator

from activities.refunds.request_refund import RefundView, RequestRefund
from api.http.problems import not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import After, Body, Deps, Id, IdInPath, Key, digest_of, not_asked
from api.ports import Dependencies, Document
from api.routes.ticket_api import authorised
from domain.core.ids import derived
from domain.money.breakdown import FeesBorneBy

router = APIRouter(prefix="/api/v1/purchases/{purchase_id}/refunds", tags=["refunds"])
AMOUNT_MINOR_MAX = 10**12
TICKETS_MAX = 1_000


class RefundBody(Body):
    """What to give back: some tickets, or an amount without a ticket; without either, all that is left.

    `fees` says who bears both fees: the platform and the venue give them back to the buyer, `buyer` goes without them.
    """

    ticket_ids: Annotated[list[Id] | None, Field(min_length=1, max_length=TICKETS_MAX)] = None
    amount_minor: Annotated[int | None, Field(ge=1, le=AMOUNT_MINOR_MAX)] = None
    fees: FeesBorneBy = "platform"
    reason: Literal["requested-by-buyer", "duplicate", "fraudulent", "goodwill"] = "requested-by-buyer"
    even_redeemed: bool = False
    cash_handed_out: Annotated[bool, Field(exclude_if=not_asked)] = False

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.ticket_ids is not None and self.amount_minor is not None:
            raise ValueError("a refund is of tickets or of an amount")
        return self


@router.post("", status_code=202)
async def refund(
    purchase_id: IdInPath,
    body: RefundBody,
    key: Key,
    deps: Deps,
    response: Response,
    authorization: Annotated[str, Header()] = "",
) -> dict[str, Any]:
    """Decide a refund: its tickets are void at once; the money is back when the refund's state says `succeeded`.

    Tickets that somebody has entered with (`even_redeemed`) are an operator's to give back: that takes the internal
    API's bearer token. So does `cash_handed_out`: an order that was paid in cash is given back at the till, without
    Stripe, and this is the operator's word that it was.
    """
    if body.even_redeemed or body.cash_handed_out:
        authorised(deps, authorization)
    tenant_id = deps.limits.tenant_id
    command = RequestRefund(
        tenant_id=tenant_id,
        purchase_id=purchase_id,
        refund_id=derived("rf", tenant_id, purchase_id, key),
        body_digest=digest_of(body, key),
        reason=body.reason,
        fees=body.fees,
        ticket_ids=tuple(body.ticket_ids or ()),
        amount_minor=body.amount_minor,
        even_redeemed=body.even_redeemed,
        cash_handed_out=body.cash_handed_out,
    )
    view = await deps.refunds.request_refund(command)
    await deps.engine.start_refund(view.refund)
    refund_id = view.refund.refund_id
    response.headers["Location"] = f"/api/v1/purchases/{purchase_id}/refunds/{refund_id}?after={view.position}"
    return _shown(view)


@router.get("")
async def read_refunds(purchase_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return all refunds of a purchase, and one word for how much of it has gone back."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.purchase, purchase_id)
    if found is None:
        raise not_found("purchase", purchase_id)
    shown = {"refund_state": found.get("refund_state", "none"), "refunds": found.get("refunds", [])}
    return {"purchase_id": purchase_id, **shown, "stale": stale}


@router.get("/{refund_id}")
async def read_refund(purchase_id: IdInPath, refund_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return a refund, `requested`, `pending` at the bank, `failed` (still owed) or `succeeded`, and its tickets."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.refund, refund_id)
    if found is None or found["purchase_id"] != purchase_id:
        raise not_found("refund", refund_id)
    tickets = [await _ticket(ticket_id, deps) for ticket_id in found["ticket_ids"]]
    return {**found, "tickets": tickets, "stale": stale}


async def _ticket(ticket_id: str, deps: Dependencies) -> Document:
    ticket = await deps.queries.ticket(ticket_id) or {}
    return {field: ticket.get(field) for field in ("ticket_id", "state", "token", "mint_address")}


def _shown(view: RefundView) -> dict[str, Any]:
    refund = view.refund
    return {
        "refund_id": refund.refund_id,
        "purchase_id": refund.purchase.purchase_id,
        "state": view.state,
        "amount_minor": refund.amount_minor,
        "currency": view.currency,
        "ticket_ids": list(refund.ticket_ids),
        "fees": view.fees,
        "reason": view.reason,
    }
