"""Two deployments on one Stripe account, with equal purchases and keys: neither finds or judges the other's objects."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import adapters.stripe
from adapters.stripe.client import StripeClient
from adapters.stripe.connect import StripeConnect
from adapters.stripe.listing import StripeListing
from adapters.stripe.payments import StripePayments
from adapters.stripe.undelivered_events import UndeliveredEvents
from adapters.stripe.webhook import read_event
from domain.core.ids import Deployment
from domain.core.transient import TransientError
from domain.payments.payment_intent import IntentRequest, IntentState
from domain.payouts.connected_account import AccountRequest, TransferOrder
from tests.devstack.stripe.emulator import SECRET, Emulator, intent_params
from tests.devstack.stripe.webhook_sink import Sink
from tests.devstack.stripe.webhooks import FORM, listen, post

A, B = Deployment("dp_a"), Deployment("dp_b")
AMOUNT = 5000
KEYLESS = "/v1/account_links"  # each call makes another link, under a key that the library invents


class Side:
    """One deployment's adapters; `mark` is of the purchase that both sides have."""

    def __init__(self, deployment: Deployment, emulator: Emulator, mark: str) -> None:
        self.client = StripeClient(SECRET, deployment, base_url=emulator.url)
        self.payments, self.connect = StripePayments(self.client), StripeConnect(self.client, "http://127.0.0.1")
        self.purchase_id, self._emulator = f"pu_{mark}", emulator

    async def paid(self) -> IntentState:
        """Sell the purchase."""
        request = IntentRequest(tenant_id="default", purchase_id=self.purchase_id, amount_minor=AMOUNT, currency="usd")
        made = await self.payments.create_intent(request, f"{self.purchase_id}:intent:1")
        self._emulator.confirm(made.intent_id, made.client_secret, "pm_card_visa").raise_for_status()
        return await self.payments.capture_intent(made.intent_id, f"{self.purchase_id}:capture:1")

    async def account(self) -> str:
        return (
            await self.connect.create_account(AccountRequest(venue_id="ve", name="Hall"), f"{self.purchase_id}:account")
        ).account_id

    async def sent(self, charge_id: str, account_id: str) -> str:
        """Transfer a part of a charge."""
        order = TransferOrder(
            purchase_id=self.purchase_id, account_id=account_id, charge_id=charge_id, amount_minor=900, currency="usd"
        )
        return await self.connect.transfer(order, f"{self.purchase_id}:transfer:1")


@pytest.fixture
async def sides(emulator: Emulator) -> AsyncIterator[tuple[Side, Side]]:
    mark = uuid4().hex[:8]
    made = Side(A, emulator, mark), Side(B, emulator, mark)
    yield made
    for side in made:
        await side.client.close()


async def test_equal_keys_move_each_sides_own_money(sides: tuple[Side, Side]) -> None:
    """Both sell, find and refund their own payment."""
    sold = [await side.paid() for side in sides]
    assert [intent.status for intent in sold] == ["succeeded"] * 2
    assert len({intent.intent_id for intent in sold}) == 2
    for side, intent in zip(sides, sold, strict=True):
        found = await side.payments.find_intent(side.purchase_id)
        assert found is not None
        assert found.intent_id == intent.intent_id
        await side.payments.refund_intent(intent.intent_id, 700, f"{side.purchase_id}:refund:1")
    seen = [await side.payments.retrieve_intent(intent.intent_id) for side, intent in zip(sides, sold, strict=True)]
    assert [intent.refunded_minor for intent in seen] == [700, 700]


async def test_a_search_after_a_stored_error_finds_no_other_sides_account(
    sides: tuple[Side, Side], emulator: Emulator
) -> None:
    """One makes its account and transfer; the other, whose calls failed for good, makes its own."""
    (first, second), accounts, transfers = sides, list[str](), list[str]()
    for side in (first, second):
        charge = str((await side.paid()).charge_id)
        if side is second:
            emulator.fault("sticky:500", method="POST", path="/v1/accounts")
            with pytest.raises(TransientError):
                await side.account()
        accounts.append(await side.account())
        if side is second:
            emulator.fault("sticky:500", method="POST", path="/v1/transfers")
            with pytest.raises(TransientError):
                await side.sent(charge, accounts[-1])
        transfers.append(await side.sent(charge, accounts[-1]))
    assert len({*accounts, *transfers}) == 4


