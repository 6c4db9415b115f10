"""Purchases: ask for tickets, follow the purchase, let it go."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from activities.sales.request_purchase import PurchaseStatus, Requested, RequestPurchase
from api.http.problems import Problem, not_found, refused
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import NO_CONTROLS, After, Body, Deps, IdInPath, Key, Name, digest_of, left_out
from api.ports import Dependencies
from api.routes.quotes import WantedBody
from domain.catalog.discount import spelt
from domain.core.errors import InvalidWallet, Refusal
from domain.core.ids import derived, purchase_id_of
from workflows.purchase import CheckoutAnswer

PATH = "/api/v1/purchases"
LINKS = {"status": "", "events": "/events", "receipt": "/receipt"}
router = APIRouter(prefix=PATH, tags=["purchases"])
TOTAL_MINOR_MAX = 10**12
UNANSWERED = {"requested", "reserving"}


class BuyerBody(Body):
    """Who buys; all of it may be left out, and none of it goes into events, workflows or logs."""

    name: Name | None = None
    email: Annotated[str, StringConstraints(min_length=3, max_length=320, pattern=NO_CONTROLS)] | None = None
    wallet: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


class PurchaseBody(WantedBody):
    """What a buyer asks for; `hold_seconds` may shorten the show's hold.

    With `expected_total_minor` the buyer is charged that or nothing.
    """

    buyer: BuyerBody = BuyerBody()
    hold_seconds: Annotated[int, Field(ge=1)] | None = None
    expected_total_minor: Annotated[int | None, Field(ge=0, le=TOTAL_MINOR_MAX, exclude_if=left_out)] = None


async def buy(body: PurchaseBody, key: Key, deps: Deps) -> Response:
    """Hold the seats and lock the price, durably, then open the checkout if the engine is quick enough.

    201 with the price and the client secret; 200 with the same for a repeated key, from the events; 202 when the seats
    are held and the checkout opens later, with links under which it can be read and followed. Sold out is 409 at once.
    """
    requested = await recorded(command_of(body, key, deps), body.buyer, deps)
    return await checkout_of(requested, deps)


async def checkout_of(requested: Requested, deps: Dependencies) -> Response:
    """Open the checkout of a recorded purchase and answer with it, or with where it can be followed."""
    purchase, purchase_status = requested.purchase, requested.purchase_status
    if purchase_status.state in UNANSWERED:
        opened = await deps.engine.open_purchase(purchase, requested.show_id, requested.venue_id)
        if opened is not None:
            purchase_status = await _opened(opened, purchase.purchase_id, deps)
    secret = await deps.secrets.get(purchase.purchase_id) if purchase_status.state == "awaiting-payment" else None
    content = _checkout(purchase_status, secret)
    status = 202 if purchase_status.state in UNANSWERED else 201 if requested.fresh else 200
    location = f"/api/v1/purchases/{purchase.purchase_id}?after={purchase_status.position}"
    return JSONResponse(content, status, {"Location": location})


@router.get("/{purchase_id}")
async def read_purchase(purchase_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return a purchase: its state, price, tickets, payment, books and its timeline of events in plain words."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.purchase, purchase_id)
    if found is None:
        raise not_found("purchase", purchase_id)
    secret = await deps.secrets.get(purchase_id) if found["state"] == "awaiting-payment" else None
    more = {"client_secret": secret, "expires_at": found["hold_until"], "links": _links(purchase_id)}
    return {**found, **more, "stale": stale}


@router.delete("/{purchase_id}", status_code=202)
async def cancel(purchase_id: IdInPath, deps: Deps, response: Response) -> dict[str, Any]:
    """Let a purchase go, as long as its capture has not been requested."""
    position = await deps.purchases.request_cancel(purchase_id)
    await deps.engine.buyer_cancelled(purchase_id)
    response.headers["Location"] = f"/api/v1/purchases/{purchase_id}?after={position}"
    return {"purchase_id": purchase_id, "state": "cancelling"}


async def _opened(opened: CheckoutAnswer, purchase_id: str, deps: Dependencies) -> PurchaseStatus:
    """Return how a purchase stands whose checkout has opened, or raise why it has ended."""
    if opened.refusal_code is not None:
        raise refused(opened.refusal_code, opened.refusal_detail)
    purchase_status = await deps.purchases.look(purchase_id)
    if purchase_status is None:
        raise not_found("purchase", purchase_id)
    if purchase_status.state == "refused":
        raise refused(purchase_status.end_reason or "refused", None)
    return purchase_status


def command_of(body: PurchaseBody, key: str, deps: Dependencies) -> RequestPurchase:
    """Return the request of a body under its key; its digest recognises a reused key."""
    tenant_id = deps.limits.tenant_id
    digest = digest_of(body, key)
    return RequestPurchase(
        tenant_id=tenant_id,
        purchase_id=purchase_id_of(tenant_id, key),
        body_digest=digest,
        show_id=body.show_id,
        lines=body.lines(),
        buyer_id=derived("bu", tenant_id, key, digest),
        hold_seconds=_hold_seconds(body, deps),
        discount_code=body.discount_code and spelt(body.discount_code),
        expected_total_minor=body.expected_total_minor,
        queue_seconds=deps.limits.queue_seconds,
        allowance_id=_allowance_id(body.buyer, deps),
        open_purchases_max=deps.limits.open_purchases_max,
    )


async def recorded(command: RequestPurchase, buyer: BuyerBody, deps: Dependencies) -> Requested:
    """Keep what the buyer said and record the request; a refused request leaves nothing behind."""
    if buyer.wallet is not None and not deps.is_wallet(buyer.wallet):
        raise InvalidWallet("the wallet is not an address that can hold tickets")
    if buyer == BuyerBody():
        return await deps.purchases.request_purchase(command)
    await deps.buyers.keep(command.buyer_id, command.tenant_id, buyer.name, buyer.email, buyer.wallet)
    try:
        return await deps.purchases.request_purchase(command)
    except Refusal:
        await deps.buyers.forget(command.buyer_id)
        raise


def _allowance_id(buyer: BuyerBody, deps: Dependencies) -> str:
    """Return what a named buyer's tickets are counted under; nobody can tell the name by it."""
    name = buyer.email.strip().casefold() if buyer.email is not None else buyer.wallet
    return derived("al", deps.limits.tenant_id, deps.pseudonym(name)) if name else ""


def _hold_seconds(body: PurchaseBody, deps: Dependencies) -> int | None:
    if body.hold_seconds is not None and body.hold_seconds > deps.limits.hold_seconds_max:
        raise Problem(422, "invalid-request", f"hold_seconds is {deps.limits.hold_seconds_max} at most")
    return body.hold_seconds


def _checkout(purchase_status: PurchaseStatus, client_secret: str | None) -> dict[str, Any]:
    return {
        "purchase_id": purchase_status.purchase_id,
        "state": purchase_status.state,
        "price": purchase_status.price.model_dump() if purchase_status.price else None,
        "client_secret": client_secret,
        "expires_at": purchase_status.hold_until.isoformat(),
        "end_reason": purchase_status.end_reason,
        "links": _links(purchase_status.purchase_id),
    }


def _links(purchase_id: str) -> dict[str, str]:
    return {name: f"{PATH}/{purchase_id}{more}" for name, more in LINKS.items()}
