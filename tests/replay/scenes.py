"""Scenes on the real stack, one for each way a workflow can end; each returns the workflow's id."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from temporalio.client import WorkflowFailureError

from activities.core.commands import PurchaseRef
from activities.sales.order import place
from adapters.database.startup import open_event_store
from domain.catalog.line import Line
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from tests.fakes.evidence import require_invariants
from tests.fakes.samples import only_requested
from tests.real.shop import Shop

# Two whole rounds of eight tries at Stripe, and the first try of the third.
OUTAGE_CALLS = 17
PATIENCE_SECONDS = 60
CAPTURABLE = "payment_intent.amount_capturable_updated"
Scene = Callable[[Shop], Awaitable[str]]


async def bought(shop: Shop, key: str, quantity: int = 2) -> Any:
    """Buy, and return the open checkout with its intent's id; a slow machine opens it after the answer."""
    answer = await shop.buy(key, quantity)
    assert answer.status_code in {httpx.codes.CREATED, httpx.codes.ACCEPTED}, answer.text
    body = await shop.until(answer.json()["purchase_id"], lambda seen: bool(seen["client_secret"]), 60)
    return {**body, "intent_id": body["client_secret"].partition("_secret")[0]}


async def ended(shop: Shop, purchase_id: str, state: str, seconds: float = 60) -> str:
    """Wait for the state, check all sums, and return the workflow's id."""
    end = await shop.ended(purchase_id, seconds)
    assert end["state"] == state, end
    await closed(shop, f"purchase/{purchase_id}")
    await shop.check_sums([purchase_id])
    return f"purchase/{purchase_id}"


async def closed(shop: Shop, workflow_id: str) -> Any:
    """Wait for a workflow's result; a cancelled one has none."""
    try:
        return await (await shop.engine()).get_workflow_handle(workflow_id).result()
    except WorkflowFailureError:
        return None


async def emulate(shop: Shop, switch: str, **rule: Any) -> None:
    """Set a switch of the Stripe emulator."""
    async with httpx.AsyncClient(base_url=shop.stack.urls["stripe"], timeout=10) as http:
        (await http.post(f"/_emulator/{switch}", json=rule)).raise_for_status()


async def event(shop: Shop, purchase_id: str, name: str, times: int = 1) -> None:
    """Wait until a purchase's timeline has an event this many times."""
    await shop.until(purchase_id, lambda seen: sum(line["event"] == name for line in seen["timeline"]) >= times, 60)


async def fulfilled(shop: Shop) -> str:
    """Two tickets, paid at once."""
    await shop.open()
    body = await bought(shop, "record-fulfilled")
    await shop.pay(body["client_secret"])
    return await ended(shop, body["purchase_id"], "fulfilled")


async def sold_on_claim(shop: Shop) -> str:
    """Two tickets of a show that mints on claim: they are leaves."""
    await shop.open(minting="on_claim")
    body = await bought(shop, "record-on-claim")
    await shop.pay(body["client_secret"])
    return await ended(shop, body["purchase_id"], "fulfilled")


async def roots_written(shop: Shop) -> str:
    """The relay has the leaves of this or another sale written to the chain."""
    if not shop.show_id:
        await sold_on_claim(shop)
    workflow_id = f"roots/{shop.show_id}"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await shop.tree())["leaves_settled"]:  # noqa: ASYNC110 - another process tells it, by its table
            await asyncio.sleep(0.3)
    await closed(shop, workflow_id)
    require_invariants((await shop.at_rest(set())).findings)
    return workflow_id


async def declined_then_fulfilled(shop: Shop) -> str:
    """One card is declined, the next is not."""
    await shop.open()
    body = await bought(shop, "record-declined")
    await shop.pay(body["client_secret"], "pm_card_chargeDeclined")
    await event(shop, body["purchase_id"], "payment.declined")
    await shop.pay(body["client_secret"])
    return await ended(shop, body["purchase_id"], "fulfilled")


async def processing_then_fulfilled(shop: Shop) -> str:
    """The payment is processing at the hold's end: the hold is extended until it succeeds."""
    await shop.open(hold_seconds=6)
    body = await bought(shop, "record-processing")
    await shop.pay(body["client_secret"], "pm_emulator_slowCard")
    await event(shop, body["purchase_id"], "order.hold-extended", 2)
    await emulate(shop, f"payment_intents/{body['intent_id']}/finish_processing", outcome="succeed")
    return await ended(shop, body["purchase_id"], "fulfilled")


async def expired(shop: Shop) -> str:
    """Nobody pays."""
    await shop.open(hold_seconds=6)
    body = await bought(shop, "record-expired")
    return await ended(shop, body["purchase_id"], "cancelled")


async def sold_out(shop: Shop) -> str:
    """A recorded request that is not placed, for more seats than available: the saga refuses it."""
    await shop.open(capacity=1)
    purchase_id = await only_request(shop, "record-sold-out", 2)
    return await ended(shop, purchase_id, "refused")


