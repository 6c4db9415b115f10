"""Front door: polls task queues and runs the relay. `python -m worker [--queues purchases,stripe] [--relay only]`."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TypedDict, Unpack

import uvloop
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Interceptor, PollerBehavior, Worker, WorkflowRunner

from activities.core.failures import FailureInterceptor
from activities.core.task_queues import MINT
from activities.registry import Activities, all_queues
from adapters.database.startup import opened_event_store, or_explain
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import BACKGROUND, Pool, open_pool
from adapters.postgres.deployment import read_deployment
from adapters.runtime.gc_tuning import tune_gc
from adapters.telemetry.activities import SubjectInterceptor
from adapters.telemetry.loop import COMMIT_QUEUE, check_database, free_port, serve_loop
from adapters.telemetry.set_aside import SetAsideMetric
from adapters.telemetry.start import start_telemetry
from adapters.telemetry.traces import temporals_interceptors
from adapters.temporal.build_routing import auto_upgrade, log_current_build
from adapters.temporal.connect import ClientOptions, connect_when_up
from adapters.temporal.metrics import temporals_runtime
from adapters.temporal.query_guard import QueryGuard
from adapters.temporal.sandbox import restricted, runner_of
from assembly.activities import assemble
from assembly.loops import Parts, relay, start_loops
from domain.core.ids import Deployment
from relay.each import Each
from settings import Settings
from settings.check import settings_of
from settings.values import keys_of
from workflows.registry import workflows_on

log = logging.getLogger("worker")
UNVERSIONED = "unversioned"  # without a name the library hashes every loaded module: half a second
GRACE = timedelta(seconds=10)
STICKY = timedelta(seconds=2)  # the wait for a dead worker's cache


class Tuning(TypedDict, total=False):
    """Options that may differ between workers."""

    max_concurrent_activities: int
    max_concurrent_workflow_tasks: int
    max_cached_workflows: int
    identity: str
    graceful_shutdown_timeout: timedelta
    workflow_failure_exception_types: Sequence[type[BaseException]]
    workflow_task_poller_behavior: PollerBehavior
    activity_task_poller_behavior: PollerBehavior


def build_worker(
    client: Client,
    queue: str,
    activities: Activities,
    *,
    interceptors: Sequence[Interceptor] = (),
    version: WorkerDeploymentVersion | None = None,
    workflows: Sequence[type] | None = None,
    runner: WorkflowRunner | None = None,
    **tuning: Unpack[Tuning],
) -> Worker:
    """Return the worker of one task queue, as production, benchmarks and tests run it.

    With a version it gets work only while that is the deployment's current one; running workflows move to the current
    version at their next task. `workflows` replaces all workflows by those of another version.
    """
    tuning.setdefault("graceful_shutdown_timeout", GRACE)
    return Worker(
        client,
        task_queue=queue,
        workflows=workflows_on(queue, workflows),
        activities=activities.on(queue),
        interceptors=[FailureInterceptor(), *interceptors],
        workflow_runner=QueryGuard(runner or restricted()),
        sticky_queue_schedule_to_start_timeout=STICKY,
        deployment_config=None if version is None else auto_upgrade(version),
        build_id=UNVERSIONED if version is None else None,
        **tuning,
    )


Assembling = Callable[[Settings, Deployment, PostgresEventStore, Pool, AsyncExitStack, Collection[str]], Activities]


async def connect(settings: Settings, engine_port: int | None = None) -> Client:
    """Connect to Temporal; its library serves its own metrics on `engine_port`."""
    traced = temporals_interceptors(settings.telemetry.otlp_endpoint)
    options: ClientOptions = {"identity": settings.worker.identity, "interceptors": traced}
    options["runtime"] = temporals_runtime(engine_port)
    return await connect_when_up(settings.temporal, keys_of(settings.temporal.codec_keys), **options)


def observe(
    settings: Settings, store: PostgresEventStore, pool: Pool, closing: AsyncExitStack, port: int | None
) -> None:
    """Serve metrics and probes, and write the ready file; `port` is where Temporal's library serves its own metrics."""
    COMMIT_QUEUE.set_function(lambda: store.pending)
    ready = partial(check_database, pool)
    serve_loop(closing, settings.telemetry.host, settings.worker.metrics_port, ready, port)
    if settings.worker.ready_file is not None:
        settings.worker.ready_file.write_text(str(os.getpid()))


async def work(
    settings: Settings,
    queues: Sequence[str],
    stopping: asyncio.Event,
    interceptors: Sequence[Interceptor] = (),
    assembled: Assembling = assemble,
    workflows: Sequence[type] | None = None,
    *,
    relays: bool = True,
) -> None:
    """Poll the queues, if any, and run the relay until `stopping` is set, then finish running tasks."""
    async with AsyncExitStack() as closing:
        postgres = settings.postgres
        store = await closing.enter_async_context(opened_event_store(postgres.url, postgres.commit_queue_max))
        deployment = await asyncio.to_thread(read_deployment, postgres.url)
        pool = await closing.enter_async_context(open_pool(postgres.url, postgres.pool_size, BACKGROUND))
        client = await connect(settings, engine_port := free_port(settings.worker.metrics_port))
        activities = assembled(settings, deployment, store, pool, closing, queues)
        version = WorkerDeploymentVersion(settings.worker.deployment, settings.worker.build_id)
        for queue in queues:
            at_once = settings.worker.max_concurrent_mints if queue == MINT else settings.worker.max_concurrent
            worker = build_worker(
                client,
                queue,
                activities,
                interceptors=[SubjectInterceptor(), *interceptors],
                version=version,
                workflows=workflows,
                runner=runner_of(settings.worker.sandbox),
                max_concurrent_activities=at_once,
                max_concurrent_workflow_tasks=settings.worker.max_concurrent_workflow_tasks,
            )
            await closing.enter_async_context(worker)
        parts = Parts(settings, deployment, store, pool, client, Each(SetAsideMetric()), closing, stopping)
        start_loops(parts, queues)
        closing.callback(asyncio.create_task(log_current_build(client, version)).cancel)
        tune_gc()
        observe(settings, store, pool, closing, engine_port)
        log.info("polling %s as build %s", ", ".join(queues) or "nothing", version.build_id)
        await (relay(parts) if relays else stopping.wait())


async def run(working: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run the worker until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await working(stopping)


def main(*interceptors: Interceptor, workflows: Sequence[type] | None = None) -> None:
    """Read the command line and run; `interceptors` are innermost, `workflows` are those of another build."""
    parser = argparse.ArgumentParser(prog="worker", description=__doc__)
    parser.add_argument("--queues", default=",".join(all_queues()), help="task queues to poll, separated by commas")
    parser.add_argument("--relay", choices=("with", "without", "only"), default="with", help="only: it polls no queue")
    given = parser.parse_args()
    queues = [] if given.relay == "only" else given.queues.split(",")
    if unknown := set(queues) - set(all_queues()):
        parser.error(f"no such queue: {', '.join(sorted(unknown))}")
    settings = settings_of("worker" if queues else "relay", queues)
    working = partial(work, settings, queues, interceptors=interceptors, workflows=workflows)
    with contextlib.ExitStack() as at_end:
        at_end.callback(start_telemetry("worker", settings.telemetry))
        or_explain(lambda: uvloop.run(run(partial(working, relays=given.relay != "without"))))


if __name__ == "__main__":
    main()
