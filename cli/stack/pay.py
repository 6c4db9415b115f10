"""`boxoffice pay`: pay a purchase of a running stack with a test card, and follow it to its end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import httpx
import typer

from cli.buyer import ApiClient, DemoFailedError, JsonObject, check, pay_by_card
from cli.command import StackDir
from cli.stack.running import CALL_SECONDS, answered, api_of, stack_at, voice
from devstack.stack import Stack
from devstack.supervisor.data_dir import API_KEY
from domain.orders.state import ENDED

END_SECONDS = 120.0
EMULATOR = "stripe"  # the process of a stack that has no Stripe of its own
PAYMENT_METHOD = "pm_"


class EmulatedCard(NamedTuple):
    """A payment method of the emulator, and what the bank answers where it asks or takes its time."""

    method: str
    outcome: str = "succeed"


CARDS = {
    "good": EmulatedCard("pm_card_visa"),
    "declined": EmulatedCard("pm_card_chargeDeclined"),
    "insufficient-funds": EmulatedCard("pm_card_chargeDeclinedInsufficientFunds"),
    "expired": EmulatedCard("pm_card_chargeDeclinedExpiredCard"),
    "3ds": EmulatedCard("pm_card_authenticationRequired"),
    "3ds-refused": EmulatedCard("pm_card_authenticationRequired", "fail"),
    "disputed": EmulatedCard("pm_card_createDispute"),
    "debit": EmulatedCard("pm_success_de"),
    "debit-refused": EmulatedCard("pm_success_de", "fail"),
}
SWITCHES = {
    "requires_action": ("authenticate", "the bank asks for 3-D Secure"),
    "processing": ("finish_processing", "the bank is working on the debit"),
}
Card = Annotated[
    str, typer.Option(help=f"{', '.join(CARDS)}, or a payment method of the emulator, pm_...", show_default=True)
]


def pay(
    order: Annotated[
        str, typer.Argument(metavar="ORDER", help="id (pu_...) or reference of a purchase; else the newest unpaid one")
    ] = "",
    card: Card = "good",
    data_dir: StackDir = Path("data"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print the purchase as JSON")] = False,
) -> None:
    """Pay a purchase with a test card at the stack's Stripe emulator, and follow its steps to the end."""
    stack = stack_at(data_dir, "pay")
    ended = answered("pay", _paid(stack, order, card, as_json=as_json))
    say_end(ended, stack, as_json=as_json)


async def _paid(stack: Stack, order: str, card: str, *, as_json: bool) -> JsonObject:
    async with api_of(stack) as api:
        purchase_id = await _unpaid(api, order)
        return await pay_and_follow(stack, api, purchase_id, card, as_json=as_json)


async def _unpaid(api: ApiClient, order: str) -> str:
    """Return the id of the purchase that is meant."""
    if order.startswith("pu_"):
        return order
    query = f"order_ref={order}" if order else "state=awaiting-payment"
    found = (await api.get(f"/api/v1/purchases?{query}&limit=1"))["items"]
    missing = f"there is no order {order}" if order else "no purchase waits for its payment; make one: boxoffice buy"
    check(found, missing)
    return str(found[0]["purchase_id"])


async def pay_and_follow(stack: Stack, api: ApiClient, purchase_id: str, card: str, *, as_json: bool) -> JsonObject:
    """Pay a purchase that waits for it; return its document at its end. Raise `DemoFailedError` when it is not paid."""
    chosen = card_of(card)
    found = await api.get(f"/api/v1/purchases/{purchase_id}")
    check_payable(stack, found)
    await _pay_at_emulator(stack, found, chosen, (lambda _: None) if as_json else typer.echo)
    return await api.purchase(purchase_id, voice(as_json=as_json), ENDED, END_SECONDS, len(found["timeline"]))


def card_of(name: str) -> EmulatedCard:
    """Return a card by its name here or by the emulator's."""
    if name in CARDS:
        return CARDS[name]
    check(name.startswith(PAYMENT_METHOD), f"there is no card {name}; the cards are {', '.join(CARDS)}")
    return EmulatedCard(name)


def check_payable(stack: Stack, found: JsonObject) -> None:
    """Raise `DemoFailedError` unless a purchase waits for a payment that can be made here."""
    state, order_ref = found["state"], found["order_ref"]
    check(
        EMULATOR in stack.status["processes"],
        f"this stack pays at {stack.urls['stripe']}, not at the emulator: pay in the browser, at {stack.urls['api']}/",
    )
    reason = f" ({found['end_reason']})" if found["end_reason"] else ""
    check(state == "awaiting-payment", f"order {order_ref} is {state}{reason}: nothing can be paid; boxoffice buy")


async def _pay_at_emulator(stack: Stack, found: JsonObject, card: EmulatedCard, tell: Callable[[str], object]) -> None:
    intent_id = found["payment"]["intent_id"]
    secret_key = {"Authorization": f"Bearer {stack.env[API_KEY]}"}
    async with httpx.AsyncClient(
        base_url=stack.urls["stripe"], headers=secret_key, timeout=CALL_SECONDS, trust_env=False
    ) as stripe:
        intent = (await stripe.get(f"/v1/payment_intents/{intent_id}")).raise_for_status().json()
        status, answer = await pay_by_card(
            stack.urls["stripe"], intent["client_secret"], card.method, stack.publishable_key
        )
        again = f"the order still waits; another card: boxoffice pay {found['order_ref']} --card good"
        check(status == httpx.codes.OK, f"{answer.get('error', {}).get('message')} ({again})")
        if answer["status"] in SWITCHES:
            switch, happens = SWITCHES[answer["status"]]
            tell(f"  {happens}: {card.outcome}")
            asked = f"/_emulator/payment_intents/{intent_id}/{switch}"
            answer = (await stripe.post(asked, json={"outcome": card.outcome})).raise_for_status().json()
        failure = answer.get("last_payment_error")
        if failure and answer["status"] == "requires_payment_method":
            raise DemoFailedError(f"{failure['message']} ({again})")


def say_end(ended: JsonObject, stack: Stack, *, as_json: bool) -> None:
    """Print how a purchase ended; exit with code 1 if nothing was sold."""
    sold = ended["state"] == "fulfilled"
    if as_json:
        typer.echo(json.dumps(ended, indent=2))
    elif sold:
        for ticket in ended["tickets"]:
            typer.echo(f"ticket {ticket['ticket_id']}  {ticket['mint_address'] or 'no token yet'}")
        more = f"boxoffice purchase show {ended['purchase_id']} --data-dir {stack.folder}"
        typer.echo(f"order {ended['order_ref']} is paid; more: {more}")
    else:
        typer.echo(f"order {ended['order_ref']} ended without a sale: {ended['end_reason']}", err=True)
    if not sold:
        raise typer.Exit(1)
