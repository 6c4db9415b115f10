"""One test per gap found in the audit of the platform that this replaces, on the real stack."""

import httpx
import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from activities.registry import all_queues
from cli.buyer import read_mint
from tests.real.shop import Shop

pytestmark = pytest.mark.real


async def test_gap_missing_internal_endpoints(shop: Shop) -> None:
    """Every internal endpoint that the old services called exists, and uses the same stock."""
    await shop.open(capacity=10)
    lines = {"show_id": shop.show_id, "items": [{"ticket_type_id": shop.seat, "quantity": 2}]}
    internal = "/internal/tickets"
    for path, body in (
        ("availability", {"show_id": shop.show_id}),
        ("prices", {"show_id": shop.show_id}),
        ("calculate-price", lines),
    ):
        assert (await shop.post(f"{internal}/{path}", body)).status_code == httpx.codes.OK, path
    held = await shop.post(f"{internal}/reserve", lines, "gap-1")
    assert held.is_success, held.text
    assert (await shop.show())["ticket_types"][0]["held"] == 2
    reservation = {"reservation_id": held.json()["reservation_id"]}
    assert (await shop.post(f"{internal}/confirm", reservation)).is_success
    ticket_id = held.json()["ticket_ids"][0]
    await shop.caught_up()
    assert (await shop.get(f"{internal}/{ticket_id}/status"))["state"] == "issued"
    paid = await shop.post(f"{internal}/cancel-batch", {"ticket_ids": [ticket_id]})
    assert paid.status_code == httpx.codes.CONFLICT
    other = await shop.post(f"{internal}/reserve", lines, "gap-1b")
    released = await shop.post(f"{internal}/release", {"reservation_id": other.json()["reservation_id"]})
    assert released.is_success
    stock = (await shop.show())["ticket_types"][0]
    assert (stock["held"], stock["sold"], stock["available"]) == (0, 2, 8)
    foreign = (await shop.buy("gap-1c")).json()
    answer = await shop.post(f"{internal}/release", {"reservation_id": foreign["purchase_id"]})
    assert answer.status_code == httpx.codes.CONFLICT


async def test_gap_queues_without_readers(shop: Shop) -> None:
    """Every task queue with activities has a poller."""
    client = await shop.engine()
    for queue in all_queues():
        described = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace="default",
                task_queue=TaskQueue(name=queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            )
        )
        assert described.pollers, queue


async def test_gap_fake_mint_addresses(shop: Shop) -> None:
    """Every mint address is an account of the token program on chain, created by the named transaction."""
    await shop.open()
    body = (await shop.buy("gap-3", 2)).json()
    await shop.pay(body["client_secret"])
    ended = await shop.ended(body["purchase_id"])
    for ticket in ended["tickets"]:
        account = await read_mint(shop.stack.urls["solana_rpc"], ticket["mint_address"])
        assert account["owner"] == "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
        call = {"jsonrpc": "2.0", "id": 1, "method": "getTransaction", "params": [ticket["mint_signature"], "json"]}
        answer = (await shop.http.post(shop.stack.urls["solana_rpc"], json=call)).json()
        assert ticket["mint_address"] in answer["result"]["transaction"]["message"]["accountKeys"]


async def test_gap_show_or_venue_not_on_chain(shop: Shop) -> None:
    """A show sells nothing before its group is on chain; afterwards both groups are there."""
    await shop.announce()
    early = await shop.buy("gap-4")
    if not (await shop.show())["on_sale"]:
        assert early.json()["type"].endswith("not-on-sale")
    await shop.open()
    venue = await shop.get(f"/api/v1/venues/{shop.venue_id}")
    for mint in (venue["mint_address"], (await shop.show())["mint_address"]):
        await read_mint(shop.stack.urls["solana_rpc"], mint)


async def test_gap_venue_not_credited(shop: Shop) -> None:
    """A sale credits the venue its share to the cent."""
    await shop.open(price_minor=1_337)
    body = (await shop.buy("gap-5", 3)).json()
    await shop.pay(body["client_secret"])
    await shop.ended(body["purchase_id"])
    balance = await shop.get(f"/api/v1/venues/{shop.venue_id}/balance")
    assert [line["balance_minor"] for line in balance["balances"]] == [3 * 1_337]
    assert [line["purchase_id"] for line in balance["lines"]] == [body["purchase_id"]]


async def test_gap_order_confirmed_only_after_allocation_and_payment(shop: Shop) -> None:
    """The order is confirmed after the seats are confirmed and the money is captured."""
    await shop.open()
    body = (await shop.buy("gap-6")).json()
    await shop.pay(body["client_secret"])
    events = [line["event"] for line in (await shop.ended(body["purchase_id"]))["timeline"]]
    assert (
        events.index("allocation.hold-confirmed") < events.index("payment.captured") < events.index("order.confirmed")
    )


async def test_gap_tickets_sold_before_payment(shop: Shop) -> None:
    """Before the payment tickets are reserved, and none is sold or minted."""
    await shop.open()
    body = (await shop.buy("gap-7", 2)).json()
    await shop.caught_up()
    seen = await shop.purchase(body["purchase_id"])
    assert [(ticket["state"], ticket["mint_address"]) for ticket in seen["tickets"]] == [("reserved", None)] * 2
    stock = (await shop.show())["ticket_types"][0]
    assert (stock["held"], stock["sold"]) == (2, 0)


async def test_gap_an_order_without_a_payment_intent(shop: Shop) -> None:
    """An open purchase has its PaymentIntent at Stripe, over the locked price."""
    await shop.open()
    body = (await shop.buy("gap-8")).json()
    intent = await shop.stripe(f"/v1/payment_intents/{body['client_secret'].partition('_secret')[0]}")
    assert intent["amount"] == body["price"]["total_minor"]
    assert intent["metadata"]["purchase_id"] == body["purchase_id"]


async def test_gap_two_entries_that_make_two_kinds_of_order(shop: Shop) -> None:
    """There is one kind of order: the box office makes the same one as a buyer; the old entries do not exist."""
    paths = (await shop.get("/openapi.json"))["paths"]
    makers = {path for path, verbs in paths.items() if "post" in verbs and ("purchase" in path or "order" in path)}
    makers = {path for path in makers if "/refunds" not in path}
    assert makers == {"/api/v1/purchases", "/internal/purchases"}
    await shop.open()
    item = {"ticket_type_id": shop.seat, "quantity": 1}
    body = {"show_id": shop.show_id, "items": [item], "tender": "cash"}
    made = (await shop.post("/internal/purchases", body, "gap-9-cash")).json()
    ended = await shop.ended(made["purchase_id"])
    assert (ended["state"], ended["timeline"][0]["event"]) == ("fulfilled", "order.requested")
    workflow = (await shop.engine()).get_workflow_handle(f"purchase/{made['purchase_id']}")
    assert (await workflow.describe()).workflow_type == "PurchaseWorkflow"
    for old in ("/orders", "/api/v1/purchase", "/api/v1/orders"):
        assert (await shop.post(old, {}, "gap-9")).status_code == httpx.codes.NOT_FOUND
