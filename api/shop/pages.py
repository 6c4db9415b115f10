"""The pages of the shop: shows, a show, an order."""

from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path as FilePath
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import Depends, Path, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import ValidationError

from activities.refunds.request_refund import RequestRefund
from api.http.guard import TOKEN_PARAMETER, Caller, guarded_router, needs, public
from api.http.problems import INVALID_REQUEST, NOT_FOUND, Problem, not_found
from api.http.read_your_writes import find, require
from api.http.requests import Client, Deps, PurchaseId, ShowId, TicketId, digest_of
from api.ports import Dependencies
from api.routes.ipfs import PICTURE_POLICY
from api.routes.purchase_events import Received, check_stream, follow_purchase
from api.routes.purchases import BuyerBody, PurchaseBody, requested_by
from api.routes.quotes import ItemBody
from api.routes.refunds import RefundBody, decide_refund
from api.routes.tickets import verify_ticket
from api.shop.errors import is_page
from api.shop.progress import proof_sentence, sentence_of, steps_of, was_declined
from api.shop.render import FOLDER, POLICY, STRIPES_POLICY, page, workflows_link
from api.shop.visitor import FromOurPage, Shopper, keep_order, read_form
from domain.core.actor import acting_as
from domain.core.ids import order_ref_of
from domain.core.transient import TransientError
from domain.views.catalog import StockedShow, moment_of, state_at
from domain.views.listed import ListQuery
from domain.views.purchase import ENDED_STATES, SOLD_STATES, PurchaseHistory
from domain.views.rows import SHOW_LIST

router = guarded_router(include_in_schema=False)
SHOWN_MAX = 50
TICKETS_MAX = 10  # of one type in one form
CHAIN_AWAY = "The chain does not answer at the moment. Your ticket is valid all the same: try again later."
SWAGGER_UI = FilePath(str(files("fastapi_offline"))) / "static"
ASSETS = {path.name: path for path in (FOLDER / "assets").iterdir()}
ASSETS |= {name: SWAGGER_UI / name for name in ("swagger-ui.css", "swagger-ui-bundle.js")}
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@router.get("/shows")
@public
@is_page
async def show_list(deps: Deps, shopper: Shopper) -> Response:
    """Show what is on sale, or was sold out: the newest shows first."""
    with acting_as(shopper.actor):
        found = await deps.queries.page(SHOW_LIST, ListQuery(states=("opened",), limit=SHOWN_MAX))
    shows = [await _show(row["show_id"], shopper.tenant_id, deps) for row in found["items"]]
    return page("shows.html", shows=[show for show in shows if show["on_sale"]])


@router.get("/shows/{show_id}")
@public
@is_page
async def show_show(show_id: ShowId, deps: Deps, shopper: Shopper) -> Response:
    """Show a show, its prices and what is left, with the form that buys."""
    return page("show.html", show=await _show(show_id, shopper.tenant_id, deps), key=uuid4(), most=TICKETS_MAX)


@router.get("/shows/{show_id}/stock")
@public
@is_page
async def show_stock(show_id: ShowId, deps: Deps, shopper: Shopper) -> Response:
    """Show what is left of a show: a part of its page, which asks for it again and again."""
    return page("stock.html", show=await _show(show_id, shopper.tenant_id, deps), most=TICKETS_MAX)


@router.post("/shows/{show_id}/orders", dependencies=[FromOurPage])
@public
@is_page
async def buy_from_page(show_id: ShowId, request: Request, deps: Deps, shopper: Shopper, client: Client) -> Response:
    """Hold the seats that a form asks for, and go to the page of the order; sent again, it is the same order."""
    form = await read_form(request)
    body, key = _wanted(show_id, form), form.get("key", "")
    with acting_as(shopper.actor):
        requested = await requested_by(shopper, body, key, client, deps)
        await deps.engine.open_purchase(requested.purchase, requested.about)
    purchase_id = requested.purchase.purchase_id
    response = RedirectResponse(f"/orders/{purchase_id}", 303)
    keep_order(response, purchase_id, deps.authenticator.purchase_token(purchase_id), deps)
    return response


