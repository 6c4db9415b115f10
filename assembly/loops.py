"""The loops that run beside a worker's polling, by the queue whose worker runs them, and the relay."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client

from activities.books.own_balance import OwnBalanceCommands
from activities.core.about import About
from activities.core.follow_ups import FollowUpCommands
from activities.core.task_queues import MINT, PURCHASES, STRIPE
from activities.sales.funds.watch import PayerWatch
from activities.sales.request_purchase import PurchaseCommands
from activities.tokens.pin import PinPage
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool
from adapters.postgres.minting import PostgresMinting
from adapters.postgres.tables import PostgresWebhookInbox
from adapters.privacy.retention import PostgresRetention
from adapters.read_models.pending.follow_up import RelayQueries
from adapters.stripe.listing import StripeListing
from adapters.stripe.undelivered_events import UndeliveredEvents
from adapters.telemetry.chain import PayerMetrics, show_well
from adapters.telemetry.figures import Figures
from assembly.activities import stripe_client
from domain.core.ids import Deployment
from relay.each import Each, repeat
from relay.follow_ups import FollowUps
from relay.own_balance import OwnBalance
from relay.payouts_client import SCHEDULE_ID, ensure_schedule
from relay.relay import TICK_SECONDS, Relay
from relay.retention import EVERY_SECONDS, Retention
from relay.schedules import KEEP_SECONDS, Making, Schedules, ensure_rounds
from relay.undelivered_webhooks import UndeliveredWebhooks
from relay.workflow_client import Timeouts, WorkflowClient
from settings import Settings
from settings.chain import payer_of
from workflows.core.search_attributes import shown_as
from workflows.core.task_queue import first_stage_of
from workflows.payouts import TransfersInput
from workflows.tokens.pinning import PinningWorkflow

WEBHOOK_PATIENCE_SECONDS = 2.0  # the API signals a webhook itself; a second signal wakes a purchase for nothing
Running = Coroutine[Any, Any, None]


@dataclass(frozen=True)
class Parts:
    """The open connections of a worker's process; its loops are made from them, and `closing` closes what they open."""

    settings: Settings
    deployment: Deployment
    store: PostgresEventStore
    pool: Pool
    client: Client
    each: Each
    closing: AsyncExitStack
    stopping: asyncio.Event


def undelivered_webhooks(parts: Parts) -> Running:
    """Return the poller of undelivered webhooks."""
    events = UndeliveredEvents(stripe_client(parts.settings, parts.deployment, parts.closing))
    inbox, every = PostgresWebhookInbox(parts.pool), parts.settings.stripe.undelivered_poll_seconds
    missed = UndeliveredWebhooks(events, inbox, RelayQueries(parts.pool), parts.each, every_seconds=every)
    return repeat(missed.fetch, every, parts.stopping, "fetching undelivered webhooks")


def own_balance(parts: Parts) -> Running:
    """Return the loop that books our own balance at Stripe."""
    listing = StripeListing(stripe_client(parts.settings, parts.deployment, parts.closing))
    own, every = OwnBalanceCommands(parts.store), parts.settings.stripe.undelivered_poll_seconds
    balance = OwnBalance(listing, own, parts.each, utc_now)
    return repeat(balance.book, every, parts.stopping, "booking our own balance")


def payer_watch(parts: Parts) -> Running:
    """Return the loop that watches the payer of tokens."""
    solana = parts.settings.solana
    parts.closing.push_async_callback((payer := payer_of(parts.settings, show_well)).close)
    watch = PayerWatch(payer, PostgresMinting(parts.pool), PayerMetrics(), solana.payer_low_lamports, utc_now)
    return repeat(watch.look, solana.payer_every_seconds, parts.stopping, "reading the payer")


def retention(parts: Parts) -> Running:
    """Return the retention of personal data, and of the logs of webhooks and letters."""
    privacy = parts.settings.privacy
    kinds = PostgresRetention(parts.pool, privacy.retention_days, privacy.log_days).kinds()
    return repeat(Retention(kinds, utc_now, parts.each).erase, EVERY_SECONDS, parts.stopping, "deleting past data")


def figures(parts: Parts) -> Running:
    """Return the reader of the figures of the business."""
    return Figures(parts.pool, parts.client).run()


def schedules(parts: Parts) -> Running:
    """Return the loop that creates the rounds which Temporal starts at intervals."""
    payouts, ipfs = parts.settings.payouts, parts.settings.ipfs
    due = TransfersInput(delay_seconds=payouts.delay_seconds, minimum_minor=payouts.minimum_minor)
    makings: dict[str, Making] = {SCHEDULE_ID: partial(ensure_schedule, parts.client, payouts.every_seconds, due)}
    if ipfs.rpc_url is not None:
        shown = shown_as("Pins tokens' metadata", first_stage_of(PinningWorkflow), About())
        given = (ipfs.every_seconds, (PinningWorkflow.run, PinPage()), shown)
        makings["pinning"] = partial(ensure_rounds, parts.client, "pinning", *given)
    return repeat(
        Schedules(parts.client, makings, parts.each).make_missing, KEEP_SECONDS, parts.stopping, "making schedules"
    )


# A loop that works on what a queue's activities work on stands in the worker of that queue, which has its secrets.
LOOPS: Mapping[str, Sequence[Callable[[Parts], Running]]] = {
    PURCHASES: (schedules, retention, figures),
    STRIPE: (undelivered_webhooks, own_balance),
    MINT: (payer_watch,),
}


def start_loops(parts: Parts, queues: Collection[str]) -> None:
    """Start the loops of these queues; `closing` ends them."""
    for queue, loops in LOOPS.items():
        for loop in loops if queue in queues else ():
            parts.closing.callback(asyncio.create_task(loop(parts)).cancel)


def relay(parts: Parts) -> Running:
    """Return the relay, which works in ticks."""
    saga = parts.settings.saga
    bounds = (parts.settings.api.temporal_timeout_seconds, saga.poll_seconds, saga.processing_extension_seconds)
    pacing = Timeouts(*bounds, account_poll_seconds=parts.settings.payouts.poll_seconds)
    engine, stalled, purchases = (
        WorkflowClient(parts.client, pacing),
        RelayQueries(parts.pool),
        PurchaseCommands(parts.store),
    )
    working = Relay(
        engine,
        PostgresWebhookInbox(parts.pool, WEBHOOK_PATIENCE_SECONDS),
        stalled,
        purchases,
        FollowUps(engine, FollowUpCommands(parts.store), purchases, stalled, parts.each),
        parts.each,
        longest_extension=timedelta(seconds=saga.processing_extension_seconds),
        sends_letters=parts.settings.letters.address is not None,
        roots_every_seconds=parts.settings.solana.roots_every_seconds,
    )
    return repeat(working.tick, TICK_SECONDS, parts.stopping, "relay")
