"""Front door: polls task queues and runs the relay. `python -m worker [--queues purchases,stripe] [--relay only]`."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any, TypedDict, Unpack

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Interceptor, Replayer, Worker, WorkflowRunner

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
from activities.sales.funds.watch import PayerWatch
from activities.sales.order import SalesActivities
from activities.sales.request_purchase import PurchaseCommands
from activities.sales.ticket_api_holds import HoldActivities
from activities.tokens.burn import BurnActivities
from activities.tokens.claims.deliver import ClaimActivities
from activities.tokens.mint import MintActivities
from activities.tokens.pin import PinActivities, PinPage
from activities.tokens.trees.owed import LeafActivities
from activities.tokens.trees.roots import RootActivities
from adapters.database.startup import open_event_store, utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.ipfs.kubo import KuboNode
from adapters.postgres.connections import BACKGROUND, Pool, open_pool
from adapters.postgres.deployment import read_deployment
from adapters.postgres.minting import PostgresMinting
from adapters.postgres.tables import PostgresCheckouts, PostgresWebhookInbox
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.privacy.retention import PostgresRetention
from adapters.read_models.pending.follow_up import RelayQueries
from adapters.read_models.show_cancellation import ShowCancellationQueries
from adapters.runtime.gc_tuning import tune_gc
from adapters.stripe.client import StripeClient
from adapters.stripe.connect import StripeConnect
from adapters.stripe.listing import StripeListing
from adapters.stripe.payments import StripePayments
from adapters.stripe.undelivered_events import UndeliveredEvents
from adapters.telemetry.activities import SubjectInterceptor
from adapters.telemetry.figures import Figures
from adapters.telemetry.loop import COMMIT_QUEUE, check_database, free_port, serve_loop
from adapters.telemetry.start import start_telemetry
from adapters.telemetry.traces import temporals_interceptors
from adapters.temporal.build_routing import auto_upgrade, log_current_build
from adapters.temporal.connect import ClientOptions, connect_when_up, data_converter
from adapters.temporal.metrics import PayerMetrics, SetAsideMetric, show_node, show_refused_signature, temporals_runtime
from adapters.temporal.sandbox import restricted, runner_of
from domain.core.ids import Deployment
from relay.each import Each, repeat
from relay.follow_ups import FollowUps
from relay.own_balance import OwnBalance
from relay.payouts_client import SCHEDULE_ID, ensure_schedule
from relay.relay import Relay
from relay.retention import Retention
from relay.schedules import Making, Schedules, ensure_rounds
from relay.undelivered_webhooks import UndeliveredWebhooks
from relay.workflow_client import Timeouts, WorkflowClient
from settings import Settings
from settings.chain import nodes_of, payer_of, token_chain_of
from settings.check import settings_of
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
WEBHOOK_PATIENCE_SECONDS = 2.0  # the API signals a webhook itself; a second signal wakes a purchase for nothing


class Tuning(TypedDict, total=False):
    """Options that may differ between workers."""

    max_concurrent_activities: int
    max_cached_workflows: int
    identity: str
    graceful_shutdown_timeout: timedelta
    workflow_failure_exception_types: Sequence[type[BaseException]]


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
        LeafActivities(store),
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
        PayoutActivities(store, StripeConnect(stripe, settings.api.public_url), RelayQueries(pool)),
        RefundActivities(store, gateway),
        LatePaymentActivities(store, gateway, payments),
    ]


def on_chain(settings: Settings, store: PostgresEventStore, pool: Pool, closing: AsyncExitStack) -> list[object]:
    """Assemble the activities that sign with our keys."""
    buyers = PostgresBuyers(pool, sealing_of(settings))
    chain = token_chain_of(settings, nodes_of(settings, show_node, patient=True), show_refused_signature)
    closing.push_async_callback(chain.close)
    return [
        MintActivities(store, chain, buyers, chain.custody_owner, chain.payer_address),
        ClaimActivities(store, chain, buyers, chain.payer_address),
        GroupSizeActivities(store, chain),
        ResaleActivities(store, chain),
        BurnActivities(store, chain),
        RootActivities(store, chain),
    ]


def at_ipfs(settings: Settings, store: PostgresEventStore, pool: Pool, closing: AsyncExitStack) -> PinActivities:
    """Assemble the activities that call the IPFS node."""
    ipfs = settings.ipfs
    node = KuboNode(ipfs.rpc_url, ipfs.token.get_secret_value(), ipfs.timeout_seconds)
    closing.push_async_callback(node.close)
    return PinActivities(store, RelayQueries(pool), node)


Assembling = Callable[[Settings, Deployment, PostgresEventStore, Pool, AsyncExitStack, Collection[str]], Activities]


async def connect(settings: Settings, engine_port: int | None = None) -> Client:
    """Connect to Temporal; its library serves its own metrics on `engine_port`."""
    traced = temporals_interceptors(settings.telemetry.otlp_endpoint)
    options: ClientOptions = {"identity": settings.worker.identity, "interceptors": traced}
    options["runtime"] = temporals_runtime(engine_port)
    return await connect_when_up(settings.temporal, keys_of(settings.temporal.codec_keys), **options)


def observe(
    settings: Settings, store: PostgresEventStore, pool: Pool, closing: AsyncExitStack, port: int | None
) -> None:
    """Serve metrics and probes, and write the ready file; `port` is where Temporal's library serves its own metrics."""
    COMMIT_QUEUE.set_function(lambda: store.pending)
    ready = partial(check_database, pool)
    serve_loop(closing, settings.telemetry.host, settings.worker.metrics_port, ready, port)
    if settings.worker.ready_file is not None:
        settings.worker.ready_file.write_text(str(os.getpid()))


