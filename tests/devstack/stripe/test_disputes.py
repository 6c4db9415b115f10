"""Disputes on the emulator: opened, answered, won, lost, and their effect on balance and refunds."""

from typing import Any

import pytest
import stripe

from tests.devstack.stripe.emulator import Emulator, event_types, paid

FEE = 1500


async def disputed(api: Any, emulator: Emulator, **given: Any) -> tuple[Any, Any]:
    intent = await paid(api)
    made = emulator.switch(f"charges/{intent.latest_charge}/dispute", **given)
    return intent, await api.disputes.retrieve_async(made["id"])


async def platform(api: Any) -> int:
    found = await api.balance.retrieve_async()
    return int(found.available[0].amount + found.pending[0].amount)


async def test_opened(api: Any, emulator: Emulator) -> None:
    """A dispute withdraws the amount and a fee at once, marks the charge, and is listed by intent."""
    intent = await paid(api)
    before = await platform(api)
    made = emulator.switch(f"charges/{intent.latest_charge}/dispute", reason="product_not_received")
    dispute = await api.disputes.retrieve_async(made["id"], {"expand": ["charge"]})
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 5000, "product_not_received")
    assert (dispute.charge.disputed, dispute.is_charge_refundable) == (True, False)
    entry = dispute.balance_transactions[0]
    assert (entry.type, entry.reporting_category) == ("adjustment", "dispute")
    assert (entry.amount, entry.fee, entry.net) == (-5000, FEE, -5000 - FEE)
    assert entry.source == dispute.id
    assert await platform(api) == before - 5000 - FEE
    assert dispute.evidence_details.due_by > dispute.created
    assert [row.id for row in (await api.disputes.list_async({"payment_intent": intent.id})).data] == [dispute.id]
    assert await event_types(api, dispute.id) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    again = emulator.client.post(f"/_emulator/charges/{intent.latest_charge}/dispute")
    assert again.status_code == 400


async def test_no_refund_on_top(api: Any, emulator: Emulator) -> None:
    """A charge that was charged back cannot be refunded while the dispute is open or lost, but can after it was won."""
    intent, dispute = await disputed(api, emulator)
    lost_intent, lost = await disputed(api, emulator)
    emulator.switch(f"disputes/{lost.id}/finish", "lost")
    for one in (intent, lost_intent):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await api.refunds.create_async({"payment_intent": one.id, "amount": 1})
        assert caught.value.code == "charge_disputed"
    emulator.switch(f"disputes/{dispute.id}/finish", "won")
    assert (await api.refunds.create_async({"payment_intent": intent.id})).status == "succeeded"


async def test_evidence(api: Any, emulator: Emulator) -> None:
    """Evidence is staged until it is submitted, and submitted once."""
    _, dispute = await disputed(api, emulator)
    staged = {"evidence": {"product_description": "two tickets"}, "submit": False, "metadata": {"case": "1"}}
    now = await api.disputes.update_async(dispute.id, staged)
    assert (now.status, now.evidence_details.has_evidence, now.evidence_details.submission_count) == (
        "needs_response",
        True,
        0,
    )
    now = await api.disputes.update_async(dispute.id, {"evidence": {"customer_name": "A. Buyer"}})
    assert (now.status, now.evidence.product_description) == ("under_review", "two tickets")
    assert (now.evidence_details.submission_count, now.metadata["case"]) == (1, "1")
    with pytest.raises(stripe.InvalidRequestError):
        await api.disputes.update_async(dispute.id, {"evidence": {"customer_name": "B. Buyer"}})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.disputes.update_async(dispute.id, {"evidence": {"colour": "red"}})
    assert await event_types(api, dispute.id) == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.updated",
    ]
    assert caught.value.http_status == 400


