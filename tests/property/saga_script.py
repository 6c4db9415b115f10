"""A schedule's faults at activity calls and commits, and the server's time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.core.ports import Committed
from domain.core.errors import PaymentRefused, PurchaseCancelled, Refusal, SeatsUnavailable, WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation
from tests.fakes.event_store import FakeEventStore
from tests.fakes.gates import Gates
from tests.property.saga_schedules import Fault, Schedule

T = TypeVar("T")
OUTAGE_CALLS = 12  # more than a round
REFUSALS: dict[str, type[Refusal]] = {
    "place_order": SeatsUnavailable,
    "create_intent": PaymentRefused,
    "look_at_intent": PaymentRefused,
    "confirm_seats": PurchaseCancelled,
    "capture_payment": PaymentRefused,
}


class People(Protocol):
    """The people who act while the purchase runs."""

    async def act(self, name: str, call: int, when: str) -> None: ...
    def sold(self) -> bool: ...


class Bug(Exception):  # noqa: N818 - the schedules' word
    """An unexpected error that a schedule raises in an activity."""


class Clock:
    """The server's time as activities see it; it never goes back."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def __call__(self) -> datetime:
        return self.time

    def advance(self) -> None:
        self.time = max(self.time, activity.info().started_time)


class TroubledEventStore(FakeEventStore):
    """Refuses connections and loses answers at numbered commits of activities; checks the stock after each commit."""

    def __init__(self, clock: Callable[[], datetime], schedule: Schedule) -> None:
        super().__init__(clock)
        self.troubled = False
        self._troubles = schedule.store
        self._commits = 0

    async def commit(self, decide: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        if self.troubled and activity.in_activity():
            self._commits += 1
            trouble = self._troubles.get(self._commits)
            self.refuse_connections, self.lose_answers = int(trouble == "before"), int(trouble == "after")
        try:
            return await super().commit(decide, reads)
        finally:
            stock: Any = self.load("allocation:tt")
            assert isinstance(stock, Allocation | None)
            assert stock is None or min(stock.available, stock.held, stock.sold) >= 0


class Script(Gates):
    """Applies the schedule's fault at each activity call, and lets people act there."""

    def __init__(self, schedule: Schedule, clock: Clock, people: People) -> None:
        super().__init__()
        self.clock = clock
        self.people = people
        self.calls: Counter[str] = Counter()
        self.surprises: list[BaseException] = []
        self.late: list[asyncio.Task[None]] = []
        self.over = asyncio.Event()
        self.regular = {deed.at for deed in schedule.operated}  # a local step leaves no task in which an act is taken
        self._faults = {name: _spread(faults) for name, faults in schedule.faults.items()}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Scripted(next, self)

    def fault(self, name: str, call: int) -> Fault:
        return dict(enumerate(self._faults.get(name, []), start=1)).get(call, "ok")


class _Scripted(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, script: Script) -> None:  # noqa: A002
        super().__init__(next)
        self._script = script

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        script, name = self._script, activity.info().activity_type
        script.clock.advance()
        if activity.info().is_local and name in script.regular:
            # The pause spares a local activity its own retries, which take time that no server skips.
            raise TransientError("the local tries fail", pause=timedelta(milliseconds=1))
        script.calls[name] += 1
        call = script.calls[name]
        await script.people.act(name, call, "before")
        try:
            return await self._meet(script.fault(name, call), name, input)
        finally:
            await script.people.act(name, call, "after")

    async def _meet(self, fault: Fault, name: str, input: ExecuteActivityInput) -> Any:  # noqa: A002
        match fault:
            case "before" | "outage":
                raise TransientError("outage by the schedule")
            case "refused" if name != "place_order" or not self._script.people.sold():
                raise REFUSALS.get(name, WrongState)("refused by the schedule")
            case "bug":
                raise Bug
            case "late":
                self._script.late.append(asyncio.create_task(self._land(input)))
                raise TransientError("the effect comes after the end", unknown=True)
            case "lost":
                await self._do(input)
                raise TransientError("answer lost by the schedule", unknown=True)
            case "twice":
                answers = await asyncio.gather(self._do(input), self._do(input), return_exceptions=True)
                if isinstance(answers[1], BaseException):
                    raise answers[1]
                return answers[1]
            case _:
                return await self._do(input)

    async def _do(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await self.next.execute_activity(input)
        except (Refusal, TransientError):
            raise
        except Exception as surprise:
            self._script.surprises.append(surprise)
            raise

    async def _land(self, input: ExecuteActivityInput) -> None:  # noqa: A002
        """Run the effect after everything has ended, as a worker that was cut off and comes back."""
        await self._script.over.wait()
        with suppress(Refusal, TransientError):
            await self._do(input)


def _spread(faults: tuple[Fault, ...]) -> list[Fault]:
    return [each for fault in faults for each in [fault] * (OUTAGE_CALLS if fault == "outage" else 1)]