def undelivered_webhooks(
    settings: Settings, deployment: Deployment, pool: Pool, closing: AsyncExitStack, each: Each
) -> UndeliveredWebhooks:
    """Assemble the poller of undelivered webhooks."""
    events = UndeliveredEvents(stripe_client(settings, deployment, closing))
    every = settings.stripe.undelivered_poll_seconds
    return UndeliveredWebhooks(events, PostgresWebhookInbox(pool), RelayQueries(pool), each, every_seconds=every)


def own_balance(
    settings: Settings, deployment: Deployment, store: PostgresEventStore, closing: AsyncExitStack, each: Each
) -> OwnBalance:
    """Assemble the loop that books our own balance at Stripe."""
    listing = StripeListing(stripe_client(settings, deployment, closing))
    return OwnBalance(listing, OwnBalanceCommands(store), each, settings.stripe.undelivered_poll_seconds, utc_now)


def watch_payer(
    settings: Settings, client: Client, pool: Pool, closing: AsyncExitStack, stopping: asyncio.Event
) -> Coroutine[Any, Any, None]:
    """Assemble the loop that watches the payer of tokens."""
    closing.push_async_callback((payer := payer_of(settings)).close)
    watch = PayerWatch(payer, PostgresMinting(pool), PayerMetrics(client), settings.solana.payer_low_lamports, utc_now)
    return repeat(watch.look, settings.solana.payer_every_seconds, stopping, "the payer could not be read")


def relay_of(settings: Settings, client: Client, store: PostgresEventStore, pool: Pool, each: Each) -> Relay:
    """Assemble the relay."""
    saga = settings.saga
    bounds = (settings.api.temporal_timeout_seconds, saga.poll_seconds, saga.processing_extension_seconds)
    pacing = Timeouts(*bounds, account_poll_seconds=settings.payouts.poll_seconds)
    engine, stalled = WorkflowClient(client, pacing), RelayQueries(pool)
    return Relay(
        engine,
        PostgresWebhookInbox(pool, WEBHOOK_PATIENCE_SECONDS),
        stalled,
        PurchaseCommands(store),
        FollowUps(engine, FollowUpCommands(store), PurchaseCommands(store), stalled, each),
        each,
        longest_extension=timedelta(seconds=saga.processing_extension_seconds),
        roots_every_seconds=settings.solana.roots_every_seconds,
    )


