"""PaymentIntents: test payment methods, 3-D Secure, browsers, limits of captures and amounts."""

from typing import Any

import pytest
import stripe

from tests.devstack.stripe.emulator import Emulator, intent_params, paid


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
async def test_declines(api: Any, method: str, code: str, decline_code: str) -> None:
    """A decline is a 402; the intent has the error and a failed charge."""
    intent = await api.payment_intents.create_async(intent_params())
    with pytest.raises(stripe.CardError) as caught:
        await api.payment_intents.confirm_async(intent.id, {"payment_method": method})
    assert (caught.value.http_status, caught.value.code) == (402, code)
    now = await api.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert (now.status, now.last_payment_error.decline_code) == ("requires_payment_method", decline_code)
    assert (now.latest_charge.status, now.latest_charge.paid) == ("failed", False)


async def test_three_d_secure(api: Any, emulator: Emulator) -> None:
    """3-D Secure waits for the buyer; failing it asks for another method."""
    intent = await paid(api, method="pm_card_authenticationRequired")
    assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")
    emulator.switch(f"payment_intents/{intent.id}/authenticate", "fail")
    now = await api.payment_intents.retrieve_async(intent.id)
    assert now.last_payment_error.code == "payment_intent_authentication_failure"
    await api.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_threeDSecure2Required"})
    assert emulator.switch(f"payment_intents/{intent.id}/authenticate")["status"] == "succeeded"


async def test_browser_confirms(api: Any, emulator: Emulator) -> None:
    """A browser confirms with the client secret, sees no metadata, and is refused with a wrong one."""
    intent = await api.payment_intents.create_async(intent_params(metadata={"purchase_id": "p"}))
    assert emulator.confirm(intent.id, "pi_x_secret_y", "pm_card_visa").status_code == 400
    answer = emulator.confirm(intent.id, intent.client_secret, "pm_card_visa").json()
    assert answer["status"] == "succeeded"
    assert "metadata" not in answer


async def test_bank_debit(api: Any, emulator: Emulator) -> None:
    """A bank debit is processing first, cannot be cancelled then, and does not support manual capture."""
    intent = await paid(api, method="pm_usBankAccount")
    assert intent.status == "processing"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.payment_intents.cancel_async(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert emulator.switch(f"payment_intents/{intent.id}/finish_processing")["status"] == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await paid(api, method="pm_usBankAccount", capture_method="manual")
    assert caught.value.code == "payment_intent_incompatible_payment_method"


async def test_capture_limits(api: Any) -> None:
    """A capture is limited to the authorised amount; a partial one releases the rest."""
    intent = await paid(api, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.payment_intents.capture_async(intent.id, {"amount_to_capture": 5001})
    assert caught.value.code == "amount_too_large"
    part = await api.payment_intents.capture_async(intent.id, {"amount_to_capture": 3000, "expand": ["latest_charge"]})
    assert (part.status, part.amount_received, part.latest_charge.amount_captured) == ("succeeded", 3000, 3000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.refunds.create_async({"payment_intent": intent.id, "amount": 3001})
    assert caught.value.code == "amount_too_large"


async def test_amount_limits(api: Any) -> None:
    """An amount has a minimum and a maximum."""
    for amount, code in ((49, "amount_too_small"), (100_000_000, "amount_too_large")):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await api.payment_intents.create_async(intent_params(amount))
        assert caught.value.code == code
