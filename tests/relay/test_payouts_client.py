"""The relay delivers webhooks about venues' accounts, payouts and disputes to their workflows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.payments.webhook_event import WebhookEvent
from relay.relay import UNKNOWN_SECONDS, Relay
from tests.relay.gauge import Clock
from tests.relay.test_relay import RecordedWork, RecordingEngine, clock, engine, relay, stalled, webhook

__all__ = ["clock", "engine", "relay", "stalled"]


def venue_webhook(kind: str, account_id: str = "acct_1") -> WebhookEvent:
    events = {"intent_id": None, "purchase_id": None, "created": datetime.now(UTC), "digest": "d"}
    return WebhookEvent(event_id="evt_2", type=kind, object_id="po_1", account_id=account_id, **events)


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("account.updated", ("news", ("onboarding/ve_1", "", 0))),
        ("payout.paid", ("news", ("payout/po_1/evt_2", "", 0))),
        ("payout.failed", ("news", ("payout/po_1/evt_2", "", 0))),
    ],
)
async def test_news_of_a_venue_are_brought_to_who_follows_it(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork, kind: str, call: Any
) -> None:
    """They stay in the inbox until the engine has accepted them."""
    stalled.webhooks = [venue_webhook(kind)]
    engine.delivered = None
    await relay.deliver_webhooks()
    assert stalled.marked == []
    engine.delivered = True
    await relay.deliver_webhooks()
    assert (engine.calls[-1], stalled.marked) == (call, ["evt_2"])


async def test_news_of_a_strange_account_are_set_aside_after_a_while(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork, clock: Clock
) -> None:
    """The read models may only lag; events that decide nothing are done at once."""
    stalled.webhooks = [venue_webhook("payout.paid", "acct_2")]
    for clock.at, marked in ((0.0, []), (UNKNOWN_SECONDS - 1, []), (UNKNOWN_SECONDS, ["evt_2"])):
        await relay.deliver_webhooks()
        assert (engine.calls, stalled.marked) == ([], marked)
    stalled.webhooks, stalled.marked = [venue_webhook("transfer.created")], []
    await relay.deliver_webhooks()
    assert stalled.marked == ["evt_2"]


async def test_news_of_a_dispute_are_for_whoever_follows_it(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork
) -> None:
    """Our events name the payment's purchase; that has ended and is not signalled."""
    news = webhook("charge.dispute.created", purchase_id=None).model_copy(update={"object_id": "du_1"})
    stalled.webhooks = [news]
    await relay.deliver_webhooks()
    assert engine.calls == [("news", ("dispute/du_1", "pu_1", 2))]
    assert stalled.marked == ["evt_1"]
    assert news.handled_by == "dispute"
