"""A bank takes money back: every case of docs/payments.md about disputes, on the real stack."""

from typing import Any

import pytest

from activities.core.acts import PAY_BY_HAND
from tests.fakes.evidence import require_invariants
from tests.fakes.operator import operate_in
from tests.real.at_stripe import stray
from tests.real.paying import ends, has, opened
from tests.real.shop import Shop

pytestmark = pytest.mark.real


def returned_by_bank(purchase: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in purchase["refunds"] if one["reason"] == "returned-by-bank"]


SLOW = "pm_emulator_slowCard"


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
    await shop.until(purchase["purchase_id"], has("dispute.opened"), 60)
    ticket = f"/api/v1/tickets/{ended['tickets'][0]['ticket_id']}/verify"
    assert (await shop.get(ticket))["valid"] is False
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)
    assert await payable(shop) == (500 if amount else 0)
    refused = await shop.refund(purchase["purchase_id"], "on-top")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:boxoffice:problem:payment-disputed")
    (dispute,) = (await shop.stripe(f"/v1/disputes?payment_intent={intent_id}"))["data"]
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome=outcome)
    await shop.until(purchase["purchase_id"], has(f"dispute.{outcome}"), 60)
    assert (await shop.get(ticket))["valid"] is (outcome == "won")
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)
    assert await payable(shop) == left


@pytest.mark.nightly
async def test_a_dispute_of_which_no_webhook_comes(shop: Shop) -> None:
    """Stripe lists undelivered events: the dispute is found without a webhook."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    await shop.ended(purchase["purchase_id"])
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    await shop.emulate("faults", event="charge.dispute.*", kind="lost", count=5)
    dispute = await shop.emulate(f"charges/{charge_id}/dispute")
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome="lost")
    await shop.until(purchase["purchase_id"], has("dispute.lost"), 60)
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)


@pytest.mark.nightly
async def test_a_dispute_of_a_second_payment(shop: Shop) -> None:
    """It hits neither the tickets of the sale nor its venue: the buyer had that money back, the loss is ours."""
    purchase, _ = await opened(shop)
    await shop.pay(purchase["client_secret"])
    ended = await shop.ended(purchase["purchase_id"])
    second = await stray(shop, purchase, capture_method="automatic")
    await shop.until(purchase["purchase_id"], has("payment.refunded"), 60)
    share, charge_id = await payable(shop), (await shop.stripe(f"/v1/payment_intents/{second['id']}"))["latest_charge"]
    dispute = await shop.emulate(f"charges/{charge_id}/dispute", even_refunded=True)
    await shop.until(purchase["purchase_id"], has("dispute.opened"), 60)
    assert (await shop.get(f"/api/v1/tickets/{ended['tickets'][0]['ticket_id']}/verify"))["valid"] is True
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome="lost")
    seen = await shop.until(purchase["purchase_id"], has("dispute.lost"), 60)
    assert [(line["of_sale"], line["state"]) for line in seen["disputes"]] == [(False, "lost")]
    assert await payable(shop) == share
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.nightly
async def test_a_dispute_of_refunded_money(shop: Shop) -> None:
    """It takes what the refund has left and is ours else; what Stripe returns of it pays our loss first."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    await shop.ended(purchase["purchase_id"])
    refund = (await shop.refund(purchase["purchase_id"], "half", amount_minor=600, fees="buyer")).json()
    await shop.refunded(purchase["purchase_id"], refund["refund_id"])
    share, charge_id = await payable(shop), (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    dispute = await shop.emulate(f"charges/{charge_id}/dispute", even_refunded=True)
    await shop.until(purchase["purchase_id"], has("dispute.opened"), 60)
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome="lost")
    await shop.until(purchase["purchase_id"], has("dispute.lost"), 60)
    assert await payable(shop) == 0
    for amount in (600, 300):
        await shop.emulate(f"disputes/{dispute['id']}/return", amount=amount)
    seen = await shop.until(purchase["purchase_id"], lambda one: one["disputes"][0]["returned_minor"] == 900, 60)
    assert seen["lost_to_disputes_minor"] == seen["price"]["total_minor"] - 900
    assert 0 < await payable(shop) < share
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)
    receipt = await shop.get(f"/api/v1/purchases/{purchase['purchase_id']}/receipt")
    assert [line["state"] for line in receipt["disputes"]] == ["lost"]


@pytest.mark.nightly
async def test_a_pending_refund_that_is_disputed(shop: Shop) -> None:
    """Stripe fails it; once the bank has paid the buyer nothing is owed, and the refund ends by itself.

    What Stripe returns of the dispute is owed by another refund, which an operator can pay by hand.
    """
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"], "pm_card_pendingRefund")
    await shop.ended(purchase["purchase_id"])
    refund = (await shop.refund(purchase["purchase_id"], "whole")).json()
    await shop.until(purchase["purchase_id"], has("refunds.refund-pending"), 60)
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    dispute = await shop.emulate(f"charges/{charge_id}/dispute")
    await shop.until(purchase["purchase_id"], has("refunds.refund-failed"), 60)
    await shop.until(purchase["purchase_id"], has("dispute.opened"), 60)
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome="lost")
    await shop.until(purchase["purchase_id"], has("dispute.lost"), 60)
    engine = await shop.engine()
    await shop.refunded(purchase["purchase_id"], refund["refund_id"])
    await engine.get_workflow_handle(f"refund/{refund['refund_id']}").result()  # it looks by itself, and is done
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)
    assert (await shop.stripe(f"/v1/charges/{charge_id}"))["amount_refunded"] == 0
    await shop.emulate(f"disputes/{dispute['id']}/return", amount=600)
    await shop.until(purchase["purchase_id"], lambda one: bool(returned_by_bank(one)), 60)
    seen = await shop.until(purchase["purchase_id"], lambda one: returned_by_bank(one)[0]["state"] == "failed", 60)
    (owed,) = returned_by_bank(seen)
    assert (owed["amount_minor"], owed["failure"]) == (600, "charge_disputed")
    by_hand = engine.get_workflow_handle(f"refund/{owed['refund_id']}")
    await operate_in(by_hand, PAY_BY_HAND, "failed", reference="transfer 2026-11-30/1")
    await shop.refunded(purchase["purchase_id"], owed["refund_id"])
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)


async def test_a_prevented_dispute(shop: Shop) -> None:
    """It ends: what Stripe has moved decides, here the money is gone and the tickets stay blocked."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    ended = await shop.ended(purchase["purchase_id"])
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    inquiry = await shop.emulate(f"charges/{charge_id}/dispute", amount=300, inquiry=True)
    await shop.emulate(f"disputes/{inquiry['id']}/finish", outcome="prevented")
    dispute = await shop.emulate(f"charges/{charge_id}/dispute")
    await shop.until(purchase["purchase_id"], has("dispute.opened"), 60)
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome="prevented")
    seen = await shop.until(purchase["purchase_id"], has("dispute.lost"), 60)
    assert (seen["dispute_state"], [line["dispute_id"] for line in seen["disputes"]]) == ("lost", [dispute["id"]])
    assert (await shop.get(f"/api/v1/tickets/{ended['tickets'][0]['ticket_id']}/verify"))["valid"] is False
    require_invariants((await shop.at_rest({purchase["purchase_id"]})).findings)


async def payable(shop: Shop) -> int:
    """Return the venue's payable balance."""
    balance = await shop.get(f"/api/v1/venues/{shop.venue_id}/balance")
    return sum(line["balance_minor"] for line in balance["balances"])