@router.get("/orders/{purchase_id}")
@needs(or_buyer=True, by_cookie=True)
@is_page
async def show_order(purchase_id: PurchaseId, request: Request, deps: Deps) -> Response:
    """Show an order. The link of an order gives the browser its token, and the address forgets every secret."""
    if request.query_params:  # a link's token, or what Stripe adds to an address to which it sends a buyer back
        response = RedirectResponse(f"/orders/{purchase_id}", 303)
        token = request.query_params.get(TOKEN_PARAMETER)
        if token is not None:
            keep_order(response, purchase_id, token, deps)
        return response
    order = await _order(purchase_id, deps)
    secret = await deps.secrets.get(purchase_id) if order["state"] == "awaiting-payment" else None
    stripes = secret is not None and not deps.shop.pay_page
    query = urlencode({TOKEN_PARAMETER: deps.authenticator.purchase_token(purchase_id)})
    return page(
        "order/order.html",
        policy=STRIPES_POLICY if stripes else POLICY,
        link=f"{deps.shop.public_url}/orders/{purchase_id}?{query}",
        can_crash=deps.shop.stack_file is not None,
        workflows=workflows_link(deps.shop, "PurchaseId", purchase_id) if deps.shop.stack_file is not None else "",
        secret=secret if stripes else None,
        publishable_key=deps.publishable_key,
        **await _progress(order, secret, deps),
    )


@router.get("/orders/{purchase_id}/progress")
@needs(or_buyer=True, by_cookie=True)
@is_page
async def show_progress(purchase_id: PurchaseId, deps: Deps) -> Response:
    """Show how an order stands: the part of its page that changes."""
    order = await _order(purchase_id, deps)
    secret = await deps.secrets.get(purchase_id) if order["state"] == "awaiting-payment" else None
    return page("order/progress.html", **await _progress(order, secret, deps))


@router.get("/orders/{purchase_id}/events", response_class=EventSourceResponse, dependencies=[Depends(check_stream)])
@needs(or_buyer=True, by_cookie=True)
async def follow_order(
    purchase_id: PurchaseId, received: Received, deps: Deps, caller: Caller, request: Request
) -> AsyncIterator[ServerSentEvent]:
    """Stream the order to its page, as the API does."""
    async for event in follow_purchase(purchase_id, received, deps, caller, request):
        yield event


@router.get("/orders/{purchase_id}/tickets/{ticket_id}/code.svg")
@needs(or_buyer=True, by_cookie=True)
@is_page
async def draw_order_code(purchase_id: PurchaseId, ticket_id: TicketId, deps: Deps) -> Response:
    """Draw the QR code of one of the order's tickets."""
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": PICTURE_POLICY}
    code = await _code(purchase_id, ticket_id, deps)
    return Response(deps.ticket_codes.draw(code, "svg"), media_type="image/svg+xml", headers=headers)


@router.get("/orders/{purchase_id}/tickets/{ticket_id}/code.txt")
@needs(or_buyer=True, by_cookie=True)
@is_page
async def read_order_code(purchase_id: PurchaseId, ticket_id: TicketId, deps: Deps) -> Response:
    """Return the text of a QR code, for a gate without a camera."""
    return PlainTextResponse(await _code(purchase_id, ticket_id, deps), headers={"Cache-Control": "no-store"})


@router.get("/orders/{purchase_id}/tickets/{ticket_id}/proof")
@needs(or_buyer=True, by_cookie=True)
@is_page
async def show_proof(purchase_id: PurchaseId, ticket_id: TicketId, deps: Deps) -> Response:
    """Ask the chain about one of the order's tickets, and show the proof."""
    order = await _order_with(purchase_id, ticket_id, deps)
    show = await _show(order["show_id"], order["tenant_id"], deps)
    try:
        ticket = await verify_ticket(ticket_id, deps)
    except TransientError:
        return page("order/proof.html", 503, order=order, show=show, ticket=None, sentence=CHAIN_AWAY)
    return page("order/proof.html", order=order, show=show, ticket=ticket, sentence=proof_sentence(ticket))


@router.post("/orders/{purchase_id}/cancel", dependencies=[FromOurPage])
@needs(or_buyer=True, by_cookie=True)
@is_page
async def cancel_order(purchase_id: PurchaseId, deps: Deps) -> Response:
    """Cancel an order before it is paid."""
    await deps.purchases.request_cancel(purchase_id)
    await deps.engine.buyer_cancelled(purchase_id)
    return RedirectResponse(f"/orders/{purchase_id}", 303)


