"""Undelivered events: each account is polled from its last poll on, and each event is stored once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from domain.core.transient import TransientError
from domain.payments.webhook_event import WebhookEvent
from relay.each import Each
from relay.undelivered_webhooks import ACCOUNTS_AT_ONCE, LOOK_BACK, OVERLAP, UndeliveredWebhooks
from tests.relay.gauge import Clock, Gauge

EVERY = 30.0


def webhook(event_id: str) -> WebhookEvent:
    return WebhookEvent(
        event_id=event_id,
        type="charge.dispute.created",
        object_id="du_1",
        intent_id="pi_1",
        purchase_id=None,
        created=None,
        digest="d",
    )


class ExternalState:
    """Stripe, the inbox and the venues' accounts, as plain attributes."""

    def __init__(self) -> None:
        self.calls: list[tuple[datetime, datetime, str | None]] = []
        self.waiting: dict[str | None, list[WebhookEvent]] = {}
        self.stored: list[str] = []
        self.names: list[str] = []
        self.away: Exception | None = None
        self.unstorable: set[str] = set()

    async def undelivered(
        self, since: datetime, until: datetime, account_id: str | None = None
    ) -> Sequence[WebhookEvent]:
        if self.away is not None:
            raise self.away
        self.calls.append((since, until, account_id))
        return self.waiting.get(account_id, [])

    async def store(self, webhook: WebhookEvent) -> bool:
        if webhook.event_id in self.unstorable:
            raise RuntimeError("it cannot be stored")
        fresh = webhook.event_id not in self.stored
        self.stored += [webhook.event_id] if fresh else []
        return fresh

    async def accounts(self, after: str, limit: int) -> Sequence[str]:
        return [name for name in sorted(self.names) if name > after][:limit]


@pytest.fixture
def outside() -> ExternalState:
    return ExternalState()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def missed(outside: ExternalState, clock: Clock) -> UndeliveredWebhooks:
    return UndeliveredWebhooks(outside, outside, outside, Each(Gauge(), clock), every_seconds=EVERY)


async def test_what_was_missed_is_stored_once(missed: UndeliveredWebhooks, outside: ExternalState) -> None:
    """Of our account and the venues'; known and repeated events do not count."""
    outside.names = ["acct_1"]
    outside.stored = ["evt_known"]
    outside.waiting = {None: [webhook("evt_known"), webhook("evt_1")], "acct_1": [webhook("evt_2")]}
    assert await missed.fetch() == 2
    assert await missed.fetch() == 0
    assert outside.stored == ["evt_known", "evt_1", "evt_2"]


async def test_it_goes_on_where_it_stopped(missed: UndeliveredWebhooks, outside: ExternalState, clock: Clock) -> None:
    """A new process looks back for days; fresh events are left to their webhooks; a failed poll is repeated."""
    await missed.fetch()
    since, until, _ = outside.calls[0]
    age = datetime.now(UTC) - until
    assert timedelta(seconds=EVERY) <= age < timedelta(seconds=EVERY + 5)
    assert until - since == LOOK_BACK + OVERLAP
    outside.away = TransientError("Stripe is unavailable")
    assert await missed.fetch() == 0
    outside.away = None
    clock.at += 1
    await missed.fetch()
    assert outside.calls[-1][0] == until - OVERLAP


async def test_venues_take_turns(missed: UndeliveredWebhooks, outside: ExternalState) -> None:
    """Each poll takes a few accounts, and after the last starts again."""
    outside.names = [f"acct_{number:02}" for number in range(ACCOUNTS_AT_ONCE + 1)]
    for _ in range(3):
        await missed.fetch()
    seen = [account for _, _, account in outside.calls if account is not None]
    assert seen == [*outside.names, *outside.names[:ACCOUNTS_AT_ONCE]]


async def test_events_that_were_not_stored_are_fetched_again(
    missed: UndeliveredWebhooks, outside: ExternalState, clock: Clock
) -> None:
    """The next look begins where the last whole one did; the others of the account are stored meanwhile."""
    outside.waiting = {None: [webhook("evt_bad"), webhook("evt_1")]}
    outside.unstorable = {"evt_bad"}
    await missed.fetch()
    assert outside.stored == ["evt_1"]
    outside.unstorable = set()
    clock.at += 1
    await missed.fetch()
    assert outside.stored == ["evt_1", "evt_bad"]
    assert outside.calls[1][1] - outside.calls[1][0] == LOOK_BACK + OVERLAP
