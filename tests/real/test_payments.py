"""The cases of docs/payments.md on the real stack, each with a defined end."""

import asyncio
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowHandle

from tests.fakes.evidence import require_invariants
from tests.real.at_stripe import at_stripe, stray
from tests.real.shop import Shop
from workflows.core.operator_status import PURCHASE_STAGE

pytestmark = pytest.mark.real
SLOW = "pm_emulator_slowCard"


async def opened(shop: Shop, **terms: Any) -> tuple[Any, str]:
    """Open a show and a checkout; return the checkout and its intent."""
    await shop.open(**terms)
    body = (await shop.buy(f"{shop.show_id}-1")).json()
    return body, body["client_secret"].partition("_secret")[0]


async def ends(shop: Shop, purchase: Any, state: str, reason: str | None) -> Any:
    """Assert that the purchase ends so, and that all sums agree."""
    ended = await shop.ended(purchase["purchase_id"])
    assert (ended["state"], ended["end_reason"]) == (state, reason)
    assert await shop.check_sums([purchase["purchase_id"]]) == {state: 1}
    return ended


@pytest.mark.parametrize("how", ["decline", "expire"])
async def test_a_capture_that_fails_after_the_authorisation(shop: Shop, how: str) -> None:
    """The purchase ends without a sale: the seats are free, and nothing was captured."""
    purchase, intent_id = await opened(shop)
    await shop.emulate("faults", event="payment_intent.*", kind="lost")
    await shop.pay(purchase["client_secret"])
    await shop.emulate(f"payment_intents/{intent_id}/fail_capture", how=how)
    ended = await ends(shop, purchase, "cancelled", "payment-refused")
    assert ended["payment"]["status"] == "cancelled"


async def test_a_capture_whose_answer_was_lost(shop: Shop) -> None:
    """The capture is retried under its key, and made once."""
    purchase, intent_id = await opened(shop)
    path = f"/v1/payment_intents/{intent_id}/capture"
    await shop.emulate("faults", method="POST", path=path, kind="drop_after")
    await shop.pay(purchase["client_secret"])
    ended = await ends(shop, purchase, "fulfilled", None)
    assert ended["payment"]["captured_minor"] == ended["price"]["total_minor"]


async def test_a_capture_that_meets_stored_server_errors(shop: Shop) -> None:
    """Stripe keeps each 500 under its key: after a look the next key is used, and the money is taken once."""
    purchase, intent_id = await opened(shop)
    path = f"/v1/payment_intents/{intent_id}/capture"
    await shop.emulate("faults", method="POST", path=path, kind="sticky:500", count=5)
    await shop.pay(purchase["client_secret"])
    ended = await ends(shop, purchase, "fulfilled", None)
    assert ended["payment"]["captured_minor"] == ended["price"]["total_minor"]


async def test_an_authorisation_that_lapses(shop: Shop) -> None:
    """It lapses before any webhook: the purchase finds no money, and ends without a sale."""
    purchase, intent_id = await opened(shop)
    await shop.emulate("faults", event="payment_intent.*", kind="lost", count=2)
    await shop.pay(purchase["client_secret"])
    await shop.emulate(f"payment_intents/{intent_id}/lapse")
    await ends(shop, purchase, "cancelled", "payment-refused")


async def test_an_authorisation_that_is_about_to_lapse(shop: Shop) -> None:
    """Without a webhook the next poll finds it, and captures the money before it lapses."""
    purchase, intent_id = await opened(shop)
    await shop.emulate("faults", event="payment_intent.*", kind="lost", count=2)
    await shop.pay(purchase["client_secret"])
    await shop.emulate(f"payment_intents/{intent_id}/near_lapse", seconds=30)
    await ends(shop, purchase, "fulfilled", None)


async def test_automatic_capture(shop: Shop) -> None:
    """A show with automatic capture sells as any other."""
    purchase, _ = await opened(shop, capture_method="automatic")
    await shop.pay(purchase["client_secret"])
    await ends(shop, purchase, "fulfilled", None)


