"""Tickets minted by the mint step, beside pre-signed transactions sent to the same node."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Finalized
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction_status import TransactionConfirmationStatus
from temporalio.testing import ActivityEnvironment

from activities.catalog.register import AnnounceShow, CatalogCommands, RegisterVenue
from activities.core.commands import MintSubject, MintTicket, PurchaseRef
from activities.tokens.mint import MintActivities
from adapters.event_store.store import PostgresEventStore
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.keys import issuer_of, seed_of
from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import PROCESSOR
from bench.fixtures.environment import run_server
from bench.fixtures.event_store import open_store
from bench.servers.up import QUICK_CHAIN
from devstack.supervisor.ports import LOOPBACK, free_port
from domain.catalog.show import TicketType
from domain.core.unit_of_work import UnitOfWork
from domain.money.money import FeeRates
from domain.tickets.ticket import Ticket, TicketReserved
from domain.tickets.token import SignedTransaction, TokenSpec

TICKETS = IN_FLIGHT = 200  # the worker's limit
LAMPORTS = 10**13
SECRET = "11" * 32
POLL_SECONDS = 0.1
FINAL = TransactionConfirmationStatus.Finalized
IDS: dict[str, Any] = {"tenant_id": "bench", "venue_id": "ve_bench"}


class NoWallets:
    """Buyers without a wallet, whose tickets are held in custody."""

    async def wallet_of(self, buyer_id: str) -> str | None:  # noqa: ARG002 - the port's
        """Return no wallet."""
        return None


class Mint(NamedTuple):
    """The mint step with its node, event store and chain adapter."""

    url: str
    store: PostgresEventStore
    chain: SolanaTokenChain
    step: MintActivities


@asynccontextmanager
async def _mint(url: str, store: PostgresEventStore) -> AsyncIterator[Mint]:
    issuer = issuer_of(SECRET)
    custody = str(issuer.pubkey())
    chain = SolanaTokenChain(url, bytes(issuer), seed_of(SECRET), custody)
    try:
        yield Mint(url, store, chain, MintActivities(store, chain, NoWallets(), custody, custody))
    finally:
        await chain.close()


@contextmanager
def _node() -> Iterator[str]:
    """Run a dev chain."""
    port = free_port()
    module = (*QUICK_CHAIN[2:], "--port", str(port), "--ws-port", "0")
    with tempfile.TemporaryDirectory(prefix="bench-chain") as folder:
        state = str(Path(folder) / "chain.sqlite")
        with run_server((*module, "--state", state), port, Path(folder) / "chain.log"):
            yield f"http://{LOOPBACK}:{port}"


async def _open(mint: Mint) -> None:
    """Register a venue and a show, and mint their groups on the chain."""
    catalog = CatalogCommands(mint.store)
    async with AsyncClient(mint.url) as client:
        airdrop = await client.request_airdrop(Pubkey.from_string(mint.chain.payer_address), LAMPORTS)
        await client.confirm_transaction(airdrop.value, Finalized, sleep_seconds=0.1)
    await catalog.register_venue(RegisterVenue(name="Hall", rates=FeeRates(), body_digest="d", **IDS))
    floor = TicketType(ticket_type_id="tt_bench", name="floor", price_minor=1, capacity=1_000_000)
    terms: dict[str, Any] = {"name": "Night", "currency": "eur", "capture_method": "manual", "body_digest": "d"}
    await catalog.announce_show(
        AnnounceShow(show_id="sh_bench", ticket_types=[floor], hold_seconds=600, **IDS, **terms)
    )
    for kind, subject_id in (("venue", "ve_bench"), ("show", "sh_bench")):
        subject = MintSubject.model_validate({"tenant_id": "bench", "kind": kind, "subject_id": subject_id})
        await ActivityEnvironment().run(mint.step.mint_group, subject)


async def _issue(store: PostgresEventStore) -> list[str]:
    """Issue tickets; return their ids."""
    ids = [f"ti_{uuid4().hex[:24]}" for _ in range(TICKETS)]
    fields = {"tenant_id": "bench", "purchase_id": "pu_bench", "show_id": "sh_bench", "ticket_type_id": "tt_bench"}

    def decide(unit: UnitOfWork) -> None:
        for ticket_id in ids:
            unit.add(Ticket.begin(TicketReserved, ticket_id, unit.at, **fields)).issue(unit.at)

    await store.commit(decide)
    return ids


async def _mints_per_second(mint: Mint) -> float:
    """Mint tickets with the worker's concurrency; return tickets per second."""
    purchase = PurchaseRef(tenant_id="bench", purchase_id="pu_bench", attempt=1)
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(ticket_id: str) -> None:
        async with gate:
            await mint.step.mint_ticket(MintTicket(purchase=purchase, ticket_id=ticket_id))

    ids = await _issue(mint.store)
    began = time.perf_counter()
    await asyncio.gather(*(one(ticket_id) for ticket_id in ids))
    return TICKETS / (time.perf_counter() - began)


async def _signed(mint: Mint) -> list[SignedTransaction]:
    group = mint.chain.address_of("show", "sh_bench")
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one() -> SignedTransaction:
        name = uuid4().hex[:24]
        spec = TokenSpec(kind="ticket", subject_id=name, name="Night", symbol="T", uri=name, group_address=group)
        async with gate:
            return await mint.chain.sign(spec)

    return list(await asyncio.gather(*(one() for _ in range(TICKETS))))


async def _sends_per_second(mint: Mint) -> float:
    """Send pre-signed transactions, and poll until all are final; return tickets per second."""
    signed = await _signed(mint)
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(transaction: SignedTransaction) -> None:
        async with gate:
            await mint.chain.send(transaction)

    began = time.perf_counter()
    await asyncio.gather(*(one(transaction) for transaction in signed))
    signatures = [Signature.from_string(transaction.signature) for transaction in signed]
    async with AsyncClient(mint.url) as client:
        while True:
            found = (await client.get_signature_statuses(signatures)).value
            if all(one is not None and one.confirmation_status == FINAL and one.err is None for one in found):
                return TICKETS / (time.perf_counter() - began)
            await asyncio.sleep(POLL_SECONDS)


@contextmanager
def _ready(url: str, measured: Callable[[Mint], Coroutine[Any, Any, float]], note: str) -> Iterator[Candidate]:
    with _node() as node, open_store(url) as store, asyncio.Runner() as runner:
        opened = _mint(node, store)
        mint = runner.run(opened.__aenter__())
        try:
            runner.run(_open(mint))
            runner.run(measured(mint))
            yield Candidate(lambda: runner.run(measured(mint)), f"{IN_FLIGHT} in flight, {note}")
        finally:
            runner.run(opened.__aexit__(None, None, None))


ROWS = (
    Row(
        "mint",
        "tickets/s",
        PROCESSOR,
        Side(
            "the mint step, verified and recorded",
            partial(_ready, measured=_mints_per_second, note="verified in batched reads"),
        ),
        (
            Baseline(
                Side(
                    "transactions signed before",
                    partial(_ready, measured=_sends_per_second, note="polled in one call"),
                ),
                0.9,
            ),
        ),
    ),
)
