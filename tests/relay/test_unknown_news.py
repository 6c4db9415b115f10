"""News about something that nobody knows: it may only not be recorded yet, or it is not ours."""

import pytest

from relay.relay import UNKNOWN_DISPUTE_SECONDS, UNKNOWN_SECONDS, Relay
from tests.relay.gauge import Clock
from tests.relay.test_relay import LONG_AGO, RecordedWork, RecordingEngine, clock, engine, relay, stalled, webhook

__all__ = ["clock", "engine", "relay", "stalled"]

NOBODYS = [
    ("payment_intent.succeeded", UNKNOWN_SECONDS),
    ("refund.failed", UNKNOWN_SECONDS),
    ("charge.dispute.created", UNKNOWN_DISPUTE_SECONDS),
]


@pytest.mark.parametrize(("kind", "patience"), NOBODYS)
async def test_what_nobody_knows_is_not_ours_after_a_while(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork, clock: Clock, kind: str, patience: float
) -> None:
    """It counts from our first look: Stripe's news of hours ago may come all at once, that of the payment last."""
    news = webhook(kind, purchase_id=None).model_copy(update={"object_id": "unknown", "created": LONG_AGO})
    stalled.webhooks, stalled.owner = [news], None
    for at in (0.0, patience - 1):
        clock.at = at
        await relay.deliver_webhooks()
    assert stalled.marked == []
    clock.at = patience
    await relay.deliver_webhooks()
    assert (engine.calls, stalled.marked) == ([], ["evt_1"])


async def test_a_dispute_that_comes_before_its_payment_is_followed(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork, clock: Clock
) -> None:
    """The webhook of the second payment was lost, and a poll has found it minutes later."""
    dispute = webhook("charge.dispute.closed", purchase_id=None)
    stalled.webhooks = [dispute.model_copy(update={"object_id": "du_1", "created": LONG_AGO})]
    owner, stalled.owner = stalled.owner, None
    for clock.at in (0.0, 600.0):
        await relay.deliver_webhooks()
    stalled.owner = owner
    await relay.deliver_webhooks()
    assert engine.calls == [("news", ("dispute/du_1", "pu_1", 2))]
    assert stalled.marked == ["evt_1"]


async def test_what_another_worker_has_marked_is_forgotten(relay: Relay, stalled: RecordedWork, clock: Clock) -> None:
    """It would take a place in each batch for ever."""
    stalled.webhooks, stalled.owner = [webhook(purchase_id=None)], None
    await relay.deliver_webhooks()
    stalled.marked = ["evt_1"]
    await relay.deliver_webhooks()
    stalled.marked, clock.at = [], UNKNOWN_SECONDS
    await relay.deliver_webhooks()
    assert stalled.marked == []