async def test_automatic_capture_is_undone_by_a_refund(shop: Shop) -> None:
    """The buyer pays and cancels before the seats are confirmed: the captured money is refunded."""
    purchase, _ = await opened(shop, capture_method="automatic")
    await shop.emulate("faults", event="payment_intent.succeeded", kind="lost")
    await shop.pay(purchase["client_secret"])
    cancelled = await shop.http.delete(f"/api/v1/purchases/{purchase['purchase_id']}")
    assert cancelled.status_code == httpx.codes.ACCEPTED
    ended = await ends(shop, purchase, "cancelled", "purchase-cancelled")
    assert ended["payment"]["refunded_minor"] == ended["payment"]["captured_minor"] > 0


async def test_a_refund_in_the_dashboard_before_the_sale_is_known(shop: Shop) -> None:
    """A refunded payment buys nothing."""
    purchase, intent_id = await opened(shop, capture_method="automatic")
    await shop.emulate("faults", event="payment_intent.succeeded", kind="lost")
    await shop.pay(purchase["client_secret"])
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    await shop.emulate(f"charges/{charge_id}/refund_in_dashboard")
    ended = await ends(shop, purchase, "cancelled", "payment-refused")
    assert ended["payment"]["refunded_minor"] == ended["payment"]["captured_minor"] > 0


@pytest.mark.parametrize("changed", [{"amount": "900"}, {"currency": "usd"}])
async def test_another_amount_or_currency(shop: Shop, changed: dict[str, str]) -> None:
    """The payment was changed at Stripe before the buyer paid it: the captured money is refunded."""
    purchase, intent_id = await opened(shop, capture_method="automatic")
    await at_stripe(shop, f"/v1/payment_intents/{intent_id}", changed)
    await shop.pay(purchase["client_secret"])
    ended = await ends(shop, purchase, "cancelled", "payment-refused")
    assert ended["payment"]["refunded_minor"] == ended["payment"]["captured_minor"] > 0


@pytest.mark.parametrize("seats", ["there", "gone"])
async def test_money_that_comes_after_the_hold_has_ended(shop: Shop, seats: str) -> None:
    """Another payment with the purchase's metadata buys the seats if they are still free."""
    purchase, _ = await opened(shop, capacity=1, hold_seconds=2)
    purchase_id = purchase["purchase_id"]
    assert (await shop.ended(purchase_id))["end_reason"] == "hold-expired"
    if seats == "gone":
        other = (await shop.buy(f"{shop.show_id}-2")).json()
        await shop.pay(other["client_secret"])
        await shop.ended(other["purchase_id"])
    late = await stray(shop, purchase)
    if seats == "there":
        sold = await shop.until(purchase_id, lambda seen: seen["state"] == "fulfilled", 60)
        assert sold["payment"]["intent_id"] == late["id"]
        assert await shop.check_sums([purchase_id]) == {"fulfilled": 1}
    else:
        await shop.until(purchase_id, lambda seen: _count(seen, "payment.cancelled") == 2, 60)
        assert (await shop.stripe(f"/v1/payment_intents/{late['id']}"))["status"] == "canceled"
        assert await shop.check_sums([purchase_id, other["purchase_id"]]) == {"fulfilled": 1, "cancelled": 1}


