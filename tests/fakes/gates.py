"""Gates around activities: a test stops an activity before or after its effect, and lets it go on."""

import asyncio
from datetime import timedelta
from typing import Any, Literal

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.core.transient import TransientError

When = Literal["before", "after"]


class Gate:
    """One stop: `reached` is set when the activity waits there, `open` lets it pass."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()


class Gates(Interceptor):
    """Stops activities at closed gates; `ran` lists every try of an activity. All of `away` fail, of "*" every one.

    Of `regular` the local tries fail, so that the workflow has its task back while a try is at a gate.
    """

    def __init__(self) -> None:
        self.gates: dict[tuple[str, When], Gate] = {}
        self.ran: list[str] = []
        self._failing: dict[str, Exception] = {}
        self.away: set[str] = set()
        self.regular: set[str] = set()

    def fail(self, name: str, error: Exception) -> None:
        """Let every try of an activity fail before its effect, until `mend`."""
        self._failing[name] = error

    def mend(self, name: str) -> None:
        """Let an activity succeed again."""
        self._failing.pop(name, None)

    def raise_fault(self, name: str) -> None:
        if name in self._failing:
            raise self._failing[name]

    def close(self, name: str, when: When) -> Gate:
        gate = self.gates[name, when] = Gate()
        return gate

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Gated(next, self)

    async def stand(self, name: str, when: When) -> None:
        gate = self.gates.get((name, when))
        if gate is not None:
            gate.reached.set()
            await gate.open.wait()


class _Gated(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, gates: Gates) -> None:  # noqa: A002
        super().__init__(next)
        self._gates = gates

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        name = activity.info().activity_type
        self._gates.ran.append(name)
        self._gates.raise_fault(name)
        is_left = name in self._gates.regular and activity.info().is_local
        if not is_left:
            await self._gates.stand(name, "before")
        if is_left or self._gates.away & {name, "*"}:
            # The pause spares a local activity its own retries, which take time that no server skips.
            raise TransientError(f"what {name} needs is away", pause=timedelta(milliseconds=1))
        result = await self.next.execute_activity(input)
        await self._gates.stand(name, "after")
        return result
