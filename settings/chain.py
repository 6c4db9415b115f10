"""The chain as the settings have it: its nodes, our keys behind their guard, the payer's mark."""

import asyncio
import time
from functools import partial

from adapters.postgres.deployment import pin_chain
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.keys import seed_of
from adapters.solana.minting import Mark
from adapters.solana.rpc.node import Observe
from adapters.solana.rpc.pool import NodePool
from adapters.solana.signer.guard import Alarm, GuardedSigner
from adapters.solana.signer.keys import LocalSigner, keypairs_of
from adapters.solana.signer.payer import PayerReader
from adapters.solana.signer.policy import SigningLimits
from settings.groups import SolanaSettings
from settings.model import Settings

COMMAND_SECONDS = 60.0  # the patience of a command, for each call: among very many a node limits some


def guard_of(solana: SolanaSettings, alarm: Alarm) -> GuardedSigner:
    """Return the guarded signer; an external signer takes the place of `LocalSigner` here."""
    signer = LocalSigner(keypairs_of([*solana.key_seeds.values(), *solana.retired_seeds]))
    limits = SigningLimits(solana.priority_fee_max, solana.signatures_per_minute)
    return GuardedSigner(solana.keys, signer, time.monotonic, limits, alarm)


def nodes_of(settings: Settings, observe: Observe = lambda _: None, patience_seconds: float = 0.0) -> NodePool:
    """Return the pool of nodes, with the patience to wait through an outage; the first one pins the chain."""
    solana, pin = settings.solana, partial(pin_chain, settings.postgres.url)
    limits = (solana.calls_per_second, solana.sends_per_second)
    return NodePool.of(solana.nodes, limits, partial(asyncio.to_thread, pin), observe, patience_seconds)


def token_chain_of(settings: Settings, nodes: NodePool, alarm: Alarm) -> SolanaTokenChain:
    """Return the chain that signs with our keys."""
    solana = settings.solana
    return SolanaTokenChain(
        nodes,
        guard_of(solana, alarm),
        seed_of(solana.address_secret.get_secret_value()) if solana.address_secret.get_secret_value() else b"",
        priority_fees=(solana.priority_fee_min, solana.priority_fee_max),
        mark=Mark(solana.payer_low_lamports, 2 * solana.payer_every_seconds),
    )


def payer_of(settings: Settings, observe: Observe = lambda _: None) -> PayerReader:
    """Return the reader of the payer's money, with nodes of its own."""
    return PayerReader(nodes_of(settings, observe), str(settings.solana.keys.payer), settings.solana.priority_fee_max)
