"""Webhooks on fakes: signed bodies through the API's own check into an inbox, and the relay that delivers them."""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import pytest

from activities.core.follow_ups import FollowUpCommands
from activities.sales.request_purchase import PurchaseCommands
from adapters.stripe.webhook import AGE_SECONDS_MAX, verify_webhook
from devstack.stripe.webhooks.deliveries import sign
from domain.core.errors import WebhookForged
from domain.views.catalog import ShowOwner
from domain.views.follow_up import FollowUpDocument
from domain.views.purchase import PurchaseKey, StalledClaim, StalledPurchase, StalledRefund
from relay.each import Each
from relay.follow_ups import FollowUps
from relay.relay import Relay
from relay.workflow_client import Timeouts, WorkflowClient
from tests.fakes.small_tables import MemoryInbox
from tests.fakes.world import SagaWorld
from tests.matrix.scenes import buy, checkout, pay, purchase_end
from tests.matrix.stage import Stage
from tests.relay.gauge import Gauge

SECRET = "whsec_matrix"
CAPTURABLE, PROCESSING = "payment_intent.amount_capturable_updated", "payment_intent.processing"


class NothingStalled:
    """Read models with the owner of each payment and without stalled work: webhooks alone drive these scenes."""

    def __init__(self, world: SagaWorld) -> None:
        self._world = world

    async def owner_of(self, intent_id: str) -> PurchaseKey | None:
        ref = await self._world.ref()
        return {"tenant_id": ref.tenant_id, "purchase_id": ref.purchase_id, "attempt": ref.attempt}

    async def show(self, show_id: str) -> ShowOwner | None:
        return None

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        return None

    async def refund_of(self, stripe_refund_id: str) -> StalledRefund | None:
        return None

    async def requested(self, before: datetime, limit: int, besides: Sequence[str]) -> Sequence[StalledPurchase]:
        return ()

    async def queued_out(self, before: datetime, limit: int) -> Sequence[StalledPurchase]:
        return ()

    async def unfinished(self, before: datetime, limit: int) -> Sequence[StalledPurchase]:
        return ()

    async def cancelling(self, limit: int) -> Sequence[StalledPurchase]:
        return ()

    async def refunding(self, before: datetime, limit: int) -> Sequence[StalledRefund]:
        return ()

    async def tokenless(self, before: datetime, limit: int) -> Sequence[tuple[str, str, str]]:
        return ()

    async def due_endpoints(self, limit: int) -> Sequence[tuple[str, str, str]]:
        return []

    async def due_letters(self, at: datetime) -> Sequence[str]:
        return ()

    async def unclaimed(self, before: datetime, limit: int) -> Sequence[StalledClaim]:
        return ()

    async def waiting_trees(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        return ()

    async def overdue(self, before: datetime, limit: int) -> Sequence[tuple[str, str, str, datetime]]:
        return ()

    async def changing_capacity(self, limit: int) -> Sequence[tuple[str, str, int]]:
        return ()

    async def open_follow_ups(self, after: str, before: datetime, limit: int) -> Sequence[FollowUpDocument]:
        return ()

    async def cancelling_shows(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        return ()


class Post:
    """Stores events in an inbox, and runs the relay on it."""

    def __init__(self, stage: Stage) -> None:
        self._world = stage.world
        self.inbox = MemoryInbox()
        engine = WorkflowClient(stage.client, Timeouts(5, stage.world.poll_seconds, 600))
        stalled, each = NothingStalled(stage.world), Each(Gauge())
        self._relay = Relay(
            engine,
            self.inbox,
            stalled,
            PurchaseCommands(stage.world.store),
            FollowUps(engine, FollowUpCommands(stage.world.store), PurchaseCommands(stage.world.store), stalled, each),
            each,
            longest_extension=timedelta(hours=1),
        )

    async def deliver(self, kind: str, event_id: str = "evt_1", secret: str = SECRET, age: float = 0) -> None:
        """Deliver one event; repeatable."""
        intent_id = await self._world.intent_id()
        subject = {"object": "payment_intent", "id": intent_id, "metadata": {}}
        event = {"id": event_id, "type": kind, "created": int(time.time()), "data": {"object": subject}}
        body = json.dumps(event).encode()
        webhook = verify_webhook(body, sign(secret, body, int(time.time() - age)), [SECRET], "dp")
        await self.inbox.store(webhook)
        await self._relay.deliver_webhooks()


async def _paid(stage: Stage) -> Post:
    await buy(stage)
    intent_id = await checkout(stage)
    assert intent_id is not None
    stage.world.gateway.pay(intent_id)
    return Post(stage)


async def lost(stage: Stage) -> str:
    await _paid(stage)
    return await purchase_end(stage)


async def duplicated(stage: Stage) -> str:
    stage.world.poll_seconds = 1000
    post = await _paid(stage)
    await post.deliver(CAPTURABLE)
    await post.deliver(CAPTURABLE)
    assert post.inbox.marked == {"evt_1"}
    return await purchase_end(stage)


async def reordered(stage: Stage) -> str:
    stage.world.poll_seconds = 1000
    post = await _paid(stage)
    await post.deliver(CAPTURABLE, "evt_2")
    await post.deliver(PROCESSING, "evt_1")
    return await purchase_end(stage)


async def delayed(stage: Stage) -> str:
    """No webhook arrives until the hold's end, where Stripe is read first; the late one opens no case."""
    stage.world.poll_seconds = 1000
    post = await _paid(stage)
    end = await purchase_end(stage)
    await post.deliver(CAPTURABLE)
    assert post.inbox.marked == {"evt_1"}
    return end


async def forged(stage: Stage) -> str:
    await buy(stage)
    await checkout(stage)
    post = Post(stage)
    with pytest.raises(WebhookForged):
        await post.deliver(CAPTURABLE, secret="whsec_other")
    assert post.inbox.kept == {}
    return await purchase_end(stage)


async def replayed(stage: Stage) -> str:
    """After the end the same event arrives twice: with an old signature and with a fresh one."""
    await buy(stage)
    await pay(stage)
    post = Post(stage)
    end = await purchase_end(stage)
    with pytest.raises(WebhookForged):
        await post.deliver(CAPTURABLE, age=AGE_SECONDS_MAX + 60)
    await post.deliver(CAPTURABLE)
    assert post.inbox.marked == {"evt_1"}
    return end


PLAYS: dict[str, tuple[Callable[[Stage], Awaitable[str]], str]] = {
    "webhook-lost": (lost, "fulfilled"),
    "webhook-duplicated": (duplicated, "fulfilled"),
    "webhook-reordered": (reordered, "fulfilled"),
    "webhook-delayed": (delayed, "fulfilled"),
    "webhook-forged": (forged, "cancelled: hold-expired"),
    "webhook-replayed": (replayed, "fulfilled"),
}
