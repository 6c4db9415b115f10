"""Read what the doctor asks of Stripe and the chain."""

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from solders.pubkey import Pubkey

from adapters.solana.instructions import TOKEN_2022
from adapters.solana.keys import issuer_of
from adapters.solana.rpc.client import NodeClient
from adapters.solana.rpc.pool import NodePool
from adapters.stripe.undelivered_events import UndeliveredEvents
from cli.checks.doctor.database import Registered
from cli.checks.doctor.examined import Chain, Endpoint, Stripe
from cli.systems import stripe_of
from domain.core.ids import Deployment
from settings import Settings
from settings.check import STRIPE_DOMAIN

PROGRAMS = {"Token-2022": TOKEN_2022}
A_DAY = timedelta(days=1)
JUST_NOW = timedelta(minutes=2)  # these are still on their way


async def read_stripe(settings: Settings, deployment: Deployment) -> Stripe:
    """Read the endpoints of our account, and count the events that were not delivered."""
    host = urlsplit(settings.stripe.api_base or f"https://api.{STRIPE_DOMAIN}").hostname or ""
    async with stripe_of(settings, deployment) as client:
        endpoints = [
            Endpoint(one.url, frozenset(one.enabled_events), one.status == "enabled")
            async for one in client.list_all(client.api.webhook_endpoints.list_async, {})
        ]
        now = datetime.now(UTC)
        undelivered = await UndeliveredEvents(client).undelivered(now - A_DAY, now - JUST_NOW)
    is_stripe = host == STRIPE_DOMAIN or host.endswith(f".{STRIPE_DOMAIN}")
    return Stripe(is_stripe, tuple(endpoints), settings.api.public_url, len(undelivered))


async def read_chain(settings: Settings, registered: Registered) -> Chain:
    """Read which chain the nodes are on, and what of it minting needs; nothing is pinned by a look."""
    solana = settings.solana
    client = NodeClient(NodePool.of(solana.nodes, (solana.calls_per_second, solana.sends_per_second), _as_it_is))
    secret = solana.payer_secret.get_secret_value() or solana.issuer_secret.get_secret_value()
    payer = str(issuer_of(secret).pubkey()) if secret else ""
    try:
        genesis = str((await client.get_genesis_hash()).value)
        slot = await client.finalized_slot()
        produced = (await client.get_block_time(slot)).value
        known = {**PROGRAMS, **{name: Pubkey.from_string(address) for name, address in registered.groups.items()}}
        accounts = dict(zip(known, await client.finalized_accounts(list(known.values()), slot), strict=True))
        lamports = (await client.get_balance(Pubkey.from_string(payer))).value if payer else None
    finally:
        await client.close()
    return Chain(
        genesis=genesis,
        pinned=registered.genesis,
        age_seconds=time.time() - (produced or 0),
        missing_programs=tuple(name for name in PROGRAMS if (one := accounts[name]) is None or not one.executable),
        payer=payer,
        payer_lamports=lamports,
        missing_groups=tuple(name for name in registered.groups if accounts[name] is None),
    )


async def _as_it_is(genesis: str) -> str:
    """Accept the chain that the node is on: comparing it is a check of its own."""
    return genesis
