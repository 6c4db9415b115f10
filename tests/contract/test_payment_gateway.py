"""Contract of the payment gateway, for the fake and Stripe (the emulator, or test mode)."""

import uuid
from collections.abc import AsyncIterator

import pytest

from adapters.stripe.client import StripeClient
from adapters.stripe.errors import StripeRequestError
from adapters.stripe.payments import StripePayments
from domain.core.errors import PaymentRefused
from domain.core.transient import TransientError
from domain.money.payment_method import PaymentMethod
from domain.payments.payment_intent import IntentRequest, IntentState
from tests.contract.payment_worlds import REAL_KEY, EmulatorWorld, FakeWorld, GatewayWorld, RealWorld
from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.fakes.identity import DEPLOYMENT
from tests.fakes.payment_gateway import Verb

GATEWAYS = ["fake", "emulator", *([pytest.param("real", marks=pytest.mark.enable_socket)] if REAL_KEY else [])]


@pytest.fixture(params=GATEWAYS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[GatewayWorld]:
    if request.param == "fake":
        yield FakeWorld()
        return
    if request.param == "real":
        client = StripeClient(REAL_KEY or "", DEPLOYMENT)
        yield RealWorld(StripePayments(client))
    else:
        emulator: Emulator = request.getfixturevalue("emulator")
        client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
        yield EmulatorWorld(StripePayments(client), emulator)
    await client.close()


@pytest.fixture
def wanted() -> IntentRequest:
    return IntentRequest(tenant_id="default", purchase_id=f"pu_{uuid.uuid4().hex}", amount_minor=2208, currency="eur")


def key(request: IntentRequest, verb: str) -> str:
    return f"{request.purchase_id}:{verb}"


async def made(world: GatewayWorld, wanted: IntentRequest) -> IntentState:
    return await world.gateway.create_intent(wanted, key(wanted, "intent"))


async def captured(world: GatewayWorld, wanted: IntentRequest) -> IntentState:
    intent = await made(world, wanted)
    await world.pay(intent)
    return await world.gateway.capture_intent(intent.intent_id, key(wanted, "capture"))


async def test_create(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A new intent waits for a payment method and carries the purchase."""
    intent = await made(world, wanted)
    assert (intent.status, intent.purchase_id) == ("requires_payment_method", wanted.purchase_id)
    assert (intent.amount_minor, intent.received_minor, intent.currency) == (2208, 0, "eur")
    assert intent.client_secret.startswith(f"{intent.intent_id}_secret")
    assert (intent.charge_id, intent.stripe_fee_minor, intent.decline_code) == (None, None, None)


@pytest.mark.parametrize(("methods", "card", "debit"), [(("card",), True, False), (("sepa_debit",), False, True)])
async def test_only_the_named_methods_pay(
    world: GatewayWorld, wanted: IntentRequest, methods: tuple[PaymentMethod, ...], *, card: bool, debit: bool
) -> None:
    """An intent with named methods takes no other; a debit is processing first."""
    if isinstance(world, RealWorld):
        pytest.skip("which methods an account has depends on the account")
    wanted = wanted.model_copy(update={"payment_methods": methods, "capture_method": "automatic"})
    intent = await made(world, wanted)
    for method, pays, status in (("pm_success_de", debit, "processing"), ("pm_card_visa", card, "succeeded")):
        await world.pay(intent, method)
        if pays:
            assert (await world.gateway.retrieve_intent(intent.intent_id)).status == status
            return
        assert (await world.gateway.retrieve_intent(intent.intent_id)).status == "requires_payment_method"


async def test_methods_of_which_none_can_pay_are_refused(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A debit cannot be authorised first: there is no method left."""
    with pytest.raises(PaymentRefused):
        await made(world, wanted.model_copy(update={"payment_methods": ("sepa_debit",), "capture_method": "manual"}))


async def test_create_twice(world: GatewayWorld, wanted: IntentRequest) -> None:
    """The same key returns the same intent, as it is now and not as it was."""
    intent = await made(world, wanted)
    await world.pay(intent)
    again = await made(world, wanted)
    assert (again.intent_id, again.status) == (intent.intent_id, "requires_capture")


async def test_an_intent_is_described(emulator: Emulator, wanted: IntentRequest) -> None:
    """Stripe's dashboard shows what was sold, a card's statement its suffix, and a receipt goes to the buyer."""
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    payments = StripePayments(client, "NIGHT")
    described = wanted.model_copy(update={"description": "The Long Night", "receipt_email": "ann@example.org"})
    made = await payments.create_intent(described, key(wanted, "intent"))
    seen = await client.read(client.api.payment_intents.retrieve_async(made.intent_id))
    assert (seen.description, seen.statement_descriptor_suffix) == ("The Long Night", "NIGHT")
    assert seen.receipt_email == "ann@example.org"
    assert "ann@example.org" not in repr(described)
    await client.close()


async def test_an_intent_described_otherwise_is_the_same_intent(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A release that describes it anew, or a buyer who was erased meanwhile, finds the first intent."""
    first = await made(world, wanted)
    again = await made(world, wanted.model_copy(update={"description": "The Long Night"}))
    assert again.intent_id == first.intent_id


async def test_key_with_another_body(world: GatewayWorld, wanted: IntentRequest) -> None:
    """The same key for another amount raises an error that is no refusal."""
    await made(world, wanted)
    with pytest.raises(StripeRequestError):
        await made(world, wanted.model_copy(update={"amount_minor": 9900}))


async def test_find(world: GatewayWorld, wanted: IntentRequest) -> None:
    """An intent is found by its purchase, and by no other."""
    if isinstance(world, RealWorld):
        pytest.skip("Stripe's search is behind by up to a minute")
    intent = await made(world, wanted)
    assert await world.gateway.find_intent(wanted.purchase_id) == intent
    assert await world.gateway.find_intent("it's nobody's") is None


async def test_find_prefers_the_living(world: GatewayWorld, wanted: IntentRequest) -> None:
    """Of several intents of a purchase an open one is preferred to a cancelled one."""
    if isinstance(world, RealWorld):
        pytest.skip("Stripe's search is behind by up to a minute")
    first = await made(world, wanted)
    second = await world.gateway.create_intent(wanted, key(wanted, "intent:2"))
    await world.gateway.cancel_intent(second.intent_id, key(wanted, "cancel"))
    found = await world.gateway.find_intent(wanted.purchase_id)
    assert found is not None
    assert found.intent_id == first.intent_id


async def test_capture(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A capture takes the whole amount; a second one, under any key, returns the same state."""
    intent = await made(world, wanted)
    await world.pay(intent)
    assert (await world.gateway.retrieve_intent(intent.intent_id)).status == "requires_capture"
    taken = await world.gateway.capture_intent(intent.intent_id, key(wanted, "capture"))
    assert (taken.status, taken.received_minor, taken.refunded_minor) == ("succeeded", 2208, 0)
    assert taken.charge_id is not None
    if not isinstance(world, RealWorld):
        assert taken.stripe_fee_minor == 94
    assert await world.gateway.capture_intent(intent.intent_id, key(wanted, "capture")) == taken
    assert await world.gateway.capture_intent(intent.intent_id, key(wanted, "capture:2")) == taken


async def test_capture_unpaid(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A capture of an unauthorised payment returns the state and takes nothing."""
    intent = await made(world, wanted)
    state = await world.gateway.capture_intent(intent.intent_id, key(wanted, "capture"))
    assert (state.status, state.received_minor) == ("requires_payment_method", 0)


async def test_automatic_capture(world: GatewayWorld, wanted: IntentRequest) -> None:
    """With automatic capture the payment itself takes the money."""
    intent = await made(world, wanted.model_copy(update={"capture_method": "automatic"}))
    await world.pay(intent)
    state = await world.gateway.retrieve_intent(intent.intent_id)
    assert (state.status, state.received_minor) == ("succeeded", 2208)


async def test_cancel(world: GatewayWorld, wanted: IntentRequest) -> None:
    """An authorisation is cancelled without a refund; a second cancel, under any key, changes nothing."""
    intent = await made(world, wanted)
    await world.pay(intent)
    state = await world.gateway.cancel_intent(intent.intent_id, key(wanted, "cancel"))
    assert (state.status, state.received_minor, state.refunded_minor) == ("canceled", 0, 0)
    assert (await world.gateway.cancel_intent(intent.intent_id, key(wanted, "cancel"))).status == "canceled"
    assert (await world.gateway.cancel_intent(intent.intent_id, key(wanted, "cancel:2"))).status == "canceled"
    assert (await world.gateway.capture_intent(intent.intent_id, key(wanted, "capture"))).status == "canceled"


async def test_cancel_captured(world: GatewayWorld, wanted: IntentRequest) -> None:
    """Captured money is not cancelled; the returned state is still succeeded."""
    intent = await captured(world, wanted)
    assert (await world.gateway.cancel_intent(intent.intent_id, key(wanted, "cancel"))).status == "succeeded"


async def test_decline(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A declined card leaves the intent open with the reason; another card pays and clears it."""
    intent = await made(world, wanted)
    await world.pay(intent, "pm_card_chargeDeclinedInsufficientFunds")
    state = await world.gateway.retrieve_intent(intent.intent_id)
    assert (state.status, state.decline_code) == ("requires_payment_method", "insufficient_funds")
    assert state.refunded_minor == 0
    await world.pay(intent)
    state = await world.gateway.retrieve_intent(intent.intent_id)
    assert (state.status, state.decline_code) == ("requires_capture", None)


@pytest.mark.parametrize(("succeed", "status"), [(True, "requires_capture"), (False, "requires_payment_method")])
async def test_three_d_secure(world: GatewayWorld, wanted: IntentRequest, succeed: bool, status: str) -> None:  # noqa: FBT001
    """3-D Secure asks the buyer first."""
    intent = await made(world, wanted)
    await world.pay(intent, "pm_card_threeDSecure2Required")
    assert (await world.gateway.retrieve_intent(intent.intent_id)).status == "requires_action"
    await world.authenticate(intent, succeed=succeed)
    assert (await world.gateway.retrieve_intent(intent.intent_id)).status == status


async def test_processing(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A payment that is processing cannot be cancelled, and ends either way."""
    intent = await made(world, wanted)
    await world.pay(intent, "pm_emulator_slowCard")
    assert (await world.gateway.cancel_intent(intent.intent_id, key(wanted, "cancel"))).status == "processing"
    await world.finish_processing(intent, succeed=False)
    state = await world.gateway.retrieve_intent(intent.intent_id)
    assert (state.status, state.decline_code) == ("requires_payment_method", "generic_decline")
    await world.pay(intent, "pm_emulator_slowCard")
    await world.finish_processing(intent)
    assert (await world.gateway.retrieve_intent(intent.intent_id)).status == "requires_capture"


async def test_refund(world: GatewayWorld, wanted: IntentRequest) -> None:
    """Captured money is refunded once, under any key of the second try."""
    intent = await captured(world, wanted)
    refund = await world.gateway.refund_intent(intent.intent_id, 2208, key(wanted, "refund"))
    assert (refund.status, refund.amount_minor, refund.intent_id) == ("succeeded", 2208, intent.intent_id)
    assert await world.gateway.refund_intent(intent.intent_id, 2208, key(wanted, "refund")) == refund
    assert await world.gateway.refund_intent(intent.intent_id, 2208, key(wanted, "refund:2")) == refund
    assert (await world.gateway.retrieve_intent(intent.intent_id)).refunded_minor == 2208


async def test_refund_limits(world: GatewayWorld, wanted: IntentRequest) -> None:
    """Parts can be refunded up to the captured amount."""
    intent = await captured(world, wanted)
    await world.gateway.refund_intent(intent.intent_id, 2000, key(wanted, "refund"))
    with pytest.raises(PaymentRefused):
        await world.gateway.refund_intent(intent.intent_id, 209, key(wanted, "refund:2"))
    await world.gateway.refund_intent(intent.intent_id, 208, key(wanted, "refund:3"))
    assert (await world.gateway.retrieve_intent(intent.intent_id)).refunded_minor == 2208


async def test_refund_of_nothing(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A refund of an authorised payment is refused."""
    intent = await made(world, wanted)
    await world.pay(intent)
    with pytest.raises(PaymentRefused):
        await world.gateway.refund_intent(intent.intent_id, 2208, key(wanted, "refund"))


async def test_no_refund_of_what_a_bank_took(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A dispute over any part of a charge, also a lost one, refuses every refund of it; an inquiry takes nothing."""
    intent = await captured(world, wanted)
    await world.dispute(intent, 100, inquiry=True)
    before = await world.gateway.refund_intent(intent.intent_id, 1, key(wanted, "refund"))
    first, second = await world.dispute(intent, 100), await world.dispute(intent, 200)
    for dispute_id, won in ((first, True), (second, False)):
        with pytest.raises(PaymentRefused) as caught:
            await world.gateway.refund_intent(intent.intent_id, 1, key(wanted, f"refund:{dispute_id}"))
        assert caught.value.data["reason"] == "charge_disputed"
        await world.end_dispute(intent, dispute_id, won=won)
    with pytest.raises(PaymentRefused):
        await world.gateway.refund_intent(intent.intent_id, 1, key(wanted, "refund:lost"))
    assert await world.gateway.refund_intent(intent.intent_id, 1, key(wanted, "refund")) == before


async def test_a_refund_after_won_disputes(world: GatewayWorld, wanted: IntentRequest) -> None:
    """Once every dispute of a charge is won it can be refunded."""
    intent = await captured(world, wanted)
    for dispute_id in (await world.dispute(intent, 100), await world.dispute(intent, 200)):
        await world.end_dispute(intent, dispute_id, won=True)
    assert (await world.gateway.refund_intent(intent.intent_id, 2208, key(wanted, "refund"))).status == "succeeded"


async def test_unknown_intent(world: GatewayWorld) -> None:
    """An unknown id raises an error that is no refusal, so no saga compensates."""
    with pytest.raises(StripeRequestError):
        await world.gateway.retrieve_intent("pi_nobody")


VERBS: list[Verb] = ["create_intent", "capture_intent", "cancel_intent", "refund_intent"]


async def act(world: GatewayWorld, wanted: IntentRequest, verb: Verb) -> object:
    """Prepare a payment for the verb, and call it."""
    if verb == "create_intent":
        return (await made(world, wanted)).intent_id
    intent = await made(world, wanted)
    if verb == "refund_intent":
        if intent.status != "succeeded":
            await world.pay(intent)
            await world.gateway.capture_intent(intent.intent_id, key(wanted, "capture"))
        return await world.gateway.refund_intent(intent.intent_id, 2208, key(wanted, "refund"))
    if intent.status == "requires_payment_method":
        await world.pay(intent)
    if verb == "capture_intent":
        return await world.gateway.capture_intent(intent.intent_id, key(wanted, "capture"))
    return (await world.gateway.cancel_intent(intent.intent_id, key(wanted, "cancel"))).status


@pytest.mark.parametrize("verb", VERBS)
async def test_lost_request(world: GatewayWorld, wanted: IntentRequest, verb: Verb) -> None:
    """A lost request is a transient error; the repeat succeeds."""
    world.fail_before(verb)
    with pytest.raises(TransientError):
        await act(world, wanted, verb)
    await act(world, wanted, verb)


@pytest.mark.parametrize("verb", VERBS)
async def test_lost_answer(world: GatewayWorld, wanted: IntentRequest, verb: Verb) -> None:
    """A lost answer is a transient error of unknown effect; the repeat finds the effect."""
    world.fail_after(verb)
    with pytest.raises(TransientError) as caught:
        await act(world, wanted, verb)
    assert caught.value.unknown
    again = await act(world, wanted, verb)
    assert await act(world, wanted, verb) == again


async def test_lost_reads(world: GatewayWorld, wanted: IntentRequest) -> None:
    """A failed read has no unknown effect."""
    intent = await made(world, wanted)
    world.fail_before("retrieve_intent")
    with pytest.raises(TransientError) as caught:
        await world.gateway.retrieve_intent(intent.intent_id)
    assert not caught.value.unknown