def retention_of(settings: Settings, pool: Pool, each: Each) -> Retention:
    """Assemble the retention of personal data."""
    return Retention(PostgresRetention(pool, settings.privacy.retention_days).kinds(), utc_now, each)


def schedules_of(settings: Settings, client: Client, each: Each) -> Schedules:
    """Assemble the rounds that Temporal starts at intervals."""
    payouts = settings.payouts
    due = TransfersInput(delay_seconds=payouts.delay_seconds, minimum_minor=payouts.minimum_minor)
    send = partial(ensure_schedule, client, payouts.every_seconds, due)
    makings: dict[str, Making] = {SCHEDULE_ID: send}
    if settings.ipfs.rpc_url is not None:
        shown = shown_as("Pins tokens' metadata", first_stage_of(PinningWorkflow), About())
        given = (settings.ipfs.every_seconds, (PinningWorkflow.run, PinPage()), shown)
        makings["pinning"] = partial(ensure_rounds, client, "pinning", *given)
    return Schedules(client, makings, each)


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
        postgres = settings.postgres
        store = await asyncio.to_thread(open_event_store, postgres.url, postgres.commit_queue_max)
        closing.push_async_callback(asyncio.to_thread, store.close)
        deployment = await asyncio.to_thread(read_deployment, postgres.url)
        pool = await closing.enter_async_context(open_pool(postgres.url, postgres.pool_size, BACKGROUND))
        client = await connect(settings, engine_port := free_port(settings.worker.metrics_port))
        activities = assembled(settings, deployment, store, pool, closing, queues)
        version = WorkerDeploymentVersion(settings.worker.deployment, settings.worker.build_id)
        for queue in queues:
            at_once = settings.worker.max_concurrent_mints if queue == MINT else settings.worker.max_concurrent
            worker = build_worker(
                client,
                queue,
                activities,
                interceptors=[SubjectInterceptor(), *interceptors],
                version=version,
                workflows=workflows,
                runner=runner_of(settings.worker.sandbox),
                max_concurrent_activities=at_once,
            )
            await closing.enter_async_context(worker)
        each = Each(SetAsideMetric(client))
        if PURCHASES in queues:
            closing.callback(asyncio.create_task(schedules_of(settings, client, each).run(stopping)).cancel)
            closing.callback(asyncio.create_task(retention_of(settings, pool, each).run(stopping)).cancel)
            closing.callback(asyncio.create_task(Figures(pool, client).run()).cancel)
        closing.callback(asyncio.create_task(log_current_build(client, version)).cancel)
        if STRIPE in queues:
            polling = undelivered_webhooks(settings, deployment, pool, closing, each).run(stopping)
            booking = own_balance(settings, deployment, store, closing, each).run(stopping)
            for running in (polling, booking):
                closing.callback(asyncio.create_task(running).cancel)
        if MINT in queues:
            closing.callback(asyncio.create_task(watch_payer(settings, client, pool, closing, stopping)).cancel)
        tune_gc()
        observe(settings, store, pool, closing, engine_port)
        log.info("polling %s as build %s", ", ".join(queues) or "nothing", version.build_id)
        await (relay_of(settings, client, store, pool, each).run(stopping) if relays else stopping.wait())


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
    settings = settings_of("worker" if queues else "relay", queues)
    working = partial(work, settings, queues, interceptors=interceptors, workflows=workflows)
    with contextlib.ExitStack() as at_end:
        at_end.callback(start_telemetry("worker", settings.telemetry))
        asyncio.run(run(partial(working, relays=given.relay != "without")))


if __name__ == "__main__":
    main()
