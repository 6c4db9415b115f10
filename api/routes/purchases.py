"""Purchases: buy tickets, read a purchase, cancel it."""

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from activities.sales.request_purchase import PurchaseStatus, Requested, RequestPurchase
from api.http.problems import INVALID_REQUEST, NOT_FOUND, REFUSED, Problem, may_answer, not_found, refused
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import (
    NO_CONTROLS,
    After,
    Body,
    Deps,
    Key,
    Name,
    PurchaseId,
    about,
    digest_of,
    digest_of_content,
    left_out,
)
from api.ports import Dependencies
from api.routes.quotes import WantedBody
from domain.catalog.discount import spelt
from domain.core.errors import (
    BuyerLimitReached,
    CancelTooLate,
    DiscountRefused,
    HoldExpired,
    HoldReleased,
    InvalidWallet,
    KeyReused,
    NotChargeable,
    NotOnSale,
    PaymentRefused,
    PriceMoved,
    PurchaseCancelled,
    Refusal,
    SeatsUnavailable,
    UnknownSubject,
    WrongState,
)
from domain.core.ids import derived, purchase_id_of
from domain.core.timestamp import Timestamp
from domain.orders.personal_data import PersonalData
from domain.views.common import PriceDocument, price_document
from domain.views.purchase import PurchaseHistory, PurchaseState
from workflows.purchase import CheckoutAnswer

PATH = "/api/v1/purchases"
router = APIRouter(prefix=PATH, tags=["purchases"])
TOTAL_MINOR_MAX = 10**12
UNANSWERED = {"requested", "reserving"}


class BuyerBody(Body):
    """The buyer; every field is optional, and none of them goes into events, workflows or logs."""

    name: Annotated[Name | None, about("Name of the buyer.", "Ann Buyer")] = None
    email: Annotated[
        Annotated[str, StringConstraints(min_length=3, max_length=320, pattern=NO_CONTROLS)] | None,
        about("E-mail address; tickets per buyer are counted by it.", "ann@example.org"),
    ] = None
    wallet: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=64)] | None,
        about("Solana address that receives the tickets' tokens.", "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"),
    ] = None


class PurchaseBody(WantedBody):
    """Tickets to buy, and the buyer."""

    buyer: Annotated[BuyerBody, about("The buyer; may be left out.", {"email": "ann@example.org"})] = BuyerBody()
    hold_seconds: Annotated[
        Annotated[int, Field(ge=1)] | None,
        about("How long the checkout holds the seats; may shorten the show's hold, not lengthen it.", 300),
    ] = None
    expected_total_minor: Annotated[
        int | None,
        Field(ge=0, le=TOTAL_MINOR_MAX, exclude_if=left_out),
        about("Total that the buyer saw, in minor units; any other total is refused.", 5520),
    ] = None


class PurchaseLinks(TypedDict):
    """Paths of the purchase's status, its event stream and its receipt."""

    status: str
    events: str
    receipt: str


class Checkout(TypedDict):
    """The checkout of a purchase: pay with `client_secret` before `expires_at`; null while nothing can be paid."""

    purchase_id: str
    state: PurchaseState
    price: PriceDocument | None
    client_secret: str | None
    expires_at: Timestamp
    end_reason: str | None
    links: PurchaseLinks


class PurchaseAnswer(PurchaseHistory):
    """A purchase; `stale` is true when the answer may lack the event that was waited for."""

    client_secret: str | None
    expires_at: Timestamp
    links: PurchaseLinks
    stale: bool


class CancelAccepted(TypedDict):
    """The cancel was recorded; the purchase ends as `cancelled`."""

    purchase_id: str
    state: Literal["cancelling"]


CHECKOUT_PROBLEMS = may_answer(
    BuyerLimitReached,
    DiscountRefused,
    HoldExpired,
    HoldReleased,
    InvalidWallet,
    NotChargeable,
    NotOnSale,
    PaymentRefused,
    PriceMoved,
    PurchaseCancelled,
    SeatsUnavailable,
    UnknownSubject,
    WrongState,
    REFUSED,
)
CHECKOUT_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Checkout, "description": "The key was used before: the same purchase as it is now."},
    201: {"model": Checkout, "description": "The seats are held and the checkout is open."},
    202: {"model": Checkout, "description": "The seats are held; the checkout opens later, follow `links`."},
}


async def buy(body: PurchaseBody, key: Key, deps: Deps) -> Response:
    """Hold the seats and lock the price, durably, then open the checkout if Temporal answers in time.

    201 with the price and the client secret; 200 with the same purchase for a repeated key; 202 when the seats are held
    and the checkout opens later, with links to read and follow it. Sold out is 409 at once.
    """
    requested = await recorded(command_of(body, key, deps), body, key, deps)
    return await checkout_of(requested, deps)


async def checkout_of(requested: Requested, deps: Dependencies) -> Response:
    """Open the checkout of a recorded purchase and answer with it, or with the links to follow it."""
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


