"""The emulator as Stripe's own library sees it."""

import asyncio
import uuid
from typing import Any

import psutil
import pytest
import stripe

from adapters.stripe.client import StripeClient
from adapters.stripe.payments import StripePayments
from domain.core.transient import TransientError
from domain.payments.payment_intent import IntentRequest
from tests.contract.stripe_emulator import BROWSER, SECRET, Emulator, paid, wanted


async def test_key_is_needed(emulator: Emulator) -> None:
    """Without the secret key nothing is answered; Basic works as Bearer does; a browser's key opens little."""
    assert emulator.client.get("/v1/balance").status_code == 401
    assert emulator.client.get("/v1/balance", headers={"Authorization": "Bearer sk_test_other"}).status_code == 401
    assert emulator.client.get("/v1/balance", auth=(SECRET, "")).status_code == 200
    refused = emulator.client.get("/v1/balance", headers=BROWSER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "secret_key_required")


async def test_same_key_same_answer(api: Any) -> None:
    """The same key and body bring the stored answer, marked as replayed; another body is an idempotency error."""
    key = {"idempotency_key": uuid.uuid4().hex}
    first = await api.payment_intents.create_async(wanted(), key)
    again = await api.payment_intents.create_async(wanted(), key)
    assert again.id == first.id
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        await api.payment_intents.create_async(wanted(6000), key)


async def test_key_in_use(api: Any, emulator: Emulator) -> None:
    """A second call with a key that is being answered is refused with a 409."""
    emulator.fault("delay:400", path="/v1/payment_intents")
    key = {"idempotency_key": uuid.uuid4().hex}
    slow = asyncio.create_task(api.payment_intents.create_async(wanted(), key))
    await asyncio.sleep(0.2)
    with pytest.raises(stripe.APIError) as caught:
        await api.payment_intents.create_async(wanted(), key)
    assert (caught.value.http_status, caught.value.error.code) == (409, "idempotency_key_in_use")
    assert (await api.payment_intents.create_async(wanted(), {"idempotency_key": uuid.uuid4().hex})).id
    assert (await slow).status == "requires_payment_method"


async def test_unknown_parameters(api: Any) -> None:
    """What the endpoint does not take is refused, `payment_method_types` too, and the key is not used up."""
    key = {"idempotency_key": uuid.uuid4().hex}
    for more in ({"payment_method_types": ["card"]}, {"colour": "red"}):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await api.payment_intents.create_async(wanted(**more), key)
        assert (caught.value.code, caught.value.param) == ("parameter_unknown", next(iter(more)))
    assert (await api.payment_intents.create_async(wanted(), key)).id


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
async def test_declines(api: Any, method: str, code: str, decline_code: str) -> None:
    """A decline is a 402 that leaves its traces on the intent and a failed charge."""
    intent = await api.payment_intents.create_async(wanted())
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
    intent = await api.payment_intents.create_async(wanted(metadata={"purchase_id": "p"}))
    assert emulator.confirm(intent.id, "pi_x_secret_y", "pm_card_visa").status_code == 400
    answer = emulator.confirm(intent.id, intent.client_secret, "pm_card_visa").json()
    assert answer["status"] == "succeeded"
    assert "metadata" not in answer


