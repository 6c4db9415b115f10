"""Front door: the HTTP API. `python -m api.main`."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import uvicorn
import uvloop
from fastapi import FastAPI
from limits.aio.storage import Storage
from pydantic import SecretStr
from temporalio.client import Client

from activities.access.keys import KeyCommands
from activities.access.webhooks.endpoints import EndpointCommands
from activities.catalog.capacity import CapacityCommands
from activities.catalog.prices import PriceCommands
from activities.catalog.register import CatalogCommands
from activities.core.follow_ups import FollowUpCommands
from activities.refunds.cancel_show import ShowCancellationCommands
from activities.refunds.request_refund import RefundCommands
from activities.sales.correct_buyer import BuyerCorrection
from activities.sales.door.entry import DoorCommands
from activities.sales.erase_buyer import BuyerErasure
from activities.sales.funds.sale import SaleFunds
from activities.sales.request_purchase import PurchaseCommands
from activities.sales.ticket_api_holds import HoldCommands
from activities.tokens.claims.request import ClaimCommands, WalletProofs
from activities.tokens.claims.wallets import WalletCheck
from activities.tokens.mint import TicketReader
from activities.tokens.trees.proof import LeafReader
from adapters.database.startup import opened_event_store, or_explain, utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool, Waits, open_pool
from adapters.postgres.deployment import DeploymentError, open_identity
from adapters.postgres.minting import PostgresMinting
from adapters.postgres.rate_limits import MemoryCounters, PostgresCounters
from adapters.postgres.tables import PostgresCheckouts, PostgresKeyUses, PostgresWebhookInbox
from adapters.postgres.webhooks import PostgresDeliveries
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.privacy.endpoint_secrets import PostgresEndpointSecrets
from adapters.privacy.sessions import SealedSessions
from adapters.privacy.ticket_codes import SealedCodes
from adapters.read_models.queries import ReadModels
from adapters.read_models.shows.cancellation import ShowCancellationQueries
from adapters.runtime.gc_tuning import tune_gc
from adapters.solana.chain import SolanaTokenReader
from adapters.solana.keys import has_signed, seed_of
from adapters.stripe.webhook import verify_webhook
from adapters.telemetry.loop import COMMIT_QUEUE, check_database, free_port, serve_loop
from adapters.telemetry.start import start_telemetry
from adapters.telemetry.traces import temporals_interceptors
from adapters.temporal.connect import ClientOptions, connect_to_temporal
from adapters.temporal.metrics import temporals_runtime
from api.app import create_app
from api.http.access_log import access_log_to
from api.http.authenticator import KeyAuthenticator, named_subjects
from api.http.limits.connections import limited_by
from api.http.limits.rates import RateLimits, Rates
from api.ports import Dependencies
from api.terms import BodyLimits, ConnectionLimits, Limits, ShopTerms
from domain.access.subject import Subject
from domain.core.ids import Identity
from domain.money.money import FeeRates
from domain.payments.webhook_event import WebhookEvent
from relay.payouts_client import PayoutsClient
from relay.workflow_client import Timeouts, WorkflowClient
from settings import Settings
from settings.chain import nodes_of
from settings.check import settings_of
from settings.http import LimitSettings
from settings.values import keys_of, secrets_in

KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 10
DEFAULT_LIMITS = LimitSettings()


async def assemble(settings: Settings, closing: AsyncExitStack) -> Dependencies:
    """Open the dependencies of the API; `closing` closes them. Temporal is connected on first use."""
    postgres = settings.postgres
    opening = opened_event_store(postgres.url, postgres.commit_queue_max, coalesces=True)
    store = await closing.enter_async_context(opening)
    secret = seed_of(settings.deployment.secret.get_secret_value())
    identity = await asyncio.to_thread(open_identity, settings.postgres.url, secret)
    pool, reads = await open_pools(settings, closing)
    closing.push_async_callback((chain := SolanaTokenReader(nodes_of(settings), settings.solana.keys)).close)
    client = await observed_client(settings, store, reads, closing)
    buyers = PostgresBuyers(pool, Sealing(*settings.privacy.sealing, strips_tag=settings.limits.tag_is_one_buyer))
    engine, wallets = WorkflowClient(client, timeouts_of(settings), lambda: store.crowd), WalletCheck(chain)
    return Dependencies(
        authenticator=authenticator_of(settings, store, pool, identity),
        purchases=PurchaseCommands(store, funds_of(settings, reads)),
        catalog=CatalogCommands(store),
        holds=HoldCommands(store),
        prices=PriceCommands(store),
        refunds=RefundCommands(store),
        door=DoorCommands(store),
        ticket_codes=SealedCodes.of(keys_of(settings.door.code_keys), identity),
        cancellations=ShowCancellationCommands(store),
        cancelled=ShowCancellationQueries(reads),
        queries=ReadModels(reads),
        engine=engine,
        follow_ups=FollowUpCommands(store),
        payouts=PayoutsClient(client, settings.api.temporal_timeout_seconds, settings.payouts.poll_seconds),
        buyers=buyers,
        erasure=BuyerErasure(store, buyers),
        correction=BuyerCorrection(store, buyers),
        secrets=PostgresCheckouts(pool),
        inbox=PostgresWebhookInbox(pool),
        verify=verified_with(settings.stripe.webhook_secret, identity),
        verify_connect=verified_with(settings.stripe.connect_webhook_secret, identity),
        wallets=wallets,
        claims=ClaimCommands(store, buyers, WalletProofs(wallets, has_signed, chain), identity),
        identity=identity,
        read_ticket=TicketReader(store, chain).read_ticket,
        leaves=LeafReader(store, chain),
        limits=limits_of(settings),
        check_rate=RateLimits(counters_of(settings, pool), rates_of(settings)).check,
        capacity=CapacityCommands(store),
        change_capacity=engine.change_capacity,
        endpoints=EndpointCommands(store, PostgresEndpointSecrets(pool, settings.privacy.sealing[0])),
        deliveries=PostgresDeliveries(pool),
        publishable_key=settings.stripe.publishable_key,
        shop=shop_of(settings),
    )


def authenticator_of(settings: Settings, store: PostgresEventStore, pool: Pool, identity: Identity) -> KeyAuthenticator:
    """Return the authenticator of stored keys, of those in the settings, and of sessions that keep them."""
    sessions = SealedSessions(identity.secret_for("venue-session"))
    return KeyAuthenticator(KeyCommands(store), PostgresKeyUses(pool), keys_in(settings), identity, sessions)


def shop_of(settings: Settings) -> ShopTerms:
    """Return the terms of the shop in a browser."""
    shop, temporal = settings.shop, settings.temporal
    workflows_url = (
        f"{temporal.ui_url.rstrip('/')}/namespaces/{temporal.namespace}/workflows" if temporal.ui_url else ""
    )
    public_url = settings.api.public_url.rstrip("/")
    return ShopTerms(shop.tenant, public_url, shop.pay_page or "", shop.stack_file, workflows_url)


def timeouts_of(settings: Settings) -> Timeouts:
    """Return how long the client of Temporal waits, and how often a purchase looks."""
    api, saga = settings.api, settings.saga
    return Timeouts(
        api.temporal_timeout_seconds,
        saga.poll_seconds,
        saga.processing_extension_seconds,
        api.checkouts_in_flight_max,
    )


async def open_pools(settings: Settings, closing: AsyncExitStack) -> tuple[Pool, Pool]:
    """Open the pools of the side tables and of the read models; `closing` closes them."""
    postgres = settings.postgres
    waits = Waits(postgres.statement_seconds, postgres.lock_seconds)
    pool = open_pool(postgres.url, postgres.pool_size, waits)
    reads = open_pool(postgres.url, postgres.read_pool_size, waits)
    await closing.enter_async_context(pool)
    await closing.enter_async_context(reads)
    return pool, reads


def funds_of(settings: Settings, reads: Pool) -> SaleFunds | None:
    """Return the money for tokens, where sales stop before it is gone."""
    return SaleFunds(PostgresMinting(reads), utc_now) if settings.solana.stop_unfunded_sale else None


async def observed_client(
    settings: Settings, store: PostgresEventStore, reads: Pool, closing: AsyncExitStack
) -> Client:
    """Return the client of Temporal, which connects on first use; serve its metrics and ours until `closing` ends."""
    COMMIT_QUEUE.set_function(lambda: store.pending)
    engine_port = free_port(settings.api.metrics_port)
    serve_loop(closing, settings.telemetry.host, settings.api.metrics_port, partial(check_database, reads), engine_port)
    options: ClientOptions = {"lazy": True, "runtime": temporals_runtime(engine_port)}
    options["interceptors"] = temporals_interceptors(settings.telemetry.otlp_endpoint)
    return await connect_to_temporal(settings.temporal, keys_of(settings.temporal.codec_keys), **options)


def verified_with(secrets: SecretStr, identity: Identity) -> Callable[[bytes, str], WebhookEvent]:
    """Return the check of an endpoint with these secrets, which reads an event as this deployment's."""
    return partial(verify_webhook, secrets=secrets_in(secrets), deployment_id=identity.deployment_id)


