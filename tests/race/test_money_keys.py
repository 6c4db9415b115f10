"""Idempotency keys at Stripe, through the real adapter: without them money is refunded or taken twice.

A cancel needs none: Stripe's state refuses the second one, and the gateway returns that state.
"""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from adapters.stripe.client import StripeClient
from adapters.stripe.payments import StripePayments
from domain.core.transient import TransientError
from domain.payments.payment_intent import IntentRequest, IntentState
from tests.contract.payment_worlds import EmulatorWorld
from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.fakes.identity import DEPLOYMENT

REQUEST = IntentRequest(
    tenant_id="default", purchase_id="pu", amount_minor=2208, currency="eur", capture_method="automatic"
)
HALF = REQUEST.amount_minor // 2
FRESH = (f"fresh {number}" for number in count())


@pytest.fixture
async def stripe_world(emulator: Emulator) -> AsyncIterator[EmulatorWorld]:
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    yield EmulatorWorld(StripePayments(client), emulator)
    emulator.client.delete("/_emulator/faults")
    await client.close()


async def refunded_after_a_lost_answer(world: EmulatorWorld, *keys: str) -> int:
    """Refund half of a payment, lose the answer, repeat; return the refunded amount."""
    request = REQUEST.model_copy(update={"purchase_id": f"pu {keys[0]}"})
    intent = await world.gateway.create_intent(request, f"{keys[0]} intent")
    await world.pay(intent)
    world.fail_after("refund_intent")
    with pytest.raises(TransientError):
        await world.gateway.refund_intent(intent.intent_id, HALF, keys[0])
    await world.gateway.refund_intent(intent.intent_id, HALF, keys[1])
    return (await world.gateway.retrieve_intent(intent.intent_id)).refunded_minor


async def test_without_its_key_a_refund_is_made_twice(stripe_world: EmulatorWorld) -> None:
    """A new key for each call makes two refunds of one."""
    assert await refunded_after_a_lost_answer(stripe_world, next(FRESH), next(FRESH)) == 2 * HALF


async def test_with_its_key_a_refund_is_made_once(stripe_world: EmulatorWorld) -> None:
    """The repeat finds the first refund."""
    assert await refunded_after_a_lost_answer(stripe_world, "pu:refund:1", "pu:refund:1") == HALF


async def taken_after_a_lost_answer(world: EmulatorWorld, *keys: str) -> int:
    """Create a payment, lose the answer, repeat, and let two open tabs pay; return the captured amount."""
    request = REQUEST.model_copy(update={"purchase_id": f"pu {keys[0]}"})
    world.fail_after("create_intent")
    with pytest.raises(TransientError):
        await world.gateway.create_intent(request, keys[0])
    first = await world.gateway.find_intent(request.purchase_id)
    assert first is not None
    made: list[IntentState] = [first, await world.gateway.create_intent(request, keys[1])]
    for intent in made:
        await world.pay(intent)
    taken = {intent.intent_id: await world.gateway.retrieve_intent(intent.intent_id) for intent in made}
    return sum(intent.received_minor for intent in taken.values())


async def test_without_its_key_a_purchase_is_paid_twice(stripe_world: EmulatorWorld) -> None:
    """Two payments are open for one purchase, and a buyer with two tabs pays both."""
    assert await taken_after_a_lost_answer(stripe_world, next(FRESH), next(FRESH)) == 2 * REQUEST.amount_minor


async def test_with_its_key_a_purchase_is_paid_once(stripe_world: EmulatorWorld) -> None:
    """Both tabs have the same payment."""
    assert await taken_after_a_lost_answer(stripe_world, "pu:intent:1", "pu:intent:1") == REQUEST.amount_minor