async def test_bank_debit(api: Any, emulator: Emulator) -> None:
    """A bank debit processes first, cannot be cancelled then, and does not go with manual capture."""
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
    """No more is captured than was authorised; the rest of a part is let go."""
    intent = await paid(api, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.payment_intents.capture_async(intent.id, {"amount_to_capture": 5001})
    assert caught.value.code == "amount_too_large"
    part = await api.payment_intents.capture_async(intent.id, {"amount_to_capture": 3000, "expand": ["latest_charge"]})
    assert (part.status, part.amount_received, part.latest_charge.amount_captured) == ("succeeded", 3000, 3000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.routes.refunds.create_async({"payment_intent": intent.id, "amount": 3001})
    assert caught.value.code == "amount_too_large"


async def test_amount_limits(api: Any) -> None:
    """An amount has a smallest and a largest value."""
    for amount, code in ((49, "amount_too_small"), (100_000_000, "amount_too_large")):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await api.payment_intents.create_async(wanted(amount))
        assert caught.value.code == code


async def test_refunds(api: Any, emulator: Emulator) -> None:
    """Refunds stop at what was taken; a pending one comes to its end, and a failed one gives the room back."""
    intent = await paid(api, method="pm_card_pendingRefund")
    refund = await api.routes.refunds.create_async({"payment_intent": intent.id})
    assert (refund.status, refund.amount) == ("pending", 5000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.routes.refunds.create_async({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    assert emulator.switch(f"refunds/{refund.id}/finish", "fail")["status"] == "failed"
    await api.routes.refunds.create_async({"charge": intent.latest_charge, "amount": 1})
    assert len((await api.routes.refunds.list_async({"payment_intent": intent.id})).data) == 2


async def test_transfers_and_balance(api: Any) -> None:
    """Money goes to a connected account from a charge up to its amount; all balance transactions sum to the balance."""
    account = await api.accounts.create_async({"type": "express", "metadata": {"venue_id": "v1"}})
    intent = await paid(api, 10_000, transfer_group="p1")
    base = {"currency": "usd", "destination": account.id, "source_transaction": intent.latest_charge}
    made = await api.transfers.create_async({**base, "amount": 9000})
    assert (made.transfer_group, made.amount) == ("p1", 9000)
    with pytest.raises(stripe.InvalidRequestError):
        await api.transfers.create_async({**base, "amount": 1001})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.transfers.create_async({"amount": 10**8, "currency": "usd", "destination": account.id})
    assert caught.value.code == "balance_insufficient"
    assert [row.id for row in (await api.transfers.list_async({"transfer_group": "p1"})).data] == [made.id]
    await api.routes.refunds.create_async({"payment_intent": intent.id, "amount": 500})
    venue = await api.balance.retrieve_async({}, {"stripe_account": account.id})
    assert venue.available[0].amount + venue.pending[0].amount == 9000
    entries = [row async for row in (await api.balance_transactions.list_async({"limit": 100})).auto_paging_iter()]
    ours = [row for row in entries if row.currency == "usd"]
    whole = await api.balance.retrieve_async()
    assert sum(row.net for row in ours) == whole.available[0].amount + whole.pending[0].amount
    assert all(row.net == row.amount - row.fee for row in ours)
    charge = await api.charges.retrieve_async(intent.latest_charge, {"expand": ["balance_transaction"]})
    assert charge.balance_transaction.fee == 320


async def test_lists_and_search(api: Any) -> None:
    """Lists come newest first in pages; the search finds by metadata."""
    mark = uuid.uuid4().hex
    made = [(await api.payment_intents.create_async(wanted(metadata={"purchase_id": mark}))).id for _ in range(3)]
    page = await api.payment_intents.list_async({"limit": 2})
    assert ([row.id for row in page.data], page.has_more) == (made[:0:-1], True)
    after = await api.payment_intents.list_async({"limit": 1, "starting_after": made[1]})
    assert after.data[0].id == made[0]
    query = {"query": f"metadata['purchase_id']:'{mark}' AND status:'requires_payment_method'", "limit": 2}
    found = await api.payment_intents.search_async(query)
    assert [row.id async for row in found.auto_paging_iter()] == made[::-1]


async def test_events(api: Any) -> None:
    """Events tell what happened, and are listed by type and time."""
    intent = await paid(api)
    recent = await api.events.list_async({"types": ["payment_intent.succeeded"], "created": {"gte": intent.created}})
    event = next(row for row in recent.data if row.data.object.id == intent.id)
    assert (await api.events.retrieve_async(event.id)).type == "payment_intent.succeeded"
    assert {row.type for row in recent.data} == {"payment_intent.succeeded"}
    later = await api.events.list_async({"created": {"gt": intent.created + 60}})
    assert later.data == []


async def test_faults(api: Any, emulator: Emulator) -> None:
    """A dropped call fails before or after its effect; a status is an error object; rules are used up and cleared."""
    key = {"idempotency_key": uuid.uuid4().hex}
    emulator.fault("drop_after", method="POST", path="/v1/payment_intents")
    with pytest.raises(stripe.APIConnectionError):
        await api.payment_intents.create_async(wanted(), key)
    again = await api.payment_intents.create_async(wanted(), key)
    assert again.last_response.headers["idempotent-replayed"] == "true"
    emulator.fault("status:429", path="/v1/balance")
    with pytest.raises(stripe.RateLimitError):
        await api.balance.retrieve_async()
    emulator.fault("drop_before", path="/v1/balance", count=5)
    with pytest.raises(stripe.APIConnectionError):
        await api.balance.retrieve_async()
    assert emulator.client.get("/_emulator/faults").json()["data"][-1]["remaining"] == 4
    emulator.client.delete("/_emulator/faults")
    assert (await api.balance.retrieve_async()).object == "balance"


@pytest.mark.parametrize("times", [1, 3])
async def test_kept_server_error(api: Any, emulator: Emulator, times: int) -> None:
    """A 500 that Stripe keeps under a key is got over: the gateway looks, and tries under the next key."""
    client = StripeClient(SECRET, base_url=emulator.url)
    gateway = StripePayments(client)
    purchase = f"pu_{uuid.uuid4().hex}"
    request = IntentRequest(tenant_id="default", purchase_id=purchase, amount_minor=5000, currency="usd")
    paths = {"intent": "/v1/payment_intents", "capture": "*/capture", "refund": "/v1/refunds"}
    intent = ""

    async def step(verb: str) -> Any:
        if verb == "intent":
            return await gateway.create_intent(request, f"{purchase}:intent")
        if verb == "capture":
            return await gateway.capture_intent(intent, f"{purchase}:capture")
        return await gateway.refund_intent(intent, 5000, f"{purchase}:refund")

    for verb, path in paths.items():
        emulator.fault("sticky:500", method="POST", path=path, count=times)
        with pytest.raises(TransientError) as caught:
            await step(verb)
        assert caught.value.unknown
        if times > 1:  # a replay under the first key counts too: this is the second key's
            with pytest.raises(TransientError):
                await step(verb)
        done = await step(verb)
        if verb == "intent":
            intent = done.intent_id
            emulator.confirm(intent, done.client_secret, "pm_card_visa")
        else:
            assert done.status == "succeeded"
    assert len((await api.routes.refunds.list_async({"payment_intent": intent})).data) == 1
    await client.close()


async def test_forgotten_keys(api: Any, emulator: Emulator) -> None:
    """Keys can be forgotten, as Stripe's are after a day."""
    key = {"idempotency_key": uuid.uuid4().hex}
    first = await api.payment_intents.create_async(wanted(), key)
    emulator.client.post("/_emulator/idempotency/forget").raise_for_status()
    assert (await api.payment_intents.create_async(wanted(), key)).id != first.id


async def test_unknown_page(emulator: Emulator) -> None:
    """A page that does not exist is Stripe's 404."""
    answer = emulator.client.get("/v1/nothing", auth=(SECRET, ""))
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")


async def test_only_loopback(emulator: Emulator) -> None:
    """The emulator listens on loopback and nowhere else."""
    listening = [one for one in psutil.Process(emulator.pid).net_connections() if one.status == psutil.CONN_LISTEN]
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
