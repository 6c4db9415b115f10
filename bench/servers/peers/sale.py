"""The work of a sale, for a peer's orchestrator: the production activities by name, Stripe and the chain stubbed."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from temporalio import activity
from temporalio.testing import ActivityEnvironment

from activities.core.commands import Command, MintTicket, PurchaseRef
from activities.registry import all_queues
from adapters.database.startup import opened_event_store
from adapters.postgres.connections import BACKGROUND, open_pool
from adapters.postgres.deployment import read_deployment
from adapters.runtime.gc_tuning import tune_gc
from bench.servers.worker import assemble_stubbed
from settings import Settings, read_settings

Step = Callable[[str, Command], Awaitable[Any]]
BEFORE_PAYMENT = ("place_order", "create_intent")
AFTER_PAYMENT = (
    "look_at_intent",
    "confirm_seats",
    "capture_payment",
    "confirm_order",
    "settle_sale",
    "close_checkout",
)
PER_TICKET = ("mint_ticket", "settle_mint")
LAST = "fulfil_order"
READY = "ready"


def steps_after(purchase: PurchaseRef, ticket_ids: Sequence[str]) -> list[tuple[str, Command]]:
    """Return the steps after the payment, in order, each with its command."""
    mints = [MintTicket(purchase=purchase, ticket_id=ticket_id) for ticket_id in ticket_ids]
    paid: list[tuple[str, Command]] = [(name, purchase) for name in AFTER_PAYMENT]
    return [*paid, *((name, mint) for mint in mints for name in PER_TICKET), (LAST, purchase)]


@asynccontextmanager
async def open_sales(settings: Settings) -> AsyncIterator[Step]:
    """Open the activities on the database of the settings; yield what runs one of them by its name."""
    async with AsyncExitStack() as closing:
        postgres = settings.postgres
        store = await closing.enter_async_context(opened_event_store(postgres.url, postgres.commit_queue_max))
        deployment = await asyncio.to_thread(read_deployment, postgres.url)
        pool = await closing.enter_async_context(open_pool(postgres.url, postgres.pool_size, BACKGROUND))
        activities = assemble_stubbed(settings, deployment, store, pool, closing, all_queues())
        by_name = {
            str(activity._Definition.must_from_callable(method).name): method  # noqa: SLF001 - it has no public reader
            for queue in all_queues()
            for method in activities.on(queue)
        }

        async def step(name: str, command: Command) -> Any:
            return await ActivityEnvironment().run(by_name[name], command)

        yield step


def say_ready() -> None:
    """Tell the bench that purchases can come."""
    print(READY, flush=True)  # noqa: T201 - the bench reads it


async def work(run: Callable[[Settings, asyncio.Event], Awaitable[None]]) -> None:
    """Run a peer's worker until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    tune_gc()  # as in our own processes
    await run(read_settings(), stopping)
