"""Answering calls: keys, idempotency, parameters, fault rules, unknown paths, loopback."""

import asyncio
import uuid
from typing import Any

import psutil
import pytest
import stripe

from tests.devstack.stripe.emulator import BROWSER, SECRET, Emulator, intent_params


async def test_key_is_needed(emulator: Emulator) -> None:
    """A secret key is required, as Bearer or Basic; a publishable key is refused at most endpoints."""
    assert emulator.client.get("/v1/balance").status_code == 401
    assert emulator.client.get("/v1/balance", headers={"Authorization": "Bearer sk_test_other"}).status_code == 401
    assert emulator.client.get("/v1/balance", auth=(SECRET, "")).status_code == 200
    refused = emulator.client.get("/v1/balance", headers=BROWSER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "secret_key_required")


async def test_same_key_same_answer(api: Any) -> None:
    """The same key and body return the stored response, marked as replayed; another body is an idempotency error."""
    key = {"idempotency_key": uuid.uuid4().hex}
    first = await api.payment_intents.create_async(intent_params(), key)
    again = await api.payment_intents.create_async(intent_params(), key)
    assert again.id == first.id
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        await api.payment_intents.create_async(intent_params(6000), key)


async def test_key_in_use(api: Any, emulator: Emulator) -> None:
    """A second call with a key in use is refused with a 409."""
    emulator.fault("delay:400", path="/v1/payment_intents")
    key = {"idempotency_key": uuid.uuid4().hex}
    slow = asyncio.create_task(api.payment_intents.create_async(intent_params(), key))
    await asyncio.sleep(0.2)
    with pytest.raises(stripe.APIError) as caught:
        await api.payment_intents.create_async(intent_params(), key)
    assert caught.value.error is not None
    assert (caught.value.http_status, caught.value.error.code) == (409, "idempotency_key_in_use")
    assert (await api.payment_intents.create_async(intent_params(), {"idempotency_key": uuid.uuid4().hex})).id
    assert (await slow).status == "requires_payment_method"


async def test_unknown_parameters(api: Any) -> None:
    """Unknown parameters are refused, `payment_method_types` too, and the key is not stored."""
    key = {"idempotency_key": uuid.uuid4().hex}
    former = {"payment_method_types": ["card"]}
    for more, code in ((former, "payment_method_types_no_longer_supported"), ({"colour": "red"}, "parameter_unknown")):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await api.payment_intents.create_async(intent_params(**more), key)
        assert (caught.value.code, caught.value.param) == (code, next(iter(more)))
    assert (await api.payment_intents.create_async(intent_params(), key)).id


async def test_faults(api: Any, emulator: Emulator) -> None:
    """A call can be dropped before or after its effect, or fail with a status; rules are consumed and cleared."""
    key = {"idempotency_key": uuid.uuid4().hex}
    emulator.fault("drop_after", method="POST", path="/v1/payment_intents")
    with pytest.raises(stripe.APIConnectionError):
        await api.payment_intents.create_async(intent_params(), key)
    again = await api.payment_intents.create_async(intent_params(), key)
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


async def test_forgotten_keys(api: Any, emulator: Emulator) -> None:
    """Keys can be deleted, as Stripe deletes them after a day."""
    key = {"idempotency_key": uuid.uuid4().hex}
    first = await api.payment_intents.create_async(intent_params(), key)
    emulator.client.post("/_emulator/idempotency/forget").raise_for_status()
    assert (await api.payment_intents.create_async(intent_params(), key)).id != first.id


async def test_unknown_page(emulator: Emulator) -> None:
    """An unknown path is Stripe's 404."""
    answer = emulator.client.get("/v1/nothing", auth=(SECRET, ""))
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")


async def test_only_loopback(emulator: Emulator) -> None:
    """The emulator listens only on loopback."""
    listening = [one for one in psutil.Process(emulator.pid).net_connections() if one.status == psutil.CONN_LISTEN]
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