async def test_every_write_names_the_deployment(sides: tuple[Side, Side], emulator: Emulator, api: Any) -> None:
    """Each idempotency key begins with its id, and each object that we made has it in its metadata."""
    side = sides[0]
    before = len(emulator.client.get("/_emulator/calls").json())
    intent, account_id = await side.paid(), await side.account()
    await side.connect.onboarding_link(account_id)
    transfer_id = await side.sent(str(intent.charge_id), account_id)
    await side.connect.reverse_transfer(transfer_id, 100, f"{side.purchase_id}:reversal:1")
    refund = await side.payments.refund_intent(intent.intent_id, 700, f"{side.purchase_id}:refund:1")
    await side.payments.cancel_intent(intent.intent_id, f"{side.purchase_id}:cancel:1")
    calls = [call.split(" ") for call in emulator.client.get("/_emulator/calls").json()[before:]]
    keys = {path: key for method, path, *keys in calls if method == "POST" and path != KEYLESS for key in keys}
    posted = {path for method, path, *_ in calls if method == "POST" and not path.endswith("/confirm")}
    assert posted - {KEYLESS} == keys.keys()
    assert len(keys) == 7
    assert all(key.startswith("dp_a:") for key in keys.values())
    made = [
        await api.payment_intents.retrieve_async(intent.intent_id),
        await api.accounts.retrieve_async(account_id),
        await api.transfers.retrieve_async(transfer_id),
        *(await api.transfers.reversals.list_async(transfer_id)).data,
        await api.refunds.retrieve_async(refund.refund_id),
    ]
    assert [one.metadata["deployment"] for one in made] == ["dp_a"] * 5


def test_metadata_is_written_in_one_way() -> None:
    """No module of the adapter makes metadata without the deployment."""
    folder = Path(next(iter(adapters.stripe.__path__)))
    written = [found for path in folder.glob("*.py") for found in re.findall(r'"metadata": (\S+?)\(', path.read_text())]
    assert written == ["self._client.labelled"] * 5
    assert not any(re.search(r'"metadata": \{', path.read_text()) for path in folder.glob("*.py"))


async def test_a_deployment_finds_what_its_first_release_made(emulator: Emulator, api: Any) -> None:
    """The answer to a refund of 0.1.0, under a key without the deployment, was lost: it is looked for first."""
    side = Side(Deployment("dp_a"), emulator, uuid4().hex[:8])
    intent, key = await side.paid(), f"{side.purchase_id}:refund:1"
    former = {"payment_intent": intent.intent_id, "amount": 700, "metadata": {"refund_key": key}}
    await api.refunds.create_async(former, {"idempotency_key": key})
    for _ in range(2):
        await side.payments.refund_intent(intent.intent_id, 700, key)
    assert (await side.payments.retrieve_intent(intent.intent_id)).refunded_minor == 700
    await side.client.close()


async def test_only_own_payments_have_a_purchase(sides: tuple[Side, Side], api: Any) -> None:
    """Those of the other side have none; one without metadata counts only if its purchase is ours."""
    sold = [await side.paid() for side in sides]
    older = await api.payment_intents.create_async(intent_params(metadata={"purchase_id": sides[0].purchase_id}))
    listed = {payment.intent_id: payment for payment in (await StripeListing(sides[0].client).own_account()).payments}
    own, other, before = (listed[name] for name in (sold[0].intent_id, sold[1].intent_id, older.id))
    assert (own.purchase_id, own.is_own(())) == (sides[0].purchase_id, True)
    assert (other.purchase_id, other.is_own((sides[0].purchase_id,))) == ("", False)
    assert (before.is_own(()), before.is_own((sides[0].purchase_id,))) == (False, True)


def event_about(**metadata: str) -> bytes:
    subject = {"object": "payment_intent", "id": "pi_1", "metadata": metadata}
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "created": 1, "data": {"object": subject}}
    return json.dumps(event).encode()


def test_an_event_of_another_deployment_decides_nothing() -> None:
    """One without metadata is read as ours: our events decide about its purchase."""
    own, other, before = (
        read_event(event_about(purchase_id="pu_1", **named), "dp_a")
        for named in ({"deployment": "dp_a"}, {"deployment": "dp_b"}, {})
    )
    assert [webhook.handled_by for webhook in (own, other, before)] == ["purchase", None, "purchase"]
    assert [webhook.is_foreign for webhook in (own, other, before)] == [False, True, False]


async def test_undelivered_events_of_another_deployment_are_left_to_it(webhook_emulator: Emulator, sink: Sink) -> None:
    """Its endpoint is down: its events are not ours to fetch."""
    listen(webhook_emulator, sink.url)
    lost = {"event": "payment_intent.canceled", "kind": "lost", "count": 3}
    webhook_emulator.client.post("/_emulator/faults", json=lost)
    intents = [
        post(webhook_emulator, "/v1/payment_intents", {**FORM, **named})["id"]
        for named in ({"metadata[deployment]": "dp_a"}, {"metadata[deployment]": "dp_b"}, {})
    ]
    for intent_id in intents:
        post(webhook_emulator, f"/v1/payment_intents/{intent_id}/cancel", {})
    now, client = datetime.now(UTC), StripeClient(SECRET, A, base_url=webhook_emulator.url)
    found = await UndeliveredEvents(client).undelivered(now - timedelta(minutes=1), now + timedelta(minutes=1))
    assert [webhook.intent_id for webhook in found] == [intents[0], intents[2]]
    await client.close()
