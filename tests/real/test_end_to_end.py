"""Purchases over HTTP on the whole real stack."""

import json
import os
import signal
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.real.shop import Shop

pytestmark = pytest.mark.real


async def test_a_purchase_from_the_request_to_the_chain(shop: Shop) -> None:
    """Two tickets are bought, paid, minted and settled, and every system agrees."""
    await shop.open()
    opened = await shop.buy("e2e-1", 2)
    assert opened.status_code == httpx.codes.CREATED, opened.text
    body = opened.json()
    price = body["price"]
    assert (price["subtotal_minor"], price["platform_fee_minor"], price["processing_fee_minor"]) == (2000, 150, 58)
    assert price["total_minor"] == 2208
    again = (await shop.buy("e2e-1", 2)).json()
    assert (again["purchase_id"], again["client_secret"]) == (body["purchase_id"], body["client_secret"])
    assert await shop.pay(body["client_secret"]) == httpx.codes.OK
    ended = await shop.ended(body["purchase_id"])
    assert ended["state"] == "fulfilled"
    for ticket in ended["tickets"]:
        assert ticket["mint_signature"]
        verified = await shop.get(f"/api/v1/tickets/{ticket['ticket_id']}/verify")
        assert verified["valid"], verified
    await shop.check_sums([body["purchase_id"]])
    workflow = (await shop.engine()).get_workflow_handle(f"purchase/{body['purchase_id']}")
    described = await workflow.describe()
    assert described.status == WorkflowExecutionStatus.COMPLETED
    seen = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert seen["Stage"] == "fulfilled"
    assert (seen["ShowId"], seen["VenueId"], seen["NeedsOperator"]) == (shop.show_id, shop.venue_id, False)


async def test_a_purchase_is_followed_as_it_happens(shop: Shop) -> None:
    """The event stream sends the open checkout at once, and every step up to the end without further requests."""
    await shop.open()
    body = (await shop.buy("e2e-follow")).json()
    told: list[dict[str, Any]] = []
    paid: int | None = None
    last = {"id": "", "event": ""}
    while last["event"] != "end":  # a stream may be cut where the database is slow: the client goes on
        async with shop.http.stream("GET", body["links"]["events"], headers={"Last-Event-ID": last["id"]}) as stream:
            async for line in stream.aiter_lines():
                name, _, value = line.partition(": ")
                if name in last:
                    last[name] = value
                if name == "data":
                    told.append(json.loads(value))
                if paid is None and not line and told and told[-1]["client_secret"]:
                    paid = await shop.pay(told[-1]["client_secret"])
    states = [one["state"] for one in told]
    # The read models may be a moment behind the answer that named the stream.
    opened = next(state for state in states if state != "reserving")
    assert (paid, opened, states[-1]) == (httpx.codes.OK, "awaiting-payment", "fulfilled")
    # Steps that become known together are sent together; the mint takes longer than that.
    assert len(told) > 2
    assert all(ticket["mint_address"] for ticket in told[-1]["tickets"])
    await shop.check_sums([body["purchase_id"]])


async def test_a_key_is_one_purchase_for_ever(shop: Shop) -> None:
    """After the end the same key returns the same purchase; another body and a late cancel are refused."""
    await shop.open()
    body = (await shop.buy("e2e-key")).json()
    await shop.pay(body["client_secret"])
    await shop.ended(body["purchase_id"])
    again = await shop.buy("e2e-key")
    assert again.json()["purchase_id"] == body["purchase_id"]
    other = await shop.buy("e2e-key", 3)
    assert other.status_code == httpx.codes.CONFLICT
    assert other.json()["type"].endswith("idempotency-key-reused")
    late = await shop.http.delete(f"/api/v1/purchases/{body['purchase_id']}")
    assert late.status_code == httpx.codes.CONFLICT
    assert late.json()["type"].endswith("cancel-too-late")
    await shop.check_sums([body["purchase_id"]])


async def test_a_declined_card_may_be_followed_by_another(shop: Shop) -> None:
    """A declined card leaves the purchase open; a cancel by the buyer undoes everything."""
    await shop.open()
    first, second = (await shop.buy("e2e-a")).json(), (await shop.buy("e2e-b")).json()
    assert await shop.pay(first["client_secret"], "pm_card_chargeDeclined") == httpx.codes.PAYMENT_REQUIRED
    assert await shop.pay(first["client_secret"]) == httpx.codes.OK
    assert (await shop.http.delete(f"/api/v1/purchases/{second['purchase_id']}")).status_code == httpx.codes.ACCEPTED
    ids = [first["purchase_id"], second["purchase_id"]]
    assert [(await shop.ended(purchase_id))["state"] for purchase_id in ids] == ["fulfilled", "cancelled"]
    await shop.check_sums(ids)


async def test_bad_input_changes_nothing(shop: Shop) -> None:
    """Bad input gets problem details with a stable type."""
    await shop.open()
    seat = {"ticket_type_id": shop.seat, "quantity": 1}
    cases = [
        ({"show_id": shop.show_id, "items": []}, 422),
        ({"show_id": shop.show_id, "items": [{**seat, "quantity": 0}]}, 422),
        ({"show_id": shop.show_id, "items": [seat], "discount": 1}, 422),
        ({"show_id": "nothing", "items": [seat]}, 404),
        ({"show_id": shop.show_id, "items": [seat], "buyer": {"wallet": "not-a-wallet"}}, 422),
    ]
    for number, (body, status) in enumerate(cases):
        answer = await shop.post("/api/v1/purchases", body, f"bad-{number}")
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["type"].startswith("urn:boxoffice:problem:")
    assert (await shop.post("/api/v1/purchases", cases[0][0])).status_code in {400, 422}
    await shop.check_sums([])


async def test_a_purchase_outlives_an_engine_that_does_not_answer(shop: Shop) -> None:
    """With a frozen engine the answer is 202; once it continues, the checkout is at the status URL and can be paid."""
    await shop.open()
    engine = shop.stack.pid_of("temporal")
    assert engine is not None
    os.kill(engine, signal.SIGSTOP)
    try:
        answer = await shop.buy("e2e-frozen")
    finally:
        os.kill(engine, signal.SIGCONT)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    purchase_id = answer.json()["purchase_id"]
    opened = await shop.until(purchase_id, lambda seen: bool(seen.get("client_secret")), 60)
    assert await shop.pay(opened["client_secret"]) == httpx.codes.OK
    assert (await shop.ended(purchase_id))["state"] == "fulfilled"
    await shop.check_sums([purchase_id])
