"""The relay brings news of venues' accounts, of payouts and of disputes to who follows them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.payments.webhook_event import WebhookEvent
from relay.relay import Relay
from tests.relay.test_relay import LONG_AGO, RecordedWork, RecordingEngine, engine, relay, stalled, webhook

__all__ = ["engine", "relay", "stalled"]


def venue_hint(kind: str, account_id: str = "acct_1", created: datetime | None = None) -> WebhookEvent:
    events = {"intent_id": None, "purchase_id": None, "created": created or datetime.now(UTC), "digest": "d"}
    return WebhookEvent(event_id="evt_2", type=kind, object_id="po_1", account_id=account_id, **events)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("account.updated", ("account_changed", "ve_1")),
        ("payout.paid", ("follow_payout", ("acct_1", "po_1", "evt_2"))),
        ("payout.failed", ("follow_payout", ("acct_1", "po_1", "evt_2"))),
    ],
)
async def test_news_of_a_venue_are_brought_to_who_follows_it(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork, kind: str, asked: Any
) -> None:
    """They stay in the inbox until the engine took them."""
    stalled.webhooks = [venue_hint(kind)]
    engine.told = None
    await relay.deliver_webhooks()
    assert stalled.marked == []
    engine.told = True
    await relay.deliver_webhooks()
    assert (engine.asked[-1], stalled.marked) == (asked, ["evt_2"])


@pytest.mark.parametrize(
    ("given", "marked"),
    [
        (("payout.paid", "acct_2"), []),
        (("payout.paid", "acct_2", LONG_AGO), ["evt_2"]),
        (("transfer.created",), ["evt_2"]),
    ],
)
async def test_news_of_a_strange_account_are_set_aside_after_a_while(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork, given: Any, marked: list[str]
) -> None:
    """The read models may only be behind; news that decide nothing are done at once."""
    stalled.webhooks = [venue_hint(*given)]
    await relay.deliver_webhooks()
    assert (engine.asked, stalled.marked) == ([], marked)


async def test_news_of_a_dispute_are_for_whoever_follows_it(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork
) -> None:
    """Whose payment it is, our own events say; the purchase itself has long ended and is not asked."""
    news = webhook("charge.dispute.created", purchase_id=None).model_copy(update={"object_id": "du_1"})
    stalled.webhooks = [news]
    await relay.deliver_webhooks()
    assert engine.asked == [("follow_dispute", ("pu_1", 2, "du_1"))]
    assert stalled.marked == ["evt_1"]
    assert news.decides