@router.get("/{purchase_id}", openapi_extra=may_answer(NOT_FOUND))
async def read_purchase(purchase_id: PurchaseId, deps: Deps, after: After = 0) -> PurchaseAnswer:
    """Return a purchase: its state, price, tickets, payment, postings and its timeline in plain words."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.purchase, purchase_id)
    if found is None:
        raise not_found("purchase", purchase_id)
    secret = await deps.secrets.get(purchase_id) if found["state"] == "awaiting-payment" else None
    return {
        **found,
        "client_secret": secret,
        "expires_at": found["hold_until"],
        "links": _links(purchase_id),
        "stale": stale,
    }


@router.delete("/{purchase_id}", status_code=202, openapi_extra=may_answer(UnknownSubject, CancelTooLate))
async def cancel_purchase(purchase_id: PurchaseId, deps: Deps, response: Response) -> CancelAccepted:
    """Cancel a purchase before its payment is captured; after that it is refunded."""
    position = await deps.purchases.request_cancel(purchase_id)
    await deps.engine.buyer_cancelled(purchase_id)
    response.headers["Location"] = f"/api/v1/purchases/{purchase_id}?after={position}"
    return {"purchase_id": purchase_id, "state": "cancelling"}


async def _opened(opened: CheckoutAnswer, purchase_id: str, deps: Dependencies) -> PurchaseStatus:
    """Return the status of a purchase whose checkout has opened, or raise the refusal that ended it."""
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
    return RequestPurchase(
        tenant_id=tenant_id,
        purchase_id=purchase_id_of(tenant_id, key),
        body_digest=_digest_of(body, key),
        show_id=body.show_id,
        lines=body.lines(),
        buyer_id=derived("bu", secrets.token_hex()),
        hold_seconds=_hold_seconds(body, deps),
        discount_code=body.discount_code and spelt(body.discount_code),
        expected_total_minor=body.expected_total_minor,
        queue_seconds=deps.limits.queue_seconds,
        open_purchases_max=deps.limits.open_purchases_max,
    )


async def recorded(
    command: RequestPurchase, body: PurchaseBody, key: str, deps: Dependencies, *, counted: bool = True
) -> Requested:
    """Store the buyer and record the request; a refused request and a repeated one leave nothing behind.

    `counted` says whether the tickets count for the limits per buyer.
    """
    if body.buyer.wallet is not None and not deps.is_wallet(body.buyer.wallet):
        raise InvalidWallet("the wallet is not a valid Solana address")
    if body.buyer == BuyerBody():
        return await _requested(command, body, key, deps)
    personal, new_allowance_id = personal_of(body), derived("al", secrets.token_hex())
    allowance_id = await deps.buyers.keep(
        command.buyer_id, command.tenant_id, command.purchase_id, personal, new_allowance_id
    )
    try:
        requested = await _requested(command._replace(allowance_id=allowance_id if counted else ""), body, key, deps)
    except Refusal:
        await deps.buyers.forget(command.buyer_id)
        raise
    if requested.buyer_id != command.buyer_id:  # a repeat: the first request's buyer counts
        await deps.buyers.forget(command.buyer_id)
        await _check_same_buyer(requested.buyer_id, personal, deps)
    return requested


def personal_of(body: PurchaseBody) -> PersonalData:
    """Return the personal data of a request; it goes into the table of buyers, and nowhere else."""
    return PersonalData(body.buyer.name, body.buyer.email, body.buyer.wallet)


async def _requested(command: RequestPurchase, body: PurchaseBody, key: str, deps: Dependencies) -> Requested:
    """Record the request; a repeat of one that release 0.1.0 recorded is recognised by that release's digest."""
    try:
        return await deps.purchases.request_purchase(command)
    except KeyReused:
        return await deps.purchases.request_purchase(command._replace(body_digest=digest_of(body, key)))


async def _check_same_buyer(buyer_id: str, personal: PersonalData, deps: Dependencies) -> None:
    """Raise KeyReused if the first request named another buyer; an erased buyer is not compared."""
    first = await deps.buyers.read(buyer_id)
    if first is not None and first.personal != personal:
        raise KeyReused("this Idempotency-Key was used with a different body")


def _digest_of(body: PurchaseBody, key: str) -> str:
    """Return the digest of a request without its personal data, which must not be guessed by what the events keep."""
    content = {**body.model_dump(mode="json", exclude={"buyer"}), "named": body.buyer != BuyerBody()}
    return digest_of_content(content, key)


def _hold_seconds(body: PurchaseBody, deps: Dependencies) -> int | None:
    if body.hold_seconds is not None and body.hold_seconds > deps.limits.hold_seconds_max:
        raise Problem(INVALID_REQUEST, f"hold_seconds may be at most {deps.limits.hold_seconds_max}")
    return body.hold_seconds


def _checkout(purchase_status: PurchaseStatus, client_secret: str | None) -> Checkout:
    return {
        "purchase_id": purchase_status.purchase_id,
        "state": purchase_status.state,
        "price": price_document(purchase_status.price.model_dump()) if purchase_status.price else None,
        "client_secret": client_secret,
        "expires_at": purchase_status.hold_until.isoformat(),
        "end_reason": purchase_status.end_reason,
        "links": _links(purchase_status.purchase_id),
    }


def _links(purchase_id: str) -> PurchaseLinks:
    status = f"{PATH}/{purchase_id}"
    return {"status": status, "events": f"{status}/events", "receipt": f"{status}/receipt"}
