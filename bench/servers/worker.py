"""The production worker that also runs the bare workflow. `python -m bench.servers.worker [--stubbed]`."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Collection
from contextlib import AsyncExitStack

import uvloop
from temporalio.worker import Worker

from activities.payments.intent import PaymentActivities
from activities.registry import Activities, all_queues
from activities.tokens.mint import MintActivities
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool
from adapters.postgres.tables import PostgresCheckouts
from adapters.privacy.buyers import PostgresBuyers
from assembly.activities import assemble, sealing_of
from bench.servers.bare_workflow import QUEUE, BareOpening, BareWorkflow, do_nothing
from bench.servers.stubs import InstantChain, InstantGateway
from domain.core.ids import Deployment
from settings import Settings, read_settings
from worker import STICKY, connect, work


def assemble_stubbed(
    settings: Settings,
    deployment: Deployment,
    store: PostgresEventStore,
    pool: Pool,
    closing: AsyncExitStack,
    queues: Collection[str],
) -> Activities:
    """Assemble the production activities with stubs for Stripe and the chain."""
    real = assemble(settings, deployment, store, pool, closing, queues)
    buyers = PostgresBuyers(pool, sealing_of(settings))
    return real.replace(
        PaymentActivities(store, InstantGateway(), PostgresCheckouts(pool)),
        MintActivities(store, InstantChain(), buyers, "custody", "custody"),
    )


async def run(*, stubbed: bool) -> None:
    """Run until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    settings = read_settings()
    bare = Worker(
        await connect(settings),
        task_queue=QUEUE,
        workflows=[BareWorkflow, BareOpening],
        activities=[do_nothing],
        sticky_queue_schedule_to_start_timeout=STICKY,
        max_concurrent_activities=settings.worker.max_concurrent,
        max_concurrent_workflow_tasks=settings.worker.max_concurrent_workflow_tasks,
    )
    async with bare:
        await work(settings, all_queues(), stopping, assembled=assemble_stubbed if stubbed else assemble)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.servers.worker", description=__doc__)
    parser.add_argument("--stubbed", action="store_true", help="use stubs for Stripe and the chain")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    uvloop.run(run(stubbed=parser.parse_args().stubbed))
