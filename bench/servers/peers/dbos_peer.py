"""The saga on DBOS: a workflow whose steps are our activities. `python -m bench.servers.peers.dbos_peer`.

Its steps and messages are rows in the same PostgreSQL, as DBOS keeps them; the API puts purchases into its queue.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, DBOSClient

from activities.core.commands import Command, PurchaseRef
from bench.servers.peers.sale import BEFORE_PAYMENT, Step, open_sales, say_ready, steps_after, work
from settings import Settings

QUEUE, WORKFLOW, PAID = "sales", "sell", "paid"
PAID_SECONDS = 600
POLL_SECONDS = 0.02
AT_ONCE = 64
_steps: list[Step] = []


@DBOS.step()  # type: ignore[untyped-decorator, unused-ignore]
async def do(name: str, command: Command) -> Any:
    """Run an activity; its result is recorded."""
    return await _steps[0](name, command)


@DBOS.workflow(name=WORKFLOW)  # type: ignore[untyped-decorator, unused-ignore]
async def sell(fields: dict[str, Any]) -> None:
    """Place the order, wait for the payment, confirm, capture, settle, mint."""
    purchase = PurchaseRef.model_validate(fields)
    order, _ = [await do(name, purchase) for name in BEFORE_PAYMENT]
    await DBOS.recv_async(PAID, PAID_SECONDS)
    for name, command in steps_after(purchase, order.ticket_ids):
        await do(name, command)


def _url(postgres: str) -> str:
    return postgres.replace("postgresql:", "postgresql+psycopg:", 1)


@asynccontextmanager
async def connect(
    postgres: str,
) -> AsyncIterator[tuple[Callable[[PurchaseRef], Awaitable[None]], Callable[[str], Awaitable[None]]]]:
    """Yield what starts a purchase, and what tells one that it is paid."""
    client = DBOSClient(system_database_url=_url(postgres))

    async def start(purchase: PurchaseRef) -> None:
        named = {"queue_name": QUEUE, "workflow_name": WORKFLOW, "workflow_id": purchase.purchase_id}
        await client.enqueue_async(named, purchase.model_dump())

    async def tell(purchase_id: str) -> None:
        await client.send_async(purchase_id, PAID, PAID)

    try:
        yield start, tell
    finally:
        client.destroy()


async def run(settings: Settings, stopping: asyncio.Event) -> None:
    """Run queued purchases until stopped."""
    async with open_sales(settings) as step:
        _steps.append(step)
        url = _url(settings.postgres.url)
        DBOS(config={"name": "peer", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"})
        DBOS.launch()
        await DBOS.register_queue_async(QUEUE, worker_concurrency=AT_ONCE, polling_interval_sec=POLL_SECONDS)
        say_ready()
        await stopping.wait()
        DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(work(run))