def keys_in(settings: Settings) -> dict[str, Subject]:
    """Return the subjects of the keys that the settings name."""
    given = (settings.internal.token, settings.api.development_key)
    return named_subjects(*(key.get_secret_value() if key is not None else None for key in given))


def limits_of(settings: Settings) -> Limits:
    """Return the limits of this deployment."""
    fees, limits = settings.fees, settings.limits
    return Limits(
        hold_seconds=settings.saga.hold_seconds,
        hold_seconds_max=settings.saga.hold_seconds_max,
        rates=FeeRates(platform_bps=fees.platform_bps, processing_bps=fees.processing_bps),
        metrics=settings.api.metrics,
        queue_seconds=settings.saga.queue_seconds,
        buyer_tickets_max=settings.saga.buyer_tickets_max,
        open_purchases_max=settings.saga.buyer_purchases_max,
        client_share_percent=limits.client_share_percent,
        unnamed_share_percent=limits.unnamed_share_percent,
        body=BodyLimits(limits.body_bytes_max, limits.webhook_bytes_max),
        cors_origins=listed(limits.cors_origins),
        read_seconds=settings.api.read_seconds,
        venue_country=settings.stripe.country,
        private_webhooks=settings.webhooks.allow_private,
    )


def rates_of(settings: Settings) -> Rates:
    """Return the requests per minute that this deployment allows."""
    limits = settings.limits
    return Rates(
        subject=limits.key_per_minute,
        address=limits.address_per_minute,
        health=limits.health_per_minute,
        webhook=limits.webhooks_per_minute,
    )


