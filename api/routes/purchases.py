"""Purchases: buy tickets, read a purchase, cancel it."""

import re
import secrets
from typing import Annotated, Any, Literal

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field, StringConstraints
from typing_extensions import TypedDict

from activities.sales.request_purchase import PurchaseStatus, Requested, RequestPurchase
from api.http.about_request import HOLDS, note_purchase
from api.http.guard import TOKEN_PARAMETER, Caller, guarded_router, needs
from api.http.problems import INVALID_REQUEST, KEY_INVALID, NOT_FOUND, REFUSED, Problem, may_answer, not_found, refused
from api.http.read_your_writes import require, wait_for_position
from api.http.requests import (
    NO_CONTROLS,
    After,
    Body,
    Client,
    Deps,
    Key,
    Name,
    PurchaseId,
    Visible,
    about,
    added,
    digest_of,
    digest_of_content,
    left_out,
)
from api.ports import Dependencies
from api.routes.quotes import WantedBody
from domain.access.subject import Subject
from domain.catalog.discount import spelt
from domain.core.errors import (
    BuyerLimitReached,
    BuyerNameNeeded,
    CancelTooLate,
    ClientShareReached,
    DiscountRefused,
    HoldExpired,
    HoldReleased,
    InvalidWallet,
    KeyReused,
    MintingUnfunded,
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
from domain.core.ids import derived, order_ref_of
from domain.core.timestamp import Timestamp
from domain.orders.personal_data import PersonalData
from domain.stock.person import normal_email
from domain.views.common import PriceDocument, part_of, price_document
from domain.views.purchase import SOLD_STATES, UNOPENED_STATES, PurchaseHistory, PurchaseState
from workflows.purchase import CheckoutAnswer

PATH = "/api/v1/purchases"
router = guarded_router(prefix=PATH, tags=["purchases"])
TOTAL_MINOR_MAX = 10**12
RANDOM_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
ALLOWANCES_MAX = 2  # by e-mail address, and by wallet


def checked_email(text: str) -> str:
    """Refuse an e-mail address by which nobody can be counted."""
    normal_email(text, strips_tag=False)
    return text


Email = Annotated[
    str, StringConstraints(min_length=3, max_length=320, pattern=NO_CONTROLS), Visible, AfterValidator(checked_email)
]


class BuyerBody(Body):
    """The buyer; every field is optional, and none of them goes into events, workflows or logs."""

    name: Annotated[Name | None, about("Name of the buyer.", "Ann Buyer")] = None
    email: Annotated[
        Email | None,
        about("E-mail address; tickets per buyer are counted by it, and by the wallet.", "ann@example.org"),
    ] = None
    wallet: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=64), Visible] | None,
        about("Solana address that receives the tickets' tokens.", "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"),
    ] = None
    wallet_is_vault: Annotated[
        bool,
        Field(
            description="Whether the wallet is a vault off the curve, for which a program signs (multisig).",
            examples=[False],
            exclude_if=left_out,
        ),
    ] = False


class PurchaseBody(WantedBody):
    """Tickets to buy, and the buyer."""

    buyer: Annotated[BuyerBody, about("The buyer; may be left out.", {"email": "ann@example.org"})] = BuyerBody()
    hold_seconds: Annotated[
        Annotated[int, Field(ge=1)] | None,
        about("How long the checkout holds the seats; may shorten the show's hold, not lengthen it.", 300),
    ] = None
    expected_total_minor: Annotated[
        int | None,
        Field(ge=0, le=TOTAL_MINOR_MAX),
        added("Total that the buyer saw, in minor units; any other total is refused.", 5520),
    ] = None


class PurchaseLinks(TypedDict):
    """Paths of the purchase's status, its event stream and its receipt."""

    status: str
    events: str
    receipt: str


class Checkout(TypedDict):
    """The checkout of a purchase: pay with `client_secret` before `expires_at`; null while nothing can be paid.

    Whoever has the `purchase_token` is the buyer: it reads, follows, cancels and refunds this purchase. `links` have it
    in them. `order_ref` is short, to be read out to an operator.
    """

    purchase_id: str
    order_ref: str
    purchase_token: str
    state: PurchaseState
    price: PriceDocument | None
    client_secret: str | None
    expires_at: Timestamp
    end_reason: str | None
    links: PurchaseLinks


class PurchaseAnswer(PurchaseHistory):
    """A purchase; `stale` is true when the answer may lack the event that was waited for.

    Of a sold order `refund_until` is the end of the time in which its buyer may give tickets back; null: no end.
    """

    order_ref: str
    client_secret: str | None
    expires_at: Timestamp
    links: PurchaseLinks
    refund_until: Timestamp | None
    stale: bool


