"""Purchases: ask for tickets, follow the purchase, let it go."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from activities.sales.request_purchase import PurchaseStanding, Requested, RequestPurchase
from api.http.problems import Problem, not_found, refused
from api.http.read_your_writes import find, is_stale
from api.http.requests import NO_CONTROLS, After, Body, IdInPath, Key, Name, With, digest_of, left_out
from api.ports import Parts
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
    """Who buys; all of it may be left out, and none of it goes into facts, workflows or logs."""

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


async def buy(body: PurchaseBody, key: Key, parts: With) -> Response:
    """Hold the seats and lock the price, durably, then open the checkout if the engine is quick enough.

    201 with the price and the client secret; 200 with the same for a repeated key, from the facts; 202 when the seats
    are held and the checkout opens later, with links under which it can be read and followed. Sold out is 409 at once.
    """
    requested = await recorded(command_of(body, key, parts), body.buyer, parts)
    return await checkout_of(requested, parts)


async def checkout_of(requested: Requested, parts: Parts) -> Response:
    """Open the checkout of a recorded purchase and answer with it, or with where it can be followed."""
    purchase, standing = requested.purchase, requested.standing
    if standing.state in UNANSWERED:
        opened = await parts.engine.open_purchase(purchase, requested.show_id, requested.venue_id)
        if opened is not None:
            standing = await _opened(opened, purchase.purchase_id, parts)
    secret = await parts.secrets.get(purchase.purchase_id) if standing.state == "awaiting-payment" else None
    content = _checkout(standing, secret)
    status = 202 if standing.state in UNANSWERED else 201 if requested.fresh else 200
    location = f"/api/v1/purchases/{purchase.purchase_id}?after={standing.position}"
    return JSONResponse(content, status, {"Location": location})


@router.get("/{purchase_id}")
async def read_purchase(purchase_id: IdInPath, parts: With, after: After = 0) -> dict[str, Any]:
    """Return a purchase: its state, price, tickets, payment, books and its timeline of facts in plain words."""
    stale = await is_stale(parts.queries, after)
    found = await find(parts.queries, parts.queries.purchase, purchase_id)
    if found is None:
        raise not_found("purchase", purchase_id)
    secret = await parts.secrets.get(purchase_id) if found["state"] == "awaiting-payment" else None
    more = {"client_secret": secret, "expires_at": found["hold_until"], "links": _links(purchase_id)}
    return {**found, **more, "stale": stale}


@router.delete("/{purchase_id}", status_code=202)
async def cancel(purchase_id: IdInPath, parts: With, response: Response) -> dict[str, Any]:
    """Let a purchase go, as long as its capture has not been requested."""
    position = await parts.door.request_cancel(purchase_id)
    await parts.engine.buyer_cancelled(purchase_id)
    response.headers["Location"] = f"/api/v1/purchases/{purchase_id}?after={position}"
    return {"purchase_id": purchase_id, "state": "cancelling"}


async def _opened(opened: CheckoutAnswer, purchase_id: str, parts: Parts) -> PurchaseStanding:
    """Return how a purchase stands whose checkout has opened, or raise why it has ended."""
    if opened.refusal_code is not None:
        raise refused(opened.refusal_code, opened.refusal_detail)
    standing = await parts.door.look(purchase_id)
    if standing is None:
        raise not_found("purchase", purchase_id)
    if standing.state == "refused":
        raise refused(standing.end_reason or "refused", None)
    return standing


def command_of(body: PurchaseBody, key: str, parts: Parts) -> RequestPurchase:
    """Return the request of a body under its key; its digest recognises a reused key."""
    tenant_id = parts.limits.tenant_id
    digest = digest_of(body, key)
    return RequestPurchase(
        tenant_id=tenant_id,
        purchase_id=purchase_id_of(tenant_id, key),
        body_digest=digest,
        show_id=body.show_id,
        lines=body.lines(),
        buyer_id=derived("bu", tenant_id, key, digest),
        hold_seconds=_hold_seconds(body, parts),
        discount_code=body.discount_code and spelt(body.discount_code),
        expected_total_minor=body.expected_total_minor,
        queue_seconds=parts.limits.queue_seconds,
        allowance_id=_allowance_id(body.buyer, parts),
        open_purchases_max=parts.limits.open_purchases_max,
    )


async def recorded(command: RequestPurchase, buyer: BuyerBody, parts: Parts) -> Requested:
    """Keep what the buyer said and record the request; a refused request leaves nothing behind."""
    if buyer.wallet is not None and not parts.is_wallet(buyer.wallet):
        raise InvalidWallet("the wallet is not an address that can hold tickets")
    if buyer == BuyerBody():
        return await parts.door.request_purchase(command)
    await parts.buyers.keep(command.buyer_id, command.tenant_id, buyer.name, buyer.email, buyer.wallet)
    try:
        return await parts.door.request_purchase(command)
    except Refusal:
        await parts.buyers.forget(command.buyer_id)
        raise


def _allowance_id(buyer: BuyerBody, parts: Parts) -> str:
    """Return what a named buyer's tickets are counted under; nobody can tell the name by it."""
    name = buyer.email.strip().casefold() if buyer.email is not None else buyer.wallet
    return derived("al", parts.limits.tenant_id, parts.pseudonym(name)) if name else ""


def _hold_seconds(body: PurchaseBody, parts: Parts) -> int | None:
    if body.hold_seconds is not None and body.hold_seconds > parts.limits.hold_seconds_max:
        raise Problem(422, "invalid-request", f"hold_seconds is {parts.limits.hold_seconds_max} at most")
    return body.hold_seconds


def _checkout(standing: PurchaseStanding, client_secret: str | None) -> dict[str, Any]:
    return {
        "purchase_id": standing.purchase_id,
        "state": standing.state,
        "price": standing.price.model_dump() if standing.price else None,
        "client_secret": client_secret,
        "expires_at": standing.hold_until.isoformat(),
        "end_reason": standing.end_reason,
        "links": _links(standing.purchase_id),
    }


def _links(purchase_id: str) -> dict[str, str]:
    return {name: f"{PATH}/{purchase_id}{more}" for name, more in LINKS.items()}
