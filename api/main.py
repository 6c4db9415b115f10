"""Front door: the HTTP API. `python -m api.main`."""

import asyncio
import logging
import sys
from contextlib import AsyncExitStack
from functools import partial

import uvicorn
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.catalog.capacity import CapacityCommands
from activities.catalog.prices import PriceCommands
from activities.catalog.register import CatalogCommands
from activities.refunds.cancel_show import ShowCancellationCommands
from activities.refunds.request_refund import RefundCommands
from activities.sales.request_purchase import PurchaseCommands
from activities.sales.ticket_api_holds import HoldCommands
from activities.tokens.mint import MintActivities
from adapters.postgres import Waits, open_pool
from adapters.read_models.queries import ReadModels
from adapters.read_models.show_cancellation_queries import ShowCancellationQueries
from adapters.runtime.gc_tuning import tune_gc
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.keys import issuer_of, pseudonymize, seed_of
from adapters.startup import open_event_store
from adapters.stripe.webhook import verify_webhook
from adapters.tables import PostgresBuyers, PostgresCheckouts, PostgresWebhookInbox
from api.app import create_app
from api.ports import Dependencies, Limits
from domain.money.money import FeeRates
from relay.payouts_client import PayoutsClient
from relay.workflow_client import KEEP_ALIVE, Timeouts, WorkflowClient
from settings import Settings, read_settings

KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 10


async def assemble(settings: Settings, closing: AsyncExitStack) -> Dependencies:
    """Open the dependencies of the API; `closing` closes them. Temporal is connected on first use."""
    store = await asyncio.to_thread(
        open_event_store, settings.postgres.url, settings.postgres.commit_queue_max, coalesces=True
    )
    closing.push_async_callback(asyncio.to_thread, store.close)
    waits = Waits(settings.postgres.statement_seconds, settings.postgres.lock_seconds)
    pool = open_pool(settings.postgres.url, settings.postgres.pool_size, waits)
    reads = open_pool(settings.postgres.url, settings.postgres.read_pool_size, waits)
    await closing.enter_async_context(pool)
    await closing.enter_async_context(reads)
    solana, saga = settings.solana, settings.saga
    issuer = issuer_of(solana.issuer_secret.get_secret_value())
    custody = solana.custody_address or str(issuer.pubkey())
    address_secret = seed_of(solana.address_secret.get_secret_value())
    chain = SolanaTokenChain(solana.rpc_url, bytes(issuer), address_secret, custody)
    closing.push_async_callback(chain.close)
    client = await Client.connect(
        settings.temporal.address,
        namespace=settings.temporal.namespace,
        data_converter=pydantic_data_converter,
        lazy=True,
        keep_alive_config=KEEP_ALIVE,
    )
    timebox, checkouts_in_flight_max = settings.api.temporal_timeout_seconds, settings.api.checkouts_in_flight_max
    pacing = Timeouts(timebox, saga.poll_seconds, saga.processing_extension_seconds, checkouts_in_flight_max)
    buyers, engine = PostgresBuyers(pool), WorkflowClient(client, pacing)
    return Dependencies(
        purchases=PurchaseCommands(store),
        catalog=CatalogCommands(store),
        holds=HoldCommands(store),
        prices=PriceCommands(store),
        refunds=RefundCommands(store),
        cancellations=ShowCancellationCommands(store),
        cancelled=ShowCancellationQueries(reads),
        queries=ReadModels(reads),
        engine=engine,
        payouts=PayoutsClient(client, timebox, settings.payouts.poll_seconds),
        buyers=buyers,
        secrets=PostgresCheckouts(pool),
        inbox=PostgresWebhookInbox(pool),
        verify=partial(verify_webhook, secrets=webhook_secrets(settings)),
        is_wallet=chain.is_wallet,
        pseudonym=partial(pseudonymize, address_secret),
        read_ticket=MintActivities(store, chain, buyers, custody, settings.api.public_url).read_ticket,
        limits=limits_of(settings),
        capacity=CapacityCommands(store),
        change_capacity=engine.change_capacity,
    )


def webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Return the secrets of our two webhook endpoints: the platform's events, and its venues'."""
    stripe = settings.stripe
    return tuple(secret.get_secret_value() for secret in (stripe.webhook_secret, stripe.connect_webhook_secret))


def limits_of(settings: Settings) -> Limits:
    """Return the limits of this deployment."""
    token, fees = settings.internal.token, settings.fees
    return Limits(
        hold_seconds=settings.saga.hold_seconds,
        hold_seconds_max=settings.saga.hold_seconds_max,
        rates=FeeRates(platform_bps=fees.platform_bps, processing_bps=fees.processing_bps),
        internal_token=token.get_secret_value() if token is not None else None,
        metrics=settings.api.metrics,
        queue_seconds=settings.saga.queue_seconds,
        buyer_tickets_max=settings.saga.buyer_tickets_max,
        open_purchases_max=settings.saga.buyer_purchases_max,
        read_seconds=settings.api.read_seconds,
    )


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT (uvicorn takes both), then let requests in flight end."""
    async with AsyncExitStack() as closing:
        app = create_app(await assemble(settings, closing))
        server = uvicorn.Server(server_config(app, settings.api.host, settings.api.port))
        app.state.watch.is_ending = lambda: server.should_exit
        tune_gc()
        await server.serve()


def server_config(app: FastAPI, host: str, port: int) -> uvicorn.Config:
    """Return how the API is served."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="info",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def main() -> None:
    """Read the settings and serve."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    asyncio.run(serve(read_settings()))


if __name__ == "__main__":
    main()