class CancelAccepted(TypedDict):
    """The cancel was recorded; the purchase ends as `cancelled`."""

    purchase_id: str
    state: Literal["cancelling"]


class PurchaseEnded(TypedDict):
    """The purchase had ended without a sale: there was nothing to cancel."""

    purchase_id: str
    state: Literal["cancelled", "refused"]
    end_reason: str


CHECKOUT_PROBLEMS = may_answer(
    BuyerLimitReached,
    BuyerNameNeeded,
    ClientShareReached,
    DiscountRefused,
    HoldExpired,
    HoldReleased,
    InvalidWallet,
    MintingUnfunded,
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


@needs("purchase")
async def buy(body: PurchaseBody, key: Key, client: Client, deps: Deps, caller: Caller) -> Response:
    """Hold the seats and lock the price, durably, then open the checkout if Temporal answers in time.

    201 with the price and the client secret; 200 with the same purchase for a repeated key; 202 when the seats are held
    and the checkout opens later, with links to read and follow it. Sold out is 409 at once.
    """
    return await checkout_of(await requested_by(caller, body, key, client, deps), deps)


async def requested_by(caller: Subject, body: PurchaseBody, key: str, client: str, deps: Dependencies) -> Requested:
    """Record the request of a caller at an address."""
    command = command_of(body, key, deps, caller)
    if caller.kind == "publishable":  # a shop's own server is one address for all of its buyers
        command = command._replace(client_id=deps.identity.derive("cl", caller.tenant_id, client))
    return await recorded(command, body, key, deps)


async def checkout_of(requested: Requested, deps: Dependencies) -> Response:
    """Open the checkout of a recorded purchase and answer with it, or with the links to follow it."""
    purchase, purchase_status = requested.purchase, requested.purchase_status
    if purchase_status.state in UNOPENED_STATES:
        opened = await deps.engine.open_purchase(purchase, requested.about)
        if opened is not None:
            purchase_status = await _opened(opened, purchase.purchase_id, deps)
    secret = await deps.secrets.get(purchase.purchase_id) if purchase_status.state == "awaiting-payment" else None
    token = deps.authenticator.purchase_token(purchase.purchase_id)
    content = _checkout(purchase_status, secret, token)
    status = 202 if purchase_status.state in UNOPENED_STATES else 201 if requested.fresh else 200
    location = f"/api/v1/purchases/{purchase.purchase_id}?after={purchase_status.position}"
    return JSONResponse(content, status, {"Location": location})


@router.get("/{purchase_id}", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "refund", "operate", or_buyer=True)
async def read_purchase(purchase_id: PurchaseId, deps: Deps, caller: Caller, after: After = 0) -> PurchaseAnswer:
    """Return a purchase: its state, price, tickets, payment, postings and its timeline in plain words.

    Only its buyer is told the `client_secret`.
    """
    stale = await wait_for_position(deps.queries, after)
    found = await require("purchase", deps.queries, deps.queries.purchase, purchase_id)
    may_pay = caller.kind == "buyer" and found["state"] == "awaiting-payment"
    secret = await deps.secrets.get(purchase_id) if may_pay else None
    return {
        **found,
        "order_ref": order_ref_of(purchase_id),
        "client_secret": secret,
        "expires_at": found["hold_until"],
        "links": _links(purchase_id, deps.authenticator.purchase_token(purchase_id) if caller.kind == "buyer" else ""),
        "refund_until": await _refund_until(found, deps),
        "stale": stale,
    }


async def _refund_until(purchase: PurchaseHistory, deps: Dependencies) -> str | None:
    if purchase["state"] not in SOLD_STATES:
        return None
    show = await deps.queries.show(purchase["show_id"])
    return show["refund_until"] if show else None


@router.delete(
    "/{purchase_id}",
    status_code=202,
    response_model=CancelAccepted,
    responses={200: {"model": PurchaseEnded, "description": "The purchase had ended without a sale before."}},
    openapi_extra=may_answer(UnknownSubject, CancelTooLate),
)
@needs("manage", "refund", or_buyer=True)
async def cancel_purchase(purchase_id: PurchaseId, deps: Deps) -> Response:
    """Cancel a purchase before its payment is captured; after that it is refunded. One that has ended stays so."""
    purchase_status = await deps.purchases.request_cancel(purchase_id)
    location = {"Location": f"/api/v1/purchases/{purchase_id}?after={purchase_status.position}"}
    if purchase_status.state != "cancelling":
        return JSONResponse(part_of(purchase_status, PurchaseEnded), 200, location)
    await deps.engine.buyer_cancelled(purchase_id)
    return JSONResponse(part_of(purchase_status, CancelAccepted), 202, location)


async def _opened(opened: CheckoutAnswer, purchase_id: str, deps: Dependencies) -> PurchaseStatus:
    """Return the status of a purchase whose checkout has opened, or raise the refusal that ended it."""
    if opened.refusal_code is not None:
        raise refused(opened.refusal_code, opened.refusal_detail, reason=opened.refusal_reason)
    purchase_status = await deps.purchases.look(purchase_id)
    if purchase_status is None:
        raise not_found("purchase", purchase_id)
    if purchase_status.state == "refused":
        raise refused(purchase_status.end_reason or "refused", None)
    return purchase_status


def command_of(body: PurchaseBody, key: str, deps: Dependencies, caller: Subject) -> RequestPurchase:
    """Return the request of a body under its key; its digest recognises a reused key.

    Everybody knows a publishable key: under it only a random Idempotency-Key keeps one client's purchase from another.
    """
    if caller.kind == "publishable" and not RANDOM_KEY.fullmatch(key):
        raise Problem(KEY_INVALID, "under a publishable key an Idempotency-Key is a random UUID (version 4)")
    tenant_id = caller.tenant_id
    purchase_id = deps.identity.of_key("pu", caller.name, key)
    return RequestPurchase(
        tenant_id=tenant_id,
        purchase_id=purchase_id,
        body_digest=_digest_of(body, key),
        show_id=body.show_id,
        lines=body.lines(),
        buyer_id=derived("bu", secrets.token_hex()),
        hold_seconds=_hold_seconds(body, deps),
        discount_code=body.discount_code and spelt(body.discount_code),
        expected_total_minor=body.expected_total_minor,
        queue_seconds=deps.limits.queue_seconds,
        open_purchases_max=deps.limits.open_purchases_max,
        client_share_percent=deps.limits.client_share_percent,
        nonce=deps.identity.nonce_of(purchase_id),
    )


async def recorded(
    command: RequestPurchase, body: PurchaseBody, key: str, deps: Dependencies, *, counted: bool = True
) -> Requested:
    """Store the buyer and record the request; a refused request and a repeated one leave nothing behind.

    `counted` says whether the tickets count for the limits per buyer.
    """
    if body.buyer.wallet is not None:
        await deps.wallets.check(body.buyer.wallet, vault=body.buyer.wallet_is_vault)
    if body.buyer == BuyerBody():
        return await _requested(command, body, key, deps)
    # It goes into the table of buyers, and nowhere else.
    personal = PersonalData(body.buyer.name, body.buyer.email, body.buyer.wallet)
    made = [derived("al", secrets.token_hex()) for _ in range(ALLOWANCES_MAX)]
    allowances = await deps.buyers.keep(command.buyer_id, command.tenant_id, command.purchase_id, personal, made)
    first, second, *_ = (*(allowances if counted else ()), "", "")
    try:
        named = command._replace(allowance_id=first, wallet_allowance_id=second)
        requested = await _requested(named, body, key, deps)
    except Refusal:
        await deps.buyers.forget(command.buyer_id)
        raise
    if requested.buyer_id != command.buyer_id:  # a repeat: the first request's buyer counts
        await deps.buyers.forget(command.buyer_id)
        await _check_same_buyer(requested.buyer_id, personal, deps)
    return requested


async def _requested(command: RequestPurchase, body: PurchaseBody, key: str, deps: Dependencies) -> Requested:
    """Record the request; a repeat of one that release 0.1.0 recorded is recognised by that release's digest."""
    note_purchase(command.purchase_id)
    try:
        requested = await deps.purchases.request_purchase(command)
    except KeyReused:
        requested = await deps.purchases.request_purchase(command._replace(body_digest=digest_of(body, key)))
    if requested.fresh:
        HOLDS.labels("purchase").inc()
    return requested


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


def _checkout(purchase_status: PurchaseStatus, client_secret: str | None, token: str) -> Checkout:
    return {
        "purchase_id": purchase_status.purchase_id,
        "order_ref": order_ref_of(purchase_status.purchase_id),
        "purchase_token": token,
        "state": purchase_status.state,
        "price": price_document(purchase_status.price.model_dump()) if purchase_status.price else None,
        "client_secret": client_secret,
        "expires_at": purchase_status.hold_until.isoformat(),
        "end_reason": purchase_status.end_reason,
        "links": _links(purchase_status.purchase_id, token),
    }


def _links(purchase_id: str, token: str) -> PurchaseLinks:
    status, query = f"{PATH}/{purchase_id}", f"?{TOKEN_PARAMETER}={token}" if token else ""
    return {"status": status + query, "events": f"{status}/events{query}", "receipt": f"{status}/receipt{query}"}
