"""Faults at an activity: an interceptor that applies a named fault to its first try."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.core.errors import Refusal, WrongState
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction
from tests.fakes.token_chain import FakeTokenChain

OUTAGE_TRIES = 24  # more than a round of any retry policy, also where two tickets share them
LOCAL_PAUSE_SECONDS = 1.2  # a worker's longest pause between tries of a local activity, and a little more
REPLACING = {"crash-before", "crash-after", "replaced"}
STORE_TIMES = {"store-cut": 1, "store-conflict": 2, "store-restart": 5}
CANCELLING = {"cancel-before", "cancel-after"}


class Faults(Interceptor):
    """Applies one fault to one activity.

    `ran` lists the tried activities, `fired` counts the faults, `busy` counts the tries that are running.
    """

    def __init__(self, name: str = "", fault: str = "") -> None:
        self.name = name
        self.fault = fault
        self.ran: list[str] = []
        self.fired = 0
        self.busy = 0
        self.busy_until = 0.0
        self.stood = asyncio.Event()
        self.gone = asyncio.Event()
        self.late: list[asyncio.Task[Any]] = []
        self.chain = FakeTokenChain()
        self._store_faults = STORE_TIMES.get(fault, 0)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Faulty(next, self)

    @property
    def is_quiet(self) -> bool:
        """Whether no try is running or waits by the worker's own clock."""
        return not self.busy and time.monotonic() > self.busy_until

    async def at_store(self, verb: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Apply a fault to a call of the event store from the activity; `store-cut` affects commits only."""
        here = activity.in_activity() and activity.info().activity_type == self.name
        if not here or not self._store_faults or (self.fault == "store-cut" and verb != "commit"):
            return await call()
        self._store_faults -= 1
        self.fired += 1
        if self.fault == "store-cut":
            await call()
            raise TransientError("the connection was cut after the commit", unknown=True)
        raise TransientError("serialisation conflict" if self.fault == "store-conflict" else "the database restarts")

    def break_next_send(self) -> None:
        """Apply the fault to the chain's next send."""
        send = self.chain.send

        async def once(signed: SignedTransaction) -> None:
            self.chain.send = send  # type: ignore[method-assign]  # the fault is over
            if self.fault == "chain-twice":
                await send(signed)
            await send(signed)
            if self.fault == "chain-expired":
                self.chain.expire()

        self.chain.send = once  # type: ignore[method-assign]  # this chain only
        if self.fault in {"chain-dropped", "chain-expired"}:
            self.chain.drop_sends(1)
        if self.fault == "chain-answer-lost":
            self.chain.fail_after("send", 1)

    async def land(self) -> None:
        """Release the delayed effects, and wait for them."""
        self.gone.set()
        await asyncio.gather(*self.late, return_exceptions=True)


class _Faulty(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, faults: Faults) -> None:  # noqa: A002
        super().__init__(next)
        self._faults = faults

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        faults, name = self._faults, activity.info().activity_type
        faults.ran.append(name)
        again = OUTAGE_TRIES if faults.fault == "outage" else 1
        if name != faults.name or faults.fired >= again or faults.fault in STORE_TIMES:
            return await self._do(input)
        if faults.fault != "outage" or not activity.info().is_local:
            faults.fired += 1
        if faults.fault.startswith("chain"):
            faults.break_next_send()
        perform = getattr(self, f"_{faults.fault.replace('-', '_')}", self._do)
        return await perform(input)

    async def _do(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        self._faults.busy += 1
        try:
            return await self.next.execute_activity(input)
        finally:
            self._faults.busy -= 1

    async def _lose(self) -> None:
        """Never answer: to the server the worker is gone."""
        self._faults.stood.set()
        if activity.info().is_local:  # ended by the worker's own clock, not the server's
            self._faults.busy += 1
            try:
                await self._faults.gone.wait()
            finally:
                self._faults.busy -= 1
            raise TransientError("the worker that ran this is gone")
        activity.raise_complete_async()

    async def _crash_before(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        await self._lose()

    async def _crash_after(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        await self._do(input)
        await self._lose()

    _timeout_after = _crash_after
    _replaced = _crash_before

    async def _late_effect(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        async def land() -> None:
            await self._faults.gone.wait()
            await self.next.execute_activity(input)

        self._faults.late.append(asyncio.create_task(land()))
        await self._lose()

    async def _cancel_before(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        await self._stand()
        return await self._do(input)

    async def _cancel_after(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await self._do(input)
        finally:
            await self._stand()

    async def _stand(self) -> None:
        self._faults.busy += 1
        self._faults.stood.set()
        try:
            await self._faults.gone.wait()
        finally:
            self._faults.busy -= 1

    async def _duplicate(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        """Run it twice at once; raise the first refusal, else return the second result."""
        results = await asyncio.gather(self._do(input), self._do(input), return_exceptions=True)
        for result in (*(one for one in results if isinstance(one, Refusal)), results[1]):
            if isinstance(result, BaseException):
                raise result
        return results[1]

    async def _refusal(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        raise WrongState("refused by the matrix")

    async def _outage(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        if activity.info().is_local:
            self._faults.busy_until = time.monotonic() + LOCAL_PAUSE_SECONDS
        raise TransientError("outage by the matrix")