async def cancelled_in_the_queue(shop: Shop) -> str:
    """The buyer cancels before the workflow has created a payment."""
    await shop.open()

    def placed_and_cancelled(uow: UnitOfWork, purchase: PurchaseRef) -> None:
        place(uow, purchase)
        uow.get(Order, purchase.purchase_id).request_cancel(uow.at)

    purchase_id = await only_request(shop, "record-queue", 2, placed_and_cancelled)
    return await ended(shop, purchase_id, "cancelled")


def nothing_more(uow: UnitOfWork, purchase: PurchaseRef) -> None:
    """Do nothing."""


async def only_request(
    shop: Shop, key: str, quantity: int, more: Callable[[UnitOfWork, PurchaseRef], None] = nothing_more
) -> str:
    """Record a request without placing it, as older releases did; the relay starts it. Return the purchase."""
    purchase_id = shop.id_of_key("pu", key)
    lines = [Line(ticket_type_id=shop.seat, quantity=quantity)]
    request = only_requested(purchase_id, lines, show_id=shop.show_id)
    store = await asyncio.to_thread(open_event_store, shop.stack.urls["postgres"])
    try:
        await store.commit(lambda uow: more(uow, request(uow)))
    finally:
        await asyncio.to_thread(store.close)
    return purchase_id


async def buyer_cancelled(shop: Shop) -> str:
    """The buyer cancels before paying."""
    await shop.open()
    body = await bought(shop, "record-cancelled")
    await shop.http.delete(f"/api/v1/purchases/{body['purchase_id']}")
    return await ended(shop, body["purchase_id"], "cancelled")


async def operator_cancelled(shop: Shop) -> str:
    """An operator cancels the workflow in the web UI."""
    await shop.open()
    body = await bought(shop, "record-operator")
    await (await shop.engine()).get_workflow_handle(f"purchase/{body['purchase_id']}").cancel()
    return await ended(shop, body["purchase_id"], "cancelled")


async def capture_refused(shop: Shop) -> str:
    """Stripe refuses the capture of an authorised payment."""
    await shop.open()
    body = await bought(shop, "record-capture")
    path = f"/v1/payment_intents/{body['intent_id']}/capture"
    await emulate(shop, "faults", method="POST", path=path, kind="status:400")
    await shop.pay(body["client_secret"])
    return await ended(shop, body["purchase_id"], "cancelled")


async def outage(shop: Shop) -> str:
    """Captures fail for two rounds: `NeedsOperator` is set, then one succeeds."""
    await shop.open()
    body = await bought(shop, "record-outage")
    path = f"/v1/payment_intents/{body['intent_id']}/capture"
    await emulate(shop, "faults", method="POST", path=path, kind="status:503", count=OUTAGE_CALLS)
    await shop.pay(body["client_secret"])
    return await ended(shop, body["purchase_id"], "fulfilled", 180)


async def late_payment(shop: Shop) -> str:
    """The webhook of an authorised payment comes after the buyer's cancel: a payment case returns the money."""
    await shop.open()
    await emulate(shop, "faults", event=CAPTURABLE, kind="delay:4000")
    body = await bought(shop, "record-late")
    await shop.pay(body["client_secret"])
    await shop.http.delete(f"/api/v1/purchases/{body['purchase_id']}")
    await ended(shop, body["purchase_id"], "cancelled")
    return f"payment-case/{body['intent_id']}"


async def venue_registered(shop: Shop) -> str:
    """A venue gets its group on chain."""
    await shop.open()
    return f"venue/{shop.venue_id}"


async def show_on_sale(shop: Shop) -> str:
    """A show gets its group on chain and goes on sale."""
    await shop.open()
    return f"show/{shop.show_id}"


async def reserved(shop: Shop, key: str, hold_seconds: int) -> str:
    """Hold two seats through the internal ticket API."""
    await shop.open()
    items = [{"ticket_type_id": shop.seat, "quantity": 2}]
    body = {"show_id": shop.show_id, "items": items, "hold_seconds": hold_seconds}
    answer = await shop.post("/internal/tickets/reserve", body, key)
    assert answer.is_success, answer.text
    return str(answer.json()["reservation_id"])


async def hold_expired(shop: Shop) -> str:
    """A hold of the internal ticket API expires."""
    workflow_id = f"hold/{await reserved(shop, 'record-hold', 3)}"
    assert await closed(shop, workflow_id) == "released"
    return workflow_id


async def hold_ended(shop: Shop) -> str:
    """A hold of the internal ticket API is confirmed in time."""
    reservation_id = await reserved(shop, "record-hold-ended", 600)
    await shop.post("/internal/tickets/confirm", {"reservation_id": reservation_id})
    assert await closed(shop, f"hold/{reservation_id}") == "confirmed"
    return f"hold/{reservation_id}"


# Alone and first: its switch delays the next webhook of its kind, of any purchase.
ALONE: tuple[Scene, ...] = (late_payment,)
TOGETHER: tuple[Scene, ...] = (
    fulfilled,
    sold_on_claim,
    roots_written,
    declined_then_fulfilled,
    processing_then_fulfilled,
    expired,
    sold_out,
    cancelled_in_the_queue,
    buyer_cancelled,
    operator_cancelled,
    capture_refused,
    outage,
    venue_registered,
    show_on_sale,
    hold_expired,
    hold_ended,
)
SCENES = ALONE + TOGETHER