def counters_of(settings: Settings, pool: Pool) -> Storage:
    """Return the place where requests are counted."""
    return PostgresCounters(pool) if settings.limits.counters == "postgres" else MemoryCounters()


def listed(text: str) -> tuple[str, ...]:
    """Return the items of a list with commas."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT (uvicorn takes both), then let requests in flight end."""
    async with AsyncExitStack() as closing:
        app = create_app(await assemble(settings, closing))
        server = uvicorn.Server(server_config(app, settings.api.host, settings.api.port, settings.limits))
        app.state.watch.is_ending = lambda: server.should_exit
        tune_gc()
        await server.serve()


def server_config(app: FastAPI, host: str, port: int, limits: LimitSettings = DEFAULT_LIMITS) -> uvicorn.Config:
    """Return how the API is served."""
    proxies = listed(limits.trusted_proxies)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,  # ours: see adapters/telemetry/logs.py
        access_log=False,
        http=limited_by(ConnectionLimits(limits.connections_max, limits.head_seconds, limits.body_seconds)),
        ws="none",  # there are no routes for it, and its connections would have no limits
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def main() -> None:
    """Read the settings and serve."""
    settings = settings_of("api")
    access_log_to(logging.StreamHandler(sys.stdout))
    send_last_spans = start_telemetry("api", settings.telemetry)
    try:
        or_explain(lambda: uvloop.run(serve(settings)))
    except DeploymentError as error:
        sys.exit(str(error))
    finally:
        send_last_spans()


if __name__ == "__main__":
    main()
