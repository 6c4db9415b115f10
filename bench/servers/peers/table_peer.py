"""The saga as one writes it by hand: a table of sagas, and a worker that takes what is due.

`python -m bench.servers.peers.table_peer`. Each row has the number of its next step; the worker claims rows with
SKIP LOCKED for a time, runs step after step, and notes each one. A webhook sets `paid`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from activities.core.commands import PurchaseRef
from bench.servers.peers.sale import BEFORE_PAYMENT, Step, open_sales, say_ready, steps_after, work
from settings import Settings

TABLE = """
CREATE TABLE IF NOT EXISTS sagas (
    purchase_id text PRIMARY KEY,
    purchase jsonb NOT NULL,
    step integer NOT NULL DEFAULT 0,
    paid boolean NOT NULL DEFAULT false,
    ticket_ids text[] NOT NULL DEFAULT '{}',
    claimed_until timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX IF NOT EXISTS sagas_open ON sagas (purchase_id) WHERE step < 1000;
"""
DONE, WAITING = 1000, len(BEFORE_PAYMENT)
INSERT = "INSERT INTO sagas (purchase_id, purchase) VALUES (%s, %s) ON CONFLICT DO NOTHING"
PAID = "UPDATE sagas SET paid = true WHERE purchase_id = %s"
CLAIM = """
UPDATE sagas SET claimed_until = now() + interval '30 seconds' WHERE purchase_id IN (
    SELECT purchase_id FROM sagas
    WHERE step < 1000 AND claimed_until < now() AND (step <> %s OR paid)
    LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING purchase, step, ticket_ids
"""
NOTE = "UPDATE sagas SET step = %s, ticket_ids = %s WHERE purchase_id = %s"
RELEASE = "UPDATE sagas SET claimed_until = '-infinity' WHERE purchase_id = %s"
AT_ONCE = 64
POLL_SECONDS = 0.02
CONNECTIONS = 8


@asynccontextmanager
async def _pool(postgres: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    kwargs = {"autocommit": True}
    async with AsyncConnectionPool(postgres, min_size=1, max_size=CONNECTIONS, kwargs=kwargs, open=False) as pool:
        yield pool


@asynccontextmanager
async def connect(
    postgres: str,
) -> AsyncIterator[tuple[Callable[[PurchaseRef], Awaitable[None]], Callable[[str], Awaitable[None]]]]:
    """Yield what starts a purchase, and what tells one that it is paid."""
    async with _pool(postgres) as pool:

        async def start(purchase: PurchaseRef) -> None:
            async with pool.connection() as connection:
                await connection.execute(INSERT, (purchase.purchase_id, Jsonb(purchase.model_dump(mode="json"))))

        async def tell(purchase_id: str) -> None:
            async with pool.connection() as connection:
                await connection.execute(PAID, (purchase_id,))

        yield start, tell


async def advance(pool: AsyncConnectionPool[Any], step: Step, row: tuple[dict[str, Any], int, list[str]]) -> None:
    """Run a claimed saga until it waits for its payment, or to its end; note each step."""
    purchase, number, ticket_ids = PurchaseRef.model_validate(row[0]), row[1], row[2]

    async def note(statement: str, *values: object) -> None:
        async with pool.connection() as connection:
            await connection.execute(statement, (*values, purchase.purchase_id))

    if number < WAITING:
        for name in BEFORE_PAYMENT[number:]:
            result = await step(name, purchase)
            ticket_ids = list(result.ticket_ids) if name == BEFORE_PAYMENT[0] else ticket_ids
            number += 1
            await note(NOTE, number, ticket_ids)
        await note(RELEASE)
        return
    rest = steps_after(purchase, ticket_ids)
    for name, command in rest[number - WAITING :]:
        await step(name, command)
        number += 1
        await note(NOTE, DONE if number - WAITING == len(rest) else number, ticket_ids)


async def run(settings: Settings, stopping: asyncio.Event) -> None:
    """Claim and advance sagas until stopped."""
    async with open_sales(settings) as step, _pool(settings.postgres.url) as pool:
        async with pool.connection() as connection:
            await connection.execute(TABLE)
        say_ready()
        running: set[asyncio.Task[None]] = set()
        while not stopping.is_set():
            async with pool.connection() as connection:
                claimed = await (await connection.execute(CLAIM, (WAITING, AT_ONCE - len(running)))).fetchall()
            for row in claimed:
                running.add(task := asyncio.create_task(advance(pool, step, row)))
                task.add_done_callback(running.discard)
            if not claimed:
                await asyncio.sleep(POLL_SECONDS)


if __name__ == "__main__":
    asyncio.run(work(run))
