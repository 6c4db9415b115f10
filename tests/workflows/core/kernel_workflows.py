"""A two-step purchase in the shapes of common guides and with our saga kernel, for the kernel's tests."""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from workflows.core.saga import Saga, step

SHORT = timedelta(seconds=20)


class Effects:
    """Records each effect when it happens; steps named in `gates` wait for the test."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.started: dict[str, asyncio.Event] = {}
        self.gates: dict[str, asyncio.Event] = {}

    def gate(self, name: str) -> None:
        self.started[name] = asyncio.Event()
        self.gates[name] = asyncio.Event()

    @activity.defn(name="effect")
    async def effect(self, name: str) -> None:
        if name in self.gates:
            self.started[name].set()
            await self.gates[name].wait()
        if name == "fail":
            raise RuntimeError(name)
        self.log.append(name)


async def do(name: str, cancellation: workflow.ActivityCancellationType | None = None) -> None:
    """Run one effect once."""
    await workflow.execute_activity(
        "effect",
        name,
        start_to_close_timeout=SHORT,
        retry_policy=RetryPolicy(maximum_attempts=1),
        cancellation_type=cancellation or workflow.ActivityCancellationType.TRY_CANCEL,
    )


class Shape:
    """Base of the workflows: waits to be paid."""

    def __init__(self) -> None:
        self.paid = False

    async def wait(self) -> None:
        await workflow.wait_condition(lambda: self.paid)


@workflow.defn
class ExceptException(Shape):
    """Compensates in `except Exception`, as in the guides."""

    @workflow.run
    async def run(self) -> None:
        try:
            await do("reserve")
            await self.wait()
        except Exception:
            await do("release")
            raise


@workflow.defn
class ExceptActivityError(Shape):
    """Compensates in `except ActivityError`, as in the guides."""

    @workflow.run
    async def run(self) -> None:
        try:
            await do("reserve")
            await self.wait()
        except ActivityError:
            await do("release")
            raise


@workflow.defn
class ShieldedCompensations(Shape):
    """Runs two compensations in `await asyncio.shield(...)`."""

    @workflow.run
    async def run(self) -> None:
        try:
            await do("reserve")
            await do("fail")
        except BaseException:
            await asyncio.shield(self.compensate())
            raise

    async def compensate(self) -> None:
        await do("cancel order")
        await do("release")


@workflow.defn
class TryCancelStep(Shape):
    """Runs a step without a heartbeat under the default cancellation type."""

    @workflow.run
    async def run(self) -> None:
        try:
            await do("reserve")
        except BaseException:
            await asyncio.shield(do("release"))
            raise


@workflow.defn
class WaitCancellationStep(Shape):
    """Runs a step that waits for its cancellation to complete."""

    @workflow.run
    async def run(self) -> None:
        try:
            await do("reserve", workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
            await do("next step")
        except BaseException:
            await asyncio.shield(do("release"))
            raise


@workflow.defn
class Kernel(Shape):
    """Uses our saga kernel."""

    @workflow.run
    async def run(self, last: str) -> None:
        saga = Saga()
        async with saga:
            saga.undo(lambda: do("release"))
            await step(do("reserve"))
            saga.undo(lambda: do("cancel order"))
            if last == "bug":
                raise ZeroDivisionError
            await step(do(last))
            await self.wait()


@workflow.defn
class PivotedKernel(Shape):
    """Uses our saga kernel and fails after the pivot."""

    @workflow.run
    async def run(self) -> None:
        saga = Saga()
        async with saga:
            saga.undo(lambda: do("release"))
            await step(do("reserve"))
            saga.pivot()
            await do("fail")


ALL = [
    ExceptException,
    ExceptActivityError,
    ShieldedCompensations,
    TryCancelStep,
    WaitCancellationStep,
    Kernel,
    PivotedKernel,
]
