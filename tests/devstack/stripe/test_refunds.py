"""Refunds on the emulator: in parts, pending, failed, waiting for the buyer or for money, made elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.devstack.stripe.emulator import Emulator, event_types, paid


@pytest.fixture
def drained(emulator: Emulator) -> Iterator[Emulator]:
    """An emulator whose platform has paid out its balance: refunds are not covered."""
    emulator.switch("accounts/platform/settle")
    for payout in emulator.switch("accounts/platform/pay_out")["data"]:
        emulator.switch(f"payouts/{payout['id']}/finish")
    yield emulator
    emulator.switch("settings", uncovered_refunds="overdraw")


async def drain(api: Any, emulator: Emulator) -> None:
    emulator.switch("accounts/platform/settle")
    emulator.switch("accounts/platform/pay_out")
    assert sum(row.amount for row in (await api.balance.retrieve_async()).available) == 0


async def test_parts(api: Any) -> None:
    """Partial refunds are limited to the remainder; the charge counts them."""
    intent = await paid(api)
    for amount in (1000, 1500):
        await api.refunds.create_async({"payment_intent": intent.id, "amount": amount})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount on charge") as caught:
        await api.refunds.create_async({"payment_intent": intent.id, "amount": 2501})
    assert (caught.value.code, caught.value.param) == ("amount_too_large", "amount")
    rest = await api.refunds.create_async({"payment_intent": intent.id})
    charge = await api.charges.retrieve_async(intent.latest_charge)
    assert (rest.amount, charge.amount_refunded, charge.refunded) == (2500, 5000, True)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.refunds.create_async({"payment_intent": intent.id, "amount": 1})
    assert caught.value.code == "charge_already_refunded"
    assert await event_types(api, rest.id) == ["refund.created"]
    assert (await event_types(api, charge.id)).count("charge.refunded") == 3


async def test_pending_to_its_end(api: Any, emulator: Emulator) -> None:
    """A pending refund has a reason; its end is emitted under both event names."""
    intent = await paid(api, method="pm_card_pendingRefund")
    first = await api.refunds.create_async({"payment_intent": intent.id, "amount": 2000})
    assert (first.status, first.pending_reason) == ("pending", "processing")
    emulator.switch(f"refunds/{first.id}/finish")
    now = await api.refunds.retrieve_async(first.id)
    assert (now.status, "pending_reason" in now) == ("succeeded", False)
    assert await event_types(api, first.id) == ["refund.created", "refund.updated", "charge.refund.updated"]
    second = await api.refunds.create_async({"payment_intent": intent.id, "amount": 3000})
    emulator.switch(f"refunds/{second.id}/finish", "fail", failure_reason="expired_or_canceled_card")
    now = await api.refunds.retrieve_async(second.id, {"expand": ["failure_balance_transaction"]})
    assert (now.status, now.failure_reason) == ("failed", "expired_or_canceled_card")
    assert now.failure_balance_transaction.type == "refund_failure"
    assert (await event_types(api, second.id))[1:] == ["refund.failed", "refund.updated", "charge.refund.updated"]
    assert (await api.charges.retrieve_async(intent.latest_charge)).amount_refunded == 2000


async def test_fails_after_success(api: Any, emulator: Emulator) -> None:
    """A refund can fail after it was answered as succeeded, at once or days later."""
    for method in ("pm_card_refundFail", "pm_card_visa"):
        intent = await paid(api, method=method)
        refund = await api.refunds.create_async({"payment_intent": intent.id})
        assert refund.status == "succeeded"
        if method == "pm_card_visa":
            emulator.switch(f"refunds/{refund.id}/finish", "fail")
        assert (await api.refunds.retrieve_async(refund.id)).status == "failed"
        assert "refund.failed" in await event_types(api, refund.id)
    refused = emulator.client.post(f"/_emulator/refunds/{refund.id}/finish", json={"outcome": "fail"})
    assert refused.json()["error"]["code"] == "refund_not_pending"


async def test_requires_action(api: Any, emulator: Emulator) -> None:
    """A refund that waits for the buyer can be cancelled; its money returns and is refundable again."""
    intent = await paid(api, method="pm_card_pendingRefund")
    refund = await api.refunds.create_async({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError):
        await api.refunds.cancel_async(refund.id)
    waiting = emulator.switch(f"refunds/{refund.id}/require_action")
    assert (waiting["status"], waiting["next_action"]["type"]) == ("requires_action", "display_details")
    now = await api.refunds.cancel_async(refund.id)
    assert (now.status, "failure_reason" in now, bool(now.failure_balance_transaction)) == ("canceled", False, True)
    again = await api.refunds.create_async({"payment_intent": intent.id})
    emulator.switch(f"refunds/{again.id}/require_action")
    assert emulator.switch(f"refunds/{again.id}/finish")["status"] == "succeeded"


async def test_refused_without_money(api: Any, drained: Emulator) -> None:
    """With the setting `refuse` an uncovered refund is refused and not stored."""
    intent = await paid(api)
    await drain(api, drained)
    drained.switch("settings", uncovered_refunds="refuse")
    with pytest.raises(stripe.InvalidRequestError, match="Insufficient funds in your Stripe balance"):
        await api.refunds.create_async({"payment_intent": intent.id})
    assert (await api.refunds.list_async({"payment_intent": intent.id})).data == []
    assert (await api.charges.retrieve_async(intent.latest_charge)).amount_refunded == 0
    drained.switch("balance/top_up", amount=5000, currency="usd")
    assert (await api.refunds.create_async({"payment_intent": intent.id})).status == "succeeded"


async def test_waits_for_money(api: Any, drained: Emulator) -> None:
    """With the setting `wait` it waits; new money pays the oldest refund first."""
    intent = await paid(api)
    await drain(api, drained)
    drained.switch("settings", uncovered_refunds="wait")
    made = [await api.refunds.create_async({"payment_intent": intent.id, "amount": 2000}) for _ in range(2)]
    for refund in made:
        assert (refund.status, refund.pending_reason, refund.balance_transaction) == (
            "pending",
            "insufficient_funds",
            None,
        )
    drained.switch("balance/top_up", amount=3000, currency="usd")
    assert [(await api.refunds.retrieve_async(one.id)).status for one in made] == ["succeeded", "pending"]
    await paid(api, 2000)  # a sale brings the rest
    now = await api.refunds.retrieve_async(made[1].id, {"expand": ["balance_transaction"]})
    assert (now.status, "pending_reason" in now, now.balance_transaction.amount) == ("succeeded", False, -2000)
    assert await event_types(api, now.id) == ["refund.created", "refund.updated", "charge.refund.updated"]


async def test_fails_while_it_waits(api: Any, drained: Emulator) -> None:
    """A refund that was never paid has no balance transaction when it fails."""
    intent = await paid(api)
    await drain(api, drained)
    drained.switch("settings", uncovered_refunds="wait")
    refund = await api.refunds.create_async({"payment_intent": intent.id})
    failed = drained.switch(f"refunds/{refund.id}/finish", "fail", failure_reason="insufficient_funds")
    assert (failed["status"], "pending_reason" in failed) == ("failed", False)
    assert (await api.balance_transactions.list_async({"source": refund.id})).data == []


async def test_made_in_the_dashboard(api: Any, emulator: Emulator) -> None:
    """A refund from the dashboard has no metadata, and its event no request."""
    intent = await paid(api, metadata={"purchase_id": "pu_1"})
    made = emulator.switch(f"charges/{intent.latest_charge}/refund_in_dashboard", amount=700)
    refund = (await api.refunds.list_async({"charge": intent.latest_charge})).data[0]
    assert (refund.id, refund.amount, refund.metadata.to_dict()) == (made["id"], 700, {})
    event = (await api.events.list_async({"type": "refund.created", "limit": 1})).data[0]
    assert (event.data.object.id, event.request.id) == (refund.id, None)
    noted = await api.refunds.update_async(refund.id, {"metadata": {"seen": "yes"}})
    assert noted.metadata["seen"] == "yes"


async def test_refunds(api: Any, emulator: Emulator) -> None:
    """Refunds are limited to the captured amount; a failed one can be refunded again."""
    intent = await paid(api, method="pm_card_pendingRefund")
    refund = await api.refunds.create_async({"payment_intent": intent.id})
    assert (refund.status, refund.amount) == ("pending", 5000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.refunds.create_async({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    assert emulator.switch(f"refunds/{refund.id}/finish", "fail")["status"] == "failed"
    await api.refunds.create_async({"charge": intent.latest_charge, "amount": 1})
    assert len((await api.refunds.list_async({"payment_intent": intent.id})).data) == 2
