"""`boxoffice buy`: hold tickets of a show of a running stack, and pay them at once if a card is named."""

import json
import uuid
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from cli.buyer import ApiClient, DemoFailedError, JsonObject, check
from cli.command import StackDir
from cli.stack.pay import Card, card_of, pay_and_follow, say_end
from cli.stack.running import answered, api_of, stack_at, voice
from devstack.stack import Stack
from domain.money.currency import money
from domain.orders.state import ENDED

OPEN_SECONDS = 60.0
OPENED = ENDED | {"awaiting-payment"}


class Wanted(NamedTuple):
    """What is bought; an empty show or ticket type is the first that is on sale."""

    tickets: int
    show: str
    seat: str
    code: str
    email: str


def buy(
    tickets: Annotated[int, typer.Argument(min=1, max=50, help="number of tickets")] = 1,
    show: Annotated[str, typer.Option(help="id of the show (sh_...); else the first on sale")] = "",
    seat: Annotated[str, typer.Option("--type", help="id or name of the ticket type; else the first with seats")] = "",
    code: Annotated[str, typer.Option(help="discount code")] = "",
    email: Annotated[str, typer.Option(help="the buyer's e-mail address")] = "",
    *,
    card: Card = "",
    data_dir: StackDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="print the purchase as JSON")] = False,
) -> None:
    """Hold tickets, and follow the steps until they can be paid; with --card pay them, and follow to the end."""
    stack = stack_at(data_dir, "buy")
    found = answered("buy", _bought(stack, Wanted(tickets, show, seat, code, email), card, as_json=as_json))
    if card or found["state"] != "awaiting-payment":
        say_end(found, stack, as_json=as_json)
    elif as_json:
        typer.echo(json.dumps(found, indent=2))


async def _bought(stack: Stack, wanted: Wanted, card: str, *, as_json: bool) -> JsonObject:
    if card:
        card_of(card)  # an unknown one holds no seats
    async with api_of(stack) as api:
        body = await _body(api, wanted)
        opened = await api.post("/api/v1/purchases", body, str(uuid.uuid4()))
        purchase_id, token = opened["purchase_id"], opened["purchase_token"]
        found = await api.purchase(purchase_id, voice(as_json=as_json), OPENED, OPEN_SECONDS)
        if found["state"] == "awaiting-payment" and not as_json:
            _say_open(stack, found, opened["links"]["status"])
        if card and found["state"] == "awaiting-payment":
            found = await pay_and_follow(stack, api, purchase_id, card, as_json=as_json)
    return {**found, "purchase_token": token, "client_secret": opened["client_secret"]}


async def _body(api: ApiClient, wanted: Wanted) -> JsonObject:
    show = await _show(api, wanted.show)
    fitting = [one for one in show["ticket_types"] if wanted.seat in ("", one["ticket_type_id"], one["name"])]
    names = ", ".join(f"{one['name']} ({one['available']} left)" for one in show["ticket_types"])
    check(fitting, f"{show['name']} has no ticket type {wanted.seat}; it has {names}")
    free = [one for one in fitting if one["available"] >= wanted.tickets]
    check(free, f"{show['name']} has not {wanted.tickets} seats of one type left: {names}")
    items = [{"ticket_type_id": free[0]["ticket_type_id"], "quantity": wanted.tickets}]
    body: JsonObject = {"show_id": show["show_id"], "items": items}
    body |= {"discount_code": wanted.code} if wanted.code else {}
    return body | ({"buyer": {"email": wanted.email}} if wanted.email else {})


async def _show(api: ApiClient, show_id: str) -> JsonObject:
    """Return the show that is meant, with what is left of it."""
    if not show_id:
        return await _first_on_sale(api)
    show = await api.get(f"/api/v1/shows/{show_id}")
    check(
        show["on_sale"],
        f"{show['name']} cannot be bought now: it is {show['state']}; boxoffice seed puts others on sale",
    )
    return show


async def _first_on_sale(api: ApiClient) -> JsonObject:
    """Return the oldest of the newest hundred shows that can be bought now."""
    listed = await api.get("/api/v1/shows?state=opened")
    for row in reversed(listed["items"]):
        show = await api.get(f"/api/v1/shows/{row['show_id']}")
        if show["on_sale"]:
            return show
    raise DemoFailedError("no show is on sale; put some there: boxoffice seed")


def _say_open(stack: Stack, found: JsonObject, link: str) -> None:
    price, (_, _, query) = found["price"], link.partition("?")
    total = money(price["total_minor"], price["currency"])
    typer.echo(f"order {found['order_ref']}: {total}, held until {found['expires_at'][:19]} UTC")
    typer.echo(f"pay here: boxoffice pay {found['order_ref']} --data-dir {stack.folder}")
    typer.echo(f"or in the browser: {stack.urls['api']}/orders/{found['purchase_id']}?{query}")
