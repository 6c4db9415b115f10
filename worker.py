"""Front door: polls task queues and runs the relay. `python -m worker [--queues purchases,stripe] [--relay only]`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TypedDict, Unpack

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Interceptor, Replayer, Worker, WorkerDeploymentConfig, WorkflowRunner

from activities.access.operator_acts import OperatorActivities
from activities.books.own_balance import OwnBalanceCommands
from activities.books.post import BooksActivities
from activities.catalog.capacity import CapacityActivities, GroupSizeActivities
from activities.catalog.register import CatalogActivities
from activities.core.about import About
from activities.core.failures import FailureInterceptor
from activities.core.follow_ups import FollowUpCommands
from activities.core.task_queues import IPFS, MINT, PURCHASES, STRIPE
from activities.disputes.follow import DisputeActivities
from activities.payments.intent import PaymentActivities
from activities.payments.late_payments import LatePaymentActivities
from activities.payouts.transfers import PayoutActivities
from activities.refunds.cancel_show import ShowCancellationActivities
from activities.refunds.pay_refund import RefundActivities
from activities.refunds.resale import ResaleActivities
from activities.registry import Activities, all_queues
from activities.sales.order import SalesActivities
from activities.sales.request_purchase import PurchaseCommands
from activities.sales.ticket_api_holds import HoldActivities
from activities.tokens.burn import BurnActivities
from activities.tokens.claims.deliver import ClaimActivities
from activities.tokens.mint import MintActivities
from activities.tokens.pin import PinActivities, PinPage
from adapters.database.startup import open_event_store, or_explain, utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.ipfs.kubo import KuboNode
from adapters.postgres.connections import BACKGROUND, Pool, open_pool
from adapters.postgres.deployment import pin_chain, read_deployment
from adapters.postgres.tables import PostgresCheckouts, PostgresWebhookInbox
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.privacy.retention import PostgresRetention
from adapters.read_models.follow_up import FollowUpQueries
from adapters.read_models.show_cancellation import ShowCancellationQueries
from adapters.read_models.stalled_work import StalledWorkQueries
from adapters.runtime.gc_tuning import tune_gc
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.keys import seed_of
from adapters.solana.rpc.pool import NodePool
from adapters.stripe.client import StripeClient
from adapters.stripe.connect import StripeConnect
from adapters.stripe.listing import StripeListing
from adapters.stripe.payments import StripePayments
from adapters.stripe.undelivered_events import UndeliveredEvents
from adapters.temporal.build_routing import log_current_build
from adapters.temporal.connect import ClientOptions, connect_to_temporal, data_converter
from adapters.temporal.metrics import SetAsideMetric, show_node, show_refused_signature, temporals_runtime
from adapters.temporal.sandbox import restricted, runner_of
from domain.core.ids import Deployment
from relay.each import Each
from relay.follow_ups import FollowUps
from relay.own_balance import OwnBalance
from relay.payouts_client import ensure_schedule
from relay.relay import Relay
from relay.retention import Retention
from relay.schedules import ensure_rounds
from relay.undelivered_webhooks import UndeliveredWebhooks
from relay.workflow_client import Timeouts, WorkflowClient
from settings import Settings
from settings.check import settings_of
from settings.keys import guard_of
from settings.values import keys_of
from workflows.core.search_attributes import shown_as
from workflows.core.task_queue import first_stage_of
from workflows.payouts import TransfersInput
from workflows.registry import declared_workflows, workflows_on
from workflows.tokens.pinning import PinningWorkflow

log = logging.getLogger("worker")
UNVERSIONED = "unversioned"  # without a name the library hashes every loaded module: half a second
GRACE = timedelta(seconds=10)
STICKY = timedelta(seconds=2)  # the wait for a dead worker's cache
CONNECT_PAUSE_SECONDS = 0.5
CONNECT_ATTEMPTS_MAX = 240
WEBHOOK_PATIENCE_SECONDS = 2.0  # the API signals a webhook itself; a second signal wakes a purchase for nothing


class PostgresStalledWork(StalledWorkQueries, ShowCancellationQueries, FollowUpQueries):
    """All queries of the relay."""


class Tuning(TypedDict, total=False):
    """Options that may differ between workers."""

    max_concurrent_activities: int
    max_cached_workflows: int
    identity: str
    graceful_shutdown_timeout: timedelta
    workflow_failure_exception_types: Sequence[type[BaseException]]


def auto_upgrade(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """Return the versioning of a worker whose workflows move to the current build, whichever build started them."""
    return WorkerDeploymentConfig(
        version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE
    )


def build_worker(
    client: Client,
    queue: str,
    activities: Activities,
    *,
    interceptors: Sequence[Interceptor] = (),
    version: WorkerDeploymentVersion | None = None,
    workflows: Sequence[type] | None = None,
    runner: WorkflowRunner | None = None,
    **tuning: Unpack[Tuning],
) -> Worker:
    """Return the worker of one task queue, as production, benchmarks and tests run it.

    With a version it gets work only while that is the deployment's current one; running workflows move to the current
    version at their next task. `workflows` replaces all workflows by those of another version.
    """
    tuning.setdefault("graceful_shutdown_timeout", GRACE)
    return Worker(
        client,
        task_queue=queue,
        workflows=workflows_on(queue, workflows),
        activities=activities.on(queue),
        interceptors=[FailureInterceptor(), *interceptors],
        workflow_runner=runner or restricted(),
        sticky_queue_schedule_to_start_timeout=STICKY,
        deployment_config=None if version is None else auto_upgrade(version),
        build_id=UNVERSIONED if version is None else None,
        **tuning,
    )


def build_replayer(
    workflows: Sequence[type] | None = None,
    runner: WorkflowRunner | None = None,
    codec_keys: Mapping[str, bytes] | None = None,
) -> Replayer:
    """Return a replayer of histories with the present workflows, or with others, in the worker's sandbox.

    Encrypted histories need their keys; plain ones replay with keys, too.
    """
    return Replayer(
        workflows=declared_workflows() if workflows is None else workflows,
        data_converter=data_converter(codec_keys or {}),
        workflow_runner=runner or restricted(),
    )


def stripe_client(settings: Settings, deployment: Deployment, closing: AsyncExitStack) -> StripeClient:
    """Open the connections to Stripe; `closing` closes them."""
    client = StripeClient(settings.stripe.api_key.get_secret_value(), deployment, base_url=settings.stripe.api_base)
    closing.push_async_callback(client.close)
    return client


def sealing_of(settings: Settings) -> Sealing:
    """Return how personal data is sealed."""
    return Sealing(*settings.privacy.sealing, strips_tag=settings.limits.tag_is_one_buyer)


def assemble(
    settings: Settings,
    deployment: Deployment,
    store: PostgresEventStore,
    pool: Pool,
    closing: AsyncExitStack,
    queues: Collection[str] | None = None,
) -> Activities:
    """Assemble the activities of these queues (None: all) with their adapters; `closing` closes the connections.

    Only the mint queue needs our keys on chain, and only the other two need Stripe's.
    """
    polled = frozenset(all_queues() if queues is None else queues)
    instances: list[object] = [
        OperatorActivities(store),
        SalesActivities(store),
        BooksActivities(store),
        CatalogActivities(store),
        HoldActivities(store),
        CapacityActivities(store),
        ShowCancellationActivities(store, ShowCancellationQueries(pool)),
    ]
    if polled & {PURCHASES, STRIPE}:
        instances += at_stripe(settings, stripe_client(settings, deployment, closing), store, pool)
    if MINT in polled:
        instances += on_chain(settings, store, pool, closing)
    if IPFS in polled:
        instances.append(at_ipfs(settings, store, pool, closing))
    return Activities(*instances, queues=polled)


def at_stripe(settings: Settings, stripe: StripeClient, store: PostgresEventStore, pool: Pool) -> list[object]:
    """Assemble the activities that call Stripe."""
    gateway = StripePayments(stripe, settings.stripe.statement_suffix)
    receipts = PostgresBuyers(pool, sealing_of(settings)) if settings.stripe.receipt_email else None
    payments = PaymentActivities(store, gateway, PostgresCheckouts(pool), receipts)
    return [
        payments,
        DisputeActivities(store, gateway),
        PayoutActivities(store, StripeConnect(stripe, settings.api.public_url), StalledWorkQueries(pool)),
        RefundActivities(store, gateway),
        LatePaymentActivities(store, gateway, payments),
    ]


def on_chain(settings: Settings, store: PostgresEventStore, pool: Pool, closing: AsyncExitStack) -> list[object]:
    """Assemble the activities that sign with our keys."""
    solana, buyers = settings.solana, PostgresBuyers(pool, sealing_of(settings))
    limits, pin = (solana.calls_per_second, solana.sends_per_second), partial(pin_chain, settings.postgres.url)
    chain = SolanaTokenChain(
        nodes=NodePool.patient(solana.nodes, limits, partial(asyncio.to_thread, pin), show_node),
        guard=guard_of(solana, show_refused_signature),
        address_secret=seed_of(solana.address_secret.get_secret_value()),
    )
    closing.push_async_callback(chain.close)
    return [
        MintActivities(store, chain, buyers, chain.custody_owner, chain.payer_address),
        ClaimActivities(store, chain, buyers, chain.payer_address),
        GroupSizeActivities(store, chain),
        ResaleActivities(store, chain),
        BurnActivities(store, chain),
    ]


def at_ipfs(settings: Settings, store: PostgresEventStore, pool: Pool, closing: AsyncExitStack) -> PinActivities:
    """Assemble the activities that call the IPFS node."""
    ipfs = settings.ipfs
    node = KuboNode(ipfs.rpc_url, ipfs.token.get_secret_value(), ipfs.timeout_seconds)
    closing.push_async_callback(node.close)
    return PinActivities(store, StalledWorkQueries(pool), node)


Assembling = Callable[[Settings, Deployment, PostgresEventStore, Pool, AsyncExitStack, Collection[str]], Activities]


def transfers_input(settings: Settings) -> TransfersInput:
    """Return the input of the transfers workflow."""
    payouts = settings.payouts
    return TransfersInput(delay_seconds=payouts.delay_seconds, minimum_minor=payouts.minimum_minor)


async def connect(settings: Settings) -> Client:
    """Connect to Temporal; retry while it is not up yet."""
    runtime = temporals_runtime(settings.worker.metrics_port)
    options: ClientOptions = {"identity": settings.worker.identity, "runtime": runtime}
    for _ in range(CONNECT_ATTEMPTS_MAX):
        try:
            return await connect_to_temporal(settings.temporal, keys_of(settings.temporal.codec_keys), **options)
        except RuntimeError:
            log.warning("waiting for Temporal at %s", settings.temporal.address)
            await asyncio.sleep(CONNECT_PAUSE_SECONDS)
    return await connect_to_temporal(settings.temporal, keys_of(settings.temporal.codec_keys), **options)


def undelivered_webhooks(
    settings: Settings, deployment: Deployment, pool: Pool, closing: AsyncExitStack, each: Each
) -> UndeliveredWebhooks:
    """Assemble the poller of undelivered webhooks."""
    events = UndeliveredEvents(stripe_client(settings, deployment, closing))
    every = settings.stripe.undelivered_poll_seconds
    return UndeliveredWebhooks(events, PostgresWebhookInbox(pool), StalledWorkQueries(pool), each, every_seconds=every)


def own_balance(
    settings: Settings, deployment: Deployment, store: PostgresEventStore, closing: AsyncExitStack, each: Each
) -> OwnBalance:
    """Assemble the loop that books our own balance at Stripe."""
    listing = StripeListing(stripe_client(settings, deployment, closing))
    return OwnBalance(listing, OwnBalanceCommands(store), each, settings.stripe.undelivered_poll_seconds, utc_now)


def relay_of(settings: Settings, client: Client, store: PostgresEventStore, pool: Pool, each: Each) -> Relay:
    """Assemble the relay."""
    saga = settings.saga
    pacing = Timeouts(
        settings.api.temporal_timeout_seconds,
        saga.poll_seconds,
        saga.processing_extension_seconds,
        account_poll_seconds=settings.payouts.poll_seconds,
    )
    engine, stalled = WorkflowClient(client, pacing), PostgresStalledWork(pool)
    return Relay(
        engine,
        PostgresWebhookInbox(pool, WEBHOOK_PATIENCE_SECONDS),
        stalled,
        PurchaseCommands(store),
        FollowUps(engine, FollowUpCommands(store), PurchaseCommands(store), stalled, each),
        each,
        longest_extension=timedelta(seconds=saga.processing_extension_seconds),
    )


def retention_of(settings: Settings, pool: Pool, each: Each) -> Retention:
    """Assemble the retention of personal data."""
    return Retention(PostgresRetention(pool, settings.privacy.retention_days).kinds(), utc_now, each)


async def ensure_schedules(client: Client, settings: Settings) -> None:
    """Create or update the rounds that Temporal starts at intervals."""
    await ensure_schedule(client, settings.payouts.every_seconds, transfers_input(settings))
    if settings.ipfs.rpc_url is not None:
        start = (PinningWorkflow.run, PinPage())
        shown = shown_as("Pins tokens' metadata", first_stage_of(PinningWorkflow), About())
        await ensure_rounds(client, "pinning", settings.ipfs.every_seconds, start, shown)


async def work(
    settings: Settings,
    queues: Sequence[str],
    stopping: asyncio.Event,
    interceptors: Sequence[Interceptor] = (),
    assembled: Assembling = assemble,
    workflows: Sequence[type] | None = None,
    *,
    relays: bool = True,
) -> None:
    """Poll the queues, if any, and run the relay until `stopping` is set, then finish running tasks."""
    async with AsyncExitStack() as closing:
        store = await asyncio.to_thread(open_event_store, settings.postgres.url, settings.postgres.commit_queue_max)
        closing.push_async_callback(asyncio.to_thread, store.close)
        deployment = await asyncio.to_thread(read_deployment, settings.postgres.url)
        pool = open_pool(settings.postgres.url, settings.postgres.pool_size, BACKGROUND)
        await closing.enter_async_context(pool)
        client = await connect(settings)
        activities = assembled(settings, deployment, store, pool, closing, queues)
        version = WorkerDeploymentVersion(settings.worker.deployment, settings.worker.build_id)
        for queue in queues:
            at_once = settings.worker.max_concurrent_mints if queue == MINT else settings.worker.max_concurrent
            worker = build_worker(
                client,
                queue,
                activities,
                interceptors=interceptors,
                version=version,
                workflows=workflows,
                runner=runner_of(settings.worker.sandbox),
                max_concurrent_activities=at_once,
            )
            await closing.enter_async_context(worker)
        each = Each(SetAsideMetric(client))
        if PURCHASES in queues:
            await ensure_schedules(client, settings)
            closing.callback(asyncio.create_task(retention_of(settings, pool, each).run(stopping)).cancel)
        closing.callback(asyncio.create_task(log_current_build(client, version)).cancel)
        relay = relay_of(settings, client, store, pool, each)
        if STRIPE in queues:
            polling = undelivered_webhooks(settings, deployment, pool, closing, each).run(stopping)
            closing.callback(asyncio.create_task(polling).cancel)
            booking = own_balance(settings, deployment, store, closing, each).run(stopping)
            closing.callback(asyncio.create_task(booking).cancel)
        tune_gc()
        log.info("polling %s as build %s", ", ".join(queues) or "nothing", version.build_id)
        if (ready := settings.worker.ready_file) is not None:
            ready.write_text(str(os.getpid()))
        await (relay.run(stopping) if relays else stopping.wait())


async def run(working: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run the worker until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await working(stopping)


def main(*interceptors: Interceptor, workflows: Sequence[type] | None = None) -> None:
    """Read the command line and run; `interceptors` are innermost, `workflows` are those of another build."""
    parser = argparse.ArgumentParser(prog="worker", description=__doc__)
    parser.add_argument("--queues", default=",".join(all_queues()), help="task queues to poll, separated by commas")
    parser.add_argument("--relay", choices=("with", "without", "only"), default="with", help="only: it polls no queue")
    given = parser.parse_args()
    queues = [] if given.relay == "only" else given.queues.split(",")
    if unknown := set(queues) - set(all_queues()):
        parser.error(f"no such queue: {', '.join(sorted(unknown))}")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    settings = settings_of("worker" if queues else "relay", queues)
    working = partial(work, settings, queues, interceptors=interceptors, workflows=workflows)
    or_explain(lambda: asyncio.run(run(partial(working, relays=given.relay != "without"))))


if __name__ == "__main__":
    main()
