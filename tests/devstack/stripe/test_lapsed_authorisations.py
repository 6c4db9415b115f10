"""Authorisations that lapse, captures that fail, and amounts that a currency allows."""

import time
from typing import Any

import pytest
import stripe

from tests.devstack.stripe.emulator import Emulator, event_types, intent_params, paid


async def authorised(api: Any, **more: Any) -> Any:
    return await paid(api, capture_method="manual", **more)


async def test_lapse(api: Any, emulator: Emulator) -> None:
    """A lapsed authorisation cancels its intent, which can no longer be captured."""
    intent = await authorised(api)
    assert emulator.switch(f"payment_intents/{intent.id}/lapse")["cancellation_reason"] == "automatic"
    charge = await api.charges.retrieve_async(intent.latest_charge)
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 5000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.payment_intents.capture_async(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert (await event_types(api, intent.id))[-1] == "payment_intent.canceled"
    assert (await event_types(api, charge.id))[-1] == "charge.expired"


@pytest.mark.parametrize("verb", ["capture", "cancel", "retrieve"])
async def test_lapse_by_the_clock(api: Any, emulator: Emulator, verb: str) -> None:
    """A call after `capture_before` finds the intent cancelled; the lapse is kept although the call is refused."""
    intent = await authorised(api, expand=["latest_charge"])
    card = intent.latest_charge.payment_method_details.card
    assert card.capture_before - time.time() > 6 * 86400
    emulator.switch(f"payment_intents/{intent.id}/near_lapse", seconds=60)
    assert (await api.payment_intents.retrieve_async(intent.id)).status == "requires_capture"
    emulator.switch(f"payment_intents/{intent.id}/near_lapse", seconds=0)
    if verb != "retrieve":
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await getattr(api.payment_intents, f"{verb}_async")(intent.id)
        assert caught.value.code == "payment_intent_unexpected_state"
        assert (await event_types(api, intent.id))[-1] == "payment_intent.canceled"
    now = await api.payment_intents.retrieve_async(intent.id)
    assert (now.status, now.cancellation_reason) == ("canceled", "automatic")
    assert (await event_types(api, intent.id)).count("payment_intent.canceled") == 1


async def test_capture_is_declined(api: Any, emulator: Emulator) -> None:
    """A capture declined by the bank is a card error; no money moves."""
    intent = await authorised(api)
    emulator.switch(f"payment_intents/{intent.id}/fail_capture", how="decline")
    with pytest.raises(stripe.CardError) as caught:
        await api.payment_intents.capture_async(intent.id)
    assert caught.value.code == "card_declined"
    now = await api.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert (now.status, now.amount_capturable, now.amount_received) == ("requires_payment_method", 0, 0)
    assert (now.latest_charge.status, now.latest_charge.balance_transaction) == ("failed", None)
    assert "payment_intent.payment_failed" in await event_types(api, intent.id)
    again = await api.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert (await api.payment_intents.capture_async(again.id)).status == "succeeded"


async def test_capture_comes_too_late(api: Any, emulator: Emulator) -> None:
    """A capture of an expired authorisation has another code and the same result."""
    intent = await authorised(api)
    emulator.switch(f"payment_intents/{intent.id}/fail_capture", how="expire")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.payment_intents.capture_async(intent.id)
    assert caught.value.code == "charge_expired_for_capture"
    assert (await api.payment_intents.retrieve_async(intent.id)).status == "canceled"


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("jpy", 49, "amount_too_small"),
        ("jpy", 50, None),
        ("eur", 49, "amount_too_small"),
        ("kwd", 150, "amount_too_small"),
        ("kwd", 5124, "parameter_invalid_integer"),
        ("kwd", 5120, None),
        ("isk", 70050, "parameter_invalid_integer"),
        ("isk", 70000, None),
    ],
)
async def test_currencies(api: Any, currency: str, amount: int, code: str | None) -> None:
    """Each currency has its smallest charge; three-decimal amounts end in zero; ISK is in hundredths."""
    given = intent_params(amount) | {"currency": currency}
    if code is None:
        assert (await api.payment_intents.create_async(given)).amount == amount
        return
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.payment_intents.create_async(given)
    assert (caught.value.code, caught.value.param) == (code, "amount")


async def test_three_decimals_to_the_end(api: Any) -> None:
    """Captures and refunds of three decimals end in a zero too."""
    intent = await api.payment_intents.create_async(
        intent_params(5120, currency="kwd", capture_method="manual", payment_method="pm_card_visa", confirm=True)
    )
    for step in (
        api.payment_intents.capture_async(intent.id, {"amount_to_capture": 5005}),
        api.refunds.create_async({"payment_intent": intent.id, "amount": 1005}),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            await step
    assert (await api.payment_intents.capture_async(intent.id, {"amount_to_capture": 5000})).amount_received == 5000
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.refunds.create_async({"payment_intent": intent.id, "amount": 1005})
    assert (caught.value.code, caught.value.param) == ("parameter_invalid_integer", "amount")
    assert (await api.refunds.create_async({"payment_intent": intent.id, "amount": 1000})).currency == "kwd"


async def test_two_intents_for_one_order(api: Any) -> None:
    """Stripe allows two payments of one order; the search and the transfer group list both."""
    group: dict[str, Any] = {"metadata": {"purchase_id": "pu_twice"}, "transfer_group": "pu_twice"}
    made = {(await paid(api, **group)).id for _ in range(2)}
    found = await api.payment_intents.search_async({"query": "metadata['purchase_id']:'pu_twice'"})
    assert {row.id for row in found.data} == made
    charges = await api.charges.list_async({"transfer_group": "pu_twice"})
    assert {row.payment_intent for row in charges.data} == made


async def test_event_says_who_asked(api: Any, emulator: Emulator) -> None:
    """An event of a call has its request id and key; an event of a switch has none."""
    made = await api.payment_intents.create_async(
        intent_params(capture_method="manual"), {"idempotency_key": "who-asked"}
    )
    newest = (await api.events.list_async({"type": "payment_intent.created", "limit": 1})).data[0]
    assert newest.data.object.id == made.id
    assert newest.request.idempotency_key == "who-asked"
    assert newest.request.id == made.last_response.headers["request-id"]
    await api.payment_intents.confirm_async(made.id, {"payment_method": "pm_card_visa"})
    emulator.switch(f"payment_intents/{made.id}/lapse")
    newest = (await api.events.list_async({"type": "payment_intent.canceled", "limit": 1})).data[0]
    assert newest.data.object.id == made.id
    assert newest.request.id is None
