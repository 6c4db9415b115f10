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

from activities.catalog.capacity import CapacityActivities
from activities.catalog.prices import PriceActivities
from activities.catalog.register import CatalogActivities
from activities.refunds.cancel_show import CancellationDoor
from activities.refunds.request_refund import RefundDoor
from activities.sales.request_purchase import DoorActivities
from activities.sales.ticket_api_holds import HoldActivities
from activities.tokens.mint import MintActivities
from adapters.read_models.queries import ReadModels
from adapters.read_models.show_cancellation_queries import CancellationReads
from adapters.runtime.gc_tuning import collect_rarely
from adapters.solana.groups import SolanaGroupChain
from adapters.solana.keys import issuer_of, pseudonym_of, seed_of
from adapters.startup import open_ledger
from adapters.stripe.webhook import verify_webhook
from adapters.tables import Buyers, Checkouts, Inbox, open_pool
from api.app import create_app
from api.ports import Limits, Parts
from domain.money.money import FeeRates
from relay.payouts_client import SettlementEngine
from relay.workflow_client import KEEP_ALIVE, Pacing, TemporalEngine
from settings import Settings, read_settings

KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 10


async def assemble(settings: Settings, closing: AsyncExitStack) -> Parts:
    """Open what the API needs; `closing` closes it. Temporal is connected to when it is first needed."""
    ledger = await asyncio.to_thread(open_ledger, settings.postgres.url, settings.postgres.waiting_max, gathers=True)
    closing.push_async_callback(asyncio.to_thread, ledger.close)
    pool = open_pool(settings.postgres.url, settings.postgres.pool_size)
    await closing.enter_async_context(pool)
    solana, saga = settings.solana, settings.saga
    issuer = issuer_of(solana.issuer_secret.get_secret_value())
    custody = solana.custody_address or str(issuer.pubkey())
    address_secret = seed_of(solana.address_secret.get_secret_value())
    chain = SolanaGroupChain(solana.rpc_url, bytes(issuer), address_secret, custody)
    closing.push_async_callback(chain.close)
    client = await Client.connect(
        settings.temporal.address,
        namespace=settings.temporal.namespace,
        data_converter=pydantic_data_converter,
        lazy=True,
        keep_alive_config=KEEP_ALIVE,
    )
    timebox, opening_max = settings.api.engine_timebox_seconds, settings.api.opening_max
    pacing = Pacing(timebox, saga.poll_seconds, saga.processing_extension_seconds, opening_max)
    buyers, engine = Buyers(pool), TemporalEngine(client, pacing)
    return Parts(
        door=DoorActivities(ledger),
        catalog=CatalogActivities(ledger),
        holds=HoldActivities(ledger),
        prices=PriceActivities(ledger),
        refunds=RefundDoor(ledger),
        cancellations=CancellationDoor(ledger),
        cancelled=CancellationReads(pool),
        queries=ReadModels(pool),
        engine=engine,
        settlement=SettlementEngine(client, timebox, settings.settlement.poll_seconds),
        buyers=buyers,
        secrets=Checkouts(pool),
        inbox=Inbox(pool),
        verify=partial(verify_webhook, secrets=webhook_secrets(settings)),
        is_wallet=chain.is_wallet,
        pseudonym=partial(pseudonym_of, address_secret),
        read_ticket=MintActivities(ledger, chain, buyers, custody, settings.api.public_url).read_ticket,
        limits=limits_of(settings),
        capacity=CapacityActivities(ledger, chain),
        change_capacity=engine.change_capacity,
    )


def webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Return the secrets of our two webhook endpoints: the platform's events, and its venues'."""
    stripe = settings.stripe
    return tuple(secret.get_secret_value() for secret in (stripe.webhook_secret, stripe.connect_webhook_secret))


def limits_of(settings: Settings) -> Limits:
    """Return what this deployment allows."""
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
    )


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT (uvicorn takes both), then let requests in flight end."""
    async with AsyncExitStack() as closing:
        app = create_app(await assemble(settings, closing))
        server = uvicorn.Server(server_config(app, settings.api.host, settings.api.port))
        app.state.watch.is_ending = lambda: server.should_exit
        collect_rarely()
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