@pytest.mark.parametrize(("return_fee", "cost"), [(False, FEE), (True, 0)])
async def test_won(api: Any, emulator: Emulator, *, return_fee: bool, cost: int) -> None:
    """A won dispute returns the money, and the fee only if the switch says so."""
    intent = await paid(api)
    before = await platform(api)
    made = emulator.switch(f"charges/{intent.latest_charge}/dispute")
    emulator.switch(f"disputes/{made['id']}/finish", "won", return_fee=return_fee)
    now = await api.disputes.retrieve_async(made["id"])
    assert (now.status, await platform(api)) == ("won", before - cost)
    back = now.balance_transactions[1]
    assert (back.type, back.reporting_category, back.amount) == ("adjustment", "dispute_reversal", 5000)
    assert back.net == 5000 + FEE - cost
    assert (await event_types(api, now.id))[2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    with pytest.raises(stripe.InvalidRequestError):
        await api.disputes.close_async(now.id)


async def test_closed(api: Any, emulator: Emulator) -> None:
    """Accepting a dispute loses it."""
    _, dispute = await disputed(api, emulator, amount=2000)
    assert dispute.amount == 2000
    now = await api.disputes.close_async(dispute.id)
    assert (now.status, len(now.balance_transactions)) == ("lost", 1)
    assert (await event_types(api, dispute.id))[-1] == "charge.dispute.closed"


@pytest.mark.parametrize(("words", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
async def test_test_mode_words(api: Any, words: str, status: str) -> None:
    """Dispute test cards and deciding evidence work as in Stripe's test mode."""
    intent = await paid(api, method="pm_card_createDispute")
    dispute = (await api.disputes.list_async({"payment_intent": intent.id})).data[0]
    assert (dispute.reason, dispute.amount) == ("fraudulent", 5000)
    now = await api.disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": words}})
    assert now.status == status
    assert "charge.dispute.updated" in await event_types(api, dispute.id)


async def test_disputed_at_the_capture(api: Any) -> None:
    """With manual capture the card's dispute opens at the capture, for the captured amount."""
    intent = await paid(api, method="pm_card_createDispute", capture_method="manual")
    assert (await api.disputes.list_async({"payment_intent": intent.id})).data == []
    await api.payment_intents.capture_async(intent.id, {"amount_to_capture": 3000})
    assert (await api.disputes.list_async({"payment_intent": intent.id})).data[0].amount == 3000


async def test_inquiry(api: Any, emulator: Emulator) -> None:
    """An inquiry withdraws no money and allows refunds; it is withdrawn or escalated to a dispute."""
    before = await platform(api)
    intent = await paid(api, method="pm_card_createDisputeInquiry")
    assert await platform(api) == before + 5000 - 175
    inquiry = (await api.disputes.list_async({"payment_intent": intent.id})).data[0]
    assert (inquiry.status, inquiry.is_charge_refundable, inquiry.balance_transactions) == (
        "warning_needs_response",
        True,
        [],
    )
    await api.refunds.create_async({"payment_intent": intent.id, "amount": 1000})
    emulator.switch(f"disputes/{inquiry.id}/escalate")
    now = await api.disputes.retrieve_async(inquiry.id)
    assert (now.status, len(now.balance_transactions)) == ("needs_response", 1)
    _, other = await disputed(api, emulator, inquiry=True)
    assert emulator.switch(f"disputes/{other.id}/finish", "withdrawn")["status"] == "warning_closed"
    assert (await event_types(api, other.id)) == ["charge.dispute.created", "charge.dispute.closed"]


async def test_pending_refund_is_overtaken(api: Any, emulator: Emulator) -> None:
    """A dispute fails a pending refund, so that the buyer is paid only once."""
    intent = await paid(api, method="pm_card_pendingRefund")
    refund = await api.refunds.create_async({"payment_intent": intent.id})
    emulator.switch(f"charges/{intent.latest_charge}/dispute")
    now = await api.refunds.retrieve_async(refund.id)
    assert (now.status, now.failure_reason) == ("failed", "charge_for_pending_refund_disputed")
    entries = [row.net for row in (await api.balance_transactions.list_async({"limit": 3})).data]
    assert sorted(entries) == [-5000 - FEE, -5000, 5000]


async def test_a_lost_dispute_returns_a_part(api: Any, emulator: Emulator) -> None:
    """Of a dispute over refunded money Stripe returns that part, at its end or later, and no more than it took."""
    intent = await paid(api)
    await api.refunds.create_async({"payment_intent": intent.id, "amount": 2000})
    dispute = emulator.switch(f"charges/{intent.latest_charge}/dispute", even_refunded=True)
    assert dispute["amount"] == 5000
    emulator.switch(f"disputes/{dispute['id']}/finish", "lost", returned=2000)
    emulator.switch(f"disputes/{dispute['id']}/return", amount=500)
    now = await api.disputes.retrieve_async(dispute["id"])
    assert (now.status, [entry.amount for entry in now.balance_transactions]) == ("lost", [-5000, 2000, 500])
    with pytest.raises(AssertionError, match="invalid_request_error"):
        emulator.switch(f"disputes/{dispute['id']}/return", amount=2501)


async def test_a_dispute_is_prevented(api: Any, emulator: Emulator) -> None:
    """An inquiry that is prevented takes nothing; a dispute keeps what was withdrawn."""
    for inquiry, entries in ((True, 0), (False, 1)):
        _, dispute = await disputed(api, emulator, inquiry=inquiry)
        emulator.switch(f"disputes/{dispute.id}/finish", "prevented")
        now = await api.disputes.retrieve_async(dispute.id)
        assert (now.status, len(now.balance_transactions)) == ("prevented", entries)


async def test_several_disputes_of_a_charge(api: Any, emulator: Emulator) -> None:
    """Each takes a part of its own; together they take no more than the charge."""
    intent, _ = await disputed(api, emulator, amount=2000)
    assert emulator.switch(f"charges/{intent.latest_charge}/dispute")["amount"] == 3000
    with pytest.raises(AssertionError, match="invalid_request_error"):
        emulator.switch(f"charges/{intent.latest_charge}/dispute")
