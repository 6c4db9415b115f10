"""The engine and Stripe, as the settings of a command name them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client

from adapters.stripe.client import StripeClient
from adapters.temporal.connect import connect_to_temporal
from domain.core.ids import Deployment
from settings import Settings
from settings.values import keys_of

STRIPE_TIMEOUT_SECONDS = 20.0


async def engine_of(settings: Settings) -> Client:
    """Connect to the engine."""
    return await connect_to_temporal(settings.temporal, keys_of(settings.temporal.codec_keys))


@asynccontextmanager
async def stripe_of(settings: Settings, deployment: Deployment) -> AsyncIterator[StripeClient]:
    """Open a client of our account at Stripe that does not wait long."""
    given, seconds = settings.stripe, STRIPE_TIMEOUT_SECONDS
    key = given.api_key.get_secret_value()
    client = StripeClient(key, deployment, base_url=given.api_base, timeout_seconds=seconds)
    try:
        yield client
    finally:
        await client.close()
