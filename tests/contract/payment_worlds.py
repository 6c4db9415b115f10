"""Subjects of the payment gateway's contract: the fake, the emulator, and Stripe's test mode."""

import os
from typing import Protocol

import httpx
import pytest

from activities.core.ports import PaymentGateway
from adapters.stripe.payments import StripePayments
from domain.payments.payment_intent import IntentState
from tests.devstack.stripe.emulator import Emulator
from tests.fakes.payment_gateway import FakePaymentGateway, Verb

REAL_KEY = os.environ.get("STRIPE_TEST_KEY")
PATHS = {
    "create_intent": ("POST", "/v1/payment_intents"),
    "find_intent": ("GET", "/v1/payment_intents/search"),
    "retrieve_intent": ("GET", "/v1/payment_intents/pi_*"),
    "capture_intent": ("POST", "/v1/payment_intents/*/capture"),
    "cancel_intent": ("POST", "/v1/payment_intents/*/cancel"),
    "refund_intent": ("POST", "/v1/refunds"),
}


class GatewayWorld(Protocol):
    """A gateway, with acts of buyers and failure switches."""

    gateway: PaymentGateway

    async def pay(self, intent: IntentState, method: str = "pm_card_visa") -> None: ...
    async def authenticate(self, intent: IntentState, *, succeed: bool = True) -> None: ...
    async def finish_processing(self, intent: IntentState, *, succeed: bool = True) -> None: ...
    async def dispute(self, intent: IntentState, amount_minor: int, *, inquiry: bool = False) -> str: ...
    async def end_dispute(self, intent: IntentState, dispute_id: str, *, won: bool) -> None: ...
    def fail_before(self, verb: Verb) -> None: ...
    def fail_after(self, verb: Verb) -> None: ...


class FakeWorld:
    """The fake gateway."""

    def __init__(self) -> None:
        self.fake = FakePaymentGateway()
        self.gateway: PaymentGateway = self.fake
        self.fail_before, self.fail_after = self.fake.fail_before, self.fake.fail_after

    async def pay(self, intent: IntentState, method: str = "pm_card_visa") -> None:
        self.fake.pay(intent.intent_id, method)

    async def authenticate(self, intent: IntentState, *, succeed: bool = True) -> None:
        self.fake.authenticate(intent.intent_id, succeed=succeed)

    async def finish_processing(self, intent: IntentState, *, succeed: bool = True) -> None:
        self.fake.finish_processing(intent.intent_id, succeed=succeed)

    async def dispute(self, intent: IntentState, amount_minor: int, *, inquiry: bool = False) -> str:
        return self.fake.dispute(intent.intent_id, amount_minor, inquiry=inquiry).dispute_id

    async def end_dispute(self, intent: IntentState, dispute_id: str, *, won: bool) -> None:
        self.fake.end_dispute(intent.intent_id, dispute_id, won=won)


class EmulatorWorld:
    """The real adapter on the emulator."""

    def __init__(self, gateway: StripePayments, emulator: Emulator) -> None:
        self.gateway: PaymentGateway = gateway
        self.emulator = emulator

    async def pay(self, intent: IntentState, method: str = "pm_card_visa") -> None:
        self.emulator.confirm(intent.intent_id, intent.client_secret, method)

    async def authenticate(self, intent: IntentState, *, succeed: bool = True) -> None:
        self.emulator.switch(f"payment_intents/{intent.intent_id}/authenticate", "succeed" if succeed else "fail")

    async def finish_processing(self, intent: IntentState, *, succeed: bool = True) -> None:
        self.emulator.switch(f"payment_intents/{intent.intent_id}/finish_processing", "succeed" if succeed else "fail")

    async def dispute(self, intent: IntentState, amount_minor: int, *, inquiry: bool = False) -> str:
        path = f"charges/{intent.charge_id}/dispute"
        return str(self.emulator.switch(path, amount=amount_minor, inquiry=inquiry)["id"])

    async def end_dispute(self, intent: IntentState, dispute_id: str, *, won: bool) -> None:
        self.emulator.switch(f"disputes/{dispute_id}/finish", "won" if won else "lost")

    def fail_before(self, verb: Verb) -> None:
        method, path = PATHS[verb]
        # The adapter repeats a read once, in case its kept-alive connection was closed.
        self.emulator.fault("drop_before", method=method, path=path, count=2 if method == "GET" else 1)

    def fail_after(self, verb: Verb) -> None:
        method, path = PATHS[verb]
        self.emulator.fault("drop_after", method=method, path=path)


class RealWorld:
    """The real adapter on Stripe's test mode; without failure switches, so tests that need one are skipped."""

    def __init__(self, gateway: StripePayments) -> None:
        self.gateway: PaymentGateway = gateway

    async def pay(self, intent: IntentState, method: str = "pm_card_visa") -> None:
        if method == "pm_emulator_slowCard":
            pytest.skip("Stripe has no slow card")
        async with httpx.AsyncClient(auth=(REAL_KEY or "", "")) as client:
            url = f"https://api.stripe.com/v1/payment_intents/{intent.intent_id}/confirm"
            await client.post(url, data={"payment_method": method})

    async def authenticate(self, intent: IntentState, *, succeed: bool = True) -> None:
        pytest.skip("only a browser can pass 3-D Secure")

    async def finish_processing(self, intent: IntentState, *, succeed: bool = True) -> None:
        pytest.skip("Stripe has no slow card")

    async def dispute(self, intent: IntentState, amount_minor: int, *, inquiry: bool = False) -> str:
        pytest.skip("no bank disputes a part in test mode")

    async def end_dispute(self, intent: IntentState, dispute_id: str, *, won: bool) -> None:
        raise NotImplementedError

    def fail_before(self, verb: Verb) -> None:
        pytest.skip("Stripe has no fault switches")

    fail_after = fail_before