@router.post("/orders/{purchase_id}/refund", dependencies=[FromOurPage])
@needs(or_buyer=True, by_cookie=True)
@is_page
async def refund_order(purchase_id: PurchaseId, deps: Deps, caller: Caller) -> Response:
    """Refund what is left of an order; sent again, it is the same refund."""
    body = RefundBody()
    command = RequestRefund(
        tenant_id=caller.tenant_id,
        purchase_id=purchase_id,
        refund_id=deps.identity.of_key("rf", caller.name, "whole-from-page", purchase_id),
        body_digest=digest_of(body, "whole-from-page"),
        reason=body.reason,
        fees=body.fees,
        by_buyer=True,
    )
    await decide_refund(command, deps)
    return RedirectResponse(f"/orders/{purchase_id}", 303)


@router.get("/assets/{name}")
@public
async def read_asset(name: Annotated[str, Path()]) -> Response:
    """Return a file of the pages."""
    path: FilePath | None = ASSETS.get(name)
    if path is None:
        raise Problem(NOT_FOUND, f"asset {name} does not exist")
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers={"Cache-Control": "public, max-age=300"})


def _wanted(show_id: str, form: dict[str, str]) -> PurchaseBody:
    """Return the purchase that a form asks for."""
    chosen = {name.removeprefix("quantity-"): text for name, text in form.items() if name.startswith("quantity-")}
    try:
        items = [ItemBody(ticket_type_id=name, quantity=int(text)) for name, text in chosen.items() if text != "0"]
        if not items:
            raise Problem(INVALID_REQUEST, "Choose at least one ticket.")
        buyer = BuyerBody(name=form.get("name") or None, email=form.get("email") or None)
        return PurchaseBody(show_id=show_id, items=items, buyer=buyer, discount_code=form.get("code") or None)
    except (ValidationError, ValueError) as error:
        fault = "Check the numbers, the name, the e-mail address and the code; a copied text may hide characters."
        raise Problem(INVALID_REQUEST, fault) from error


async def _show(show_id: str, tenant_id: str, deps: Dependencies) -> StockedShow:
    found = await find(deps.queries, deps.queries.show, show_id)
    if found is None or found["tenant_id"] != tenant_id:
        raise not_found("show", show_id)
    can_be_bought = state_at(found, deps.now()) in {"on-sale", "sold-out"}
    return {**found, "on_sale": can_be_bought}


async def _order(purchase_id: str, deps: Dependencies) -> PurchaseHistory:
    return await require("purchase", deps.queries, deps.queries.purchase, purchase_id)


async def _order_with(purchase_id: str, ticket_id: str, deps: Dependencies) -> PurchaseHistory:
    """Return the order that has a ticket; 404 for another order's."""
    order = await _order(purchase_id, deps)
    if ticket_id not in {ticket["ticket_id"] for ticket in order["tickets"]}:
        raise not_found("ticket", ticket_id)
    return order


async def _code(purchase_id: str, ticket_id: str, deps: Dependencies) -> str:
    """Return the newest code of a ticket of this order."""
    await _order_with(purchase_id, ticket_id, deps)
    return deps.ticket_codes.make(ticket_id, await deps.door.generation(ticket_id))


async def _progress(order: PurchaseHistory, secret: str | None, deps: Dependencies) -> dict[str, Any]:
    """Return what the changing part of an order's page shows."""
    purchase_id, pay = order["purchase_id"], None
    if secret is not None and deps.shop.pay_page:
        back = f"{deps.shop.public_url}/orders/{purchase_id}"
        terms = {"client_secret": secret, "key": deps.publishable_key, "return_url": back}
        pay = f"{deps.shop.pay_page}#{urlencode(terms)}"  # what follows the # is sent to no server
    show = await _show(order["show_id"], order["tenant_id"], deps)
    return {
        "order": order,
        "show": show,
        "types": {item["ticket_type_id"]: item for item in show["ticket_types"]},
        "order_ref": order_ref_of(purchase_id),
        "sentence": sentence_of(order),
        "steps": steps_of(order),
        "was_declined": was_declined(order),
        "pay": pay,
        "can_refund": order["state"] in SOLD_STATES
        and order["refund_state"] == "none"
        and order["dispute_state"] == "none",
        "is_in_time": (until := moment_of(show["refund_until"])) is None or deps.now() < until,
        "has_ended": order["state"] in ENDED_STATES,
    }