async def test_two_payments_for_one_order(shop: Shop) -> None:
    """The second one is refunded, and the sale stands."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    await shop.ended(purchase["purchase_id"])
    second = await stray(shop, purchase, capture_method="automatic")
    await shop.until(purchase["purchase_id"], _has("payment.refunded"), 60)
    assert (await shop.stripe(f"/v1/charges?payment_intent={second['id']}"))["data"][0]["refunded"] is True
    ended = await ends(shop, purchase, "fulfilled", None)
    assert (ended["payment"]["intent_id"], ended["payment"]["refunded_minor"]) == (intent_id, 0)


@pytest.mark.parametrize("amount", [None, 300])
async def test_a_refund_in_the_dashboard_after_the_sale(shop: Shop, amount: int | None) -> None:
    """It is recorded as our refund: in the books, from the venue's share; a full one voids the tickets."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    await shop.ended(purchase["purchase_id"])
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    await shop.emulate(f"charges/{charge_id}/refund_in_dashboard", **({"amount": amount} if amount else {}))
    seen = await shop.until(purchase["purchase_id"], _has("refunds.refund-succeeded"), 60)
    (refund,) = seen["refunds"]
    assert (refund["reason"], refund["amount_minor"]) == ("made-at-stripe", amount or seen["price"]["total_minor"])
    await shop.refunded(purchase["purchase_id"], refund["refund_id"])
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.parametrize("method", ["manual", "automatic"])
async def test_a_slow_payment_keeps_the_hold_until_it_is_decided(shop: Shop, method: str) -> None:
    """The hold's end comes before the bank's decision: the seats stay held, and the payment then buys them."""
    purchase, intent_id = await opened(shop, hold_seconds=4, capture_method=method)
    await shop.pay(purchase["client_secret"], SLOW)
    await shop.until(purchase["purchase_id"], _has("order.hold-extended"), 60)
    await shop.emulate(f"payment_intents/{intent_id}/finish_processing", outcome="succeed")
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.parametrize(("outcome", "status"), [("fail", "cancelled"), ("succeed", "refunded")])
async def test_a_slow_payment_that_is_decided_too_late(shop: Shop, outcome: str, status: str) -> None:
    """After the limit the purchase only waits to cancel the payment: seats are free once it is cancelled."""
    purchase, intent_id = await opened(shop, hold_seconds=2, capture_method="automatic")
    await shop.pay(purchase["client_secret"], SLOW)
    workflow = (await shop.engine()).get_workflow_handle(f"purchase/{purchase['purchase_id']}")
    await _until_it_lets_go(workflow)
    seat = (await shop.show())["ticket_types"][0]
    assert (seat["held"], seat["sold"]) == (1, 0)
    await shop.emulate(f"payment_intents/{intent_id}/finish_processing", outcome=outcome)
    ended = await ends(shop, purchase, "cancelled", "hold-expired")
    assert ended["payment"]["status"] == status


@pytest.mark.parametrize(
    ("outcome", "amount", "left"),
    [
        ("won", {}, 1_000),
        ("lost", {}, 0),
        ("lost", {"amount": 552}, 500),
    ],
    ids=["won", "lost", "a part lost"],
)
async def test_a_dispute(shop: Shop, outcome: str, amount: dict[str, int], left: int) -> None:
    """The bank withdraws the money: the tickets are blocked and the share is reserved until it is decided."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    ended = await shop.ended(purchase["purchase_id"])
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    await shop.emulate(f"charges/{charge_id}/dispute", **amount)
    await shop.until(purchase["purchase_id"], _has("dispute.opened"), 60)
    ticket = f"/api/v1/tickets/{ended['tickets'][0]['ticket_id']}/verify"
    assert (await shop.get(ticket))["valid"] is False
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)
    assert await payable(shop) == (500 if amount else 0)
    refused = await shop.refund(purchase["purchase_id"], "on-top")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:boxoffice:problem:payment-disputed")
    (dispute,) = (await shop.stripe(f"/v1/disputes?payment_intent={intent_id}"))["data"]
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome=outcome)
    await shop.until(purchase["purchase_id"], _has(f"dispute.{outcome}"), 60)
    assert (await shop.get(ticket))["valid"] is (outcome == "won")
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)
    assert await payable(shop) == left


async def test_a_dispute_of_which_no_webhook_comes(shop: Shop) -> None:
    """Stripe lists undelivered events: the dispute is found without a webhook."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    await shop.ended(purchase["purchase_id"])
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    await shop.emulate("faults", event="charge.dispute.*", kind="lost", count=5)
    dispute = await shop.emulate(f"charges/{charge_id}/dispute")
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome="lost")
    await shop.until(purchase["purchase_id"], _has("dispute.lost"), 60)
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)


async def payable(shop: Shop) -> int:
    """Return the venue's payable balance."""
    balance = await shop.get(f"/api/v1/venues/{shop.venue_id}/balance")
    return sum(line["balance_minor"] for line in balance["balances"])


def _count(seen: Any, event: str) -> int:
    return sum(line["event"] == event for line in seen["timeline"])


def _has(event: str) -> Any:
    return lambda seen: any(line["event"] == event for line in seen["timeline"])


async def _until_it_lets_go(workflow: WorkflowHandle[Any, Any]) -> None:
    async with asyncio.timeout(60):
        stage = None
        while stage != "compensating":
            stage = (await workflow.describe()).typed_search_attributes.get(PURCHASE_STAGE)
            await asyncio.sleep(0.2)
