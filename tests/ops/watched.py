"""Everything that shows metrics, in one process over a real PostgreSQL and a real Temporal, and nothing is wrong."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import psycopg
from psycopg.sql import SQL, Identifier
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.sales.funds.watch import PayerWatch
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool
from adapters.postgres.minting import PostgresMinting
from adapters.solana.rpc.client import NO_LIMITS, NodeClient
from adapters.solana.rpc.node import NodeConfig
from adapters.solana.rpc.pool import NodePool
from adapters.solana.signer.payer import PayerReader
from adapters.telemetry.chain import NODE_WELL, PayerMetrics, show_node
from adapters.telemetry.figures import ENDPOINTS_OFF, Figures
from adapters.telemetry.loop import COMMIT_QUEUE, free_port
from adapters.telemetry.reconciled import Reconciled
from adapters.telemetry.server import Probes, Server
from adapters.telemetry.set_aside import SET_ASIDE
from adapters.temporal.metrics import temporals_runtime
from cli.checks.reconcile import tell
from domain.core.transient import TransientError
from domain.invariants.invariant import INVARIANTS
from projector import Follower
from tests.adapters.solana.odd_node import OddNode, odd_node, reply
from tests.cli.test_reconcile import report_of
from tests.devstack.chain.dev_chain import DevChain, pay, send, sign_for
from tests.fakes.api_client import api_client, app_over
from tests.fakes.corrupted_history import Day
from tests.fakes.engines import dev_server
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.shop_world import ApiWorld
from tests.fakes.world import SagaWorld
from tests.ops.prometheus import REST_MINUTES, Scrape, holds, scrape
from tests.relay.gauge import Clock

LOW_LAMPORTS = 1_000_000_000
BALANCE = reply({"context": {"slot": 1}, "value": 5})


class Given(NamedTuple):
    """A database, a chain, and a day whose books are whole."""

    url: str
    pool: Pool
    chain: DevChain
    day: Day


class Watched:
    """A process with every metric of ours; `clock` and `lead` let its time pass, `scrapes` is one a minute."""

    def __init__(self, given: Given, env: WorkflowEnvironment, engine_port: int) -> None:
        self.url, self.pool, self.chain, self.day = given
        self.env = env
        self.client: Client = env.client
        self.clock, self.lead = Clock(), timedelta()
        self.store = PostgresEventStore(self.url, utc_now)
        self.world = SagaWorld(env, cast(Any, self.store))
        self.world.poll_seconds = 1
        self.figures = self._new_figures()
        self.reconciled = Reconciled((one.name for one in INVARIANTS), self.clock)
        self.payer = Keypair()
        self.nodes: list[OddNode] = []
        self.api = ApiWorld()
        self.scrapes: list[Scrape] = []
        self._stopping = threading.Event()
        self._follower = Follower(self.url, self._stopping, clock=self.clock)
        self._following = threading.Thread(target=self._follower.run)
        self.server = Server("127.0.0.1", 0, Probes(self._follower.check_live, self._follower.check_ready), engine_port)
        self._port = self.server.port
        COMMIT_QUEUE.set_function(lambda: self.store.pending)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run everything, and make each metric say that all is well."""
        async with AsyncExitStack() as closing:
            closing.callback(self._stop)
            self._following.start()
            NODE_WELL.clear()  # an earlier test's nodes are in this process's registry, too
            self.nodes = [await closing.enter_async_context(odd_node()) for _ in range(2)]
            pool = NodePool([NodeConfig(node.url) for node in self.nodes], NO_LIMITS, observe=show_node)
            self._node_client = NodeClient(pool)
            closing.push_async_callback(self._node_client.close)
            self.answer_balance(*BALANCE)
            await self.call_nodes()
            self.chain.fund(str(self.payer.pubkey()), 5 * LOW_LAMPORTS)
            reader = PayerReader(self.chain.url, str(self.payer.pubkey()), 5_000)
            closing.push_async_callback(reader.close)
            self.payers = PayerWatch(reader, PostgresMinting(self.pool), PayerMetrics(), LOW_LAMPORTS, utc_now)
            await self.payers.look()
            self.http = await closing.enter_async_context(api_client(app_over(self.api.deps())))
            assert (await self.http.get("/health/live")).status_code == HTTPStatus.OK
            tell(report_of(self.day), self.reconciled)
            await self.look()
            yield

    def _stop(self) -> None:
        self._stopping.set()
        self._following.join()
        self.server.close()
        self.store.close()

    async def look(self) -> None:
        """Read the figures, once the projector has folded every event."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            head = "SELECT coalesce(max(notification_id), 0) FROM events"
            folded = "SELECT position FROM rm_position"
            await until(lambda: connection.execute(head).fetchone() == connection.execute(folded).fetchone())
        await self.figures.read()

    def _new_figures(self) -> Figures:
        return Figures(self.pool, self.client, self.clock, lambda: datetime.now(UTC) + self.lead)

    async def restart(self) -> None:
        """Forget what a process forgets when it ends, and look anew."""
        SET_ASIDE.clear()
        ENDPOINTS_OFF.set(0)
        self.figures = self._new_figures()
        await self.look()

    async def in_activity(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do something as an activity of this process's worker does it, with its metrics."""
        running = ActivityEnvironment()
        assert self.env.client.service_client.config.runtime is not None
        running.metric_meter = self.env.client.service_client.config.runtime.metric_meter

        async def run() -> Any:
            return await work()

        return await running.run(run)

    def answer_balance(self, status: int, body: str) -> None:
        """Let every Solana node answer like this."""
        for node in self.nodes:
            node.answers["getBalance"] = (status, body)

    async def call_nodes(self) -> None:
        """Call each Solana node."""
        for _ in self.nodes:
            await self.in_activity(lambda: self._node_client.get_balance(Pubkey.default()))

    async def spend(self, lamports: int) -> None:
        """Pay from the payer's money, and look at it once it is known."""
        before = (await self.payers.look())["lamports"]
        send(self.chain, sign_for(self.chain, self.payer, pay(self.payer, Keypair().pubkey(), lamports)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with suppress(TransientError):  # the chain is busy
                    if (await self.payers.look())["lamports"] < before:
                        return
                await asyncio.sleep(0.05)

    def age(self, table: str, column: str, by: timedelta) -> None:
        """Let time pass for the rows of a table."""
        aged = SQL("UPDATE {0} SET {1} = {1} - %s").format(Identifier(table), Identifier(column))
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(aged, (by,))

    def now(self) -> Scrape:
        """Return what Prometheus sees now."""
        return scrape(self._port)

    def minute(self) -> Scrape:
        """Let Prometheus scrape, as it does once a minute here; return what it saw."""
        self.scrapes.append(self.now())
        return self.scrapes[-1]

    def rest(self, minutes: int = REST_MINUTES) -> None:
        """Let nothing happen for so many minutes."""
        self.scrapes += [self.scrapes[-1]] * minutes


async def shown(watched: Watched, alert: str) -> None:
    """Let the worker read its figures until the engine lists what the alert is about."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds(alert, watched.now()):
            await watched.look()
            await asyncio.sleep(0.2)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what must come."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - threads and processes set no event of ours
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watched_process(given: Given) -> AsyncIterator[Watched]:
    """Yield a process in which nothing is wrong, over an engine of its own."""
    port = free_port(0)
    assert port is not None
    async with await dev_server(temporals_runtime(port)) as env:
        made = Watched(given, env, port)
        async with made.running():
            yield made
