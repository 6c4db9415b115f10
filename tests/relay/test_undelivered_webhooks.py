"""News that were missed: each account is asked from where it was asked last, and what comes is stored once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from adapters.stripe.errors import StripeRequestError
from domain.core.transient import TransientError
from domain.payments.webhook_event import WebhookEvent
from relay.undelivered_webhooks import ACCOUNTS_AT_ONCE, LOOK_BACK, OVERLAP, UndeliveredWebhooks

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
        self.asked: list[tuple[datetime, datetime, str | None]] = []
        self.waiting: dict[str | None, list[WebhookEvent]] = {}
        self.stored: list[str] = []
        self.names: list[str] = []
        self.away: Exception | None = None

    async def undelivered(
        self, since: datetime, until: datetime, account_id: str | None = None
    ) -> Sequence[WebhookEvent]:
        if self.away is not None:
            raise self.away
        self.asked.append((since, until, account_id))
        return self.waiting.get(account_id, [])

    async def store(self, webhook: WebhookEvent) -> bool:
        fresh = webhook.event_id not in self.stored
        self.stored += [webhook.event_id] if fresh else []
        return fresh

    async def accounts(self, after: str, limit: int) -> Sequence[str]:
        return [name for name in sorted(self.names) if name > after][:limit]


@pytest.fixture
def outside() -> ExternalState:
    return ExternalState()


@pytest.fixture
def missed(outside: ExternalState) -> UndeliveredWebhooks:
    return UndeliveredWebhooks(outside, outside, outside, EVERY)


async def test_what_was_missed_is_stored_once(missed: UndeliveredWebhooks, outside: ExternalState) -> None:
    """Ours and the venues'; what is known already, or comes again, counts no more."""
    outside.names = ["acct_1"]
    outside.stored = ["evt_known"]
    outside.waiting = {None: [webhook("evt_known"), webhook("evt_1")], "acct_1": [webhook("evt_2")]}
    assert await missed.fetch() == 2
    assert await missed.fetch() == 0
    assert outside.stored == ["evt_known", "evt_1", "evt_2"]


async def test_it_goes_on_where_it_stopped(missed: UndeliveredWebhooks, outside: ExternalState) -> None:
    """A new process looks back for days; fresh events are left to their webhooks, and a failed look is made up for."""
    await missed.fetch()
    since, until, _ = outside.asked[0]
    age = datetime.now(UTC) - until
    assert timedelta(seconds=EVERY) <= age < timedelta(seconds=EVERY + 5)
    assert until - since == LOOK_BACK + OVERLAP
    outside.away = TransientError("Stripe is away")
    with pytest.raises(TransientError):
        await missed.fetch()
    outside.away = None
    await missed.fetch()
    assert outside.asked[-1][0] == until - OVERLAP


@pytest.mark.parametrize("trouble", [TransientError("Stripe is away"), StripeRequestError("a wrong parameter")])
async def test_trouble_only_delays(outside: ExternalState, trouble: Exception) -> None:
    """Stripe is away at the first look, or refuses the call: it is asked again at the next."""
    outside.away, stopping = trouble, asyncio.Event()
    running = asyncio.create_task(UndeliveredWebhooks(outside, outside, outside, 0.01).run(stopping))
    await asyncio.sleep(0.03)
    outside.away = None
    async with asyncio.timeout(5):
        while not outside.asked:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    stopping.set()
    await running


async def test_venues_take_turns(missed: UndeliveredWebhooks, outside: ExternalState) -> None:
    """A few at each look, and then from the beginning."""
    outside.names = [f"acct_{number:02}" for number in range(ACCOUNTS_AT_ONCE + 1)]
    for _ in range(3):
        await missed.fetch()
    seen = [account for _, _, account in outside.asked if account is not None]
    assert seen == [*outside.names, *outside.names[:ACCOUNTS_AT_ONCE]]
