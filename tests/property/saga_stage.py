"""Plays a schedule: the world of fakes with faults at its activities, and people who act while it runs."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.ports import Committed
from activities.queues import PURCHASES
from api.engine import UNREACHED
from domain.allocation import Allocation
from domain.desk import Desk
from domain.identity import DEFAULT_TENANT, purchase_id_of
from domain.refusals import PaymentRefused, PurchaseCancelled, Refusal, SeatsUnavailable, WrongState
from domain.weather import Weather
from tests.fakes.gates import Gates
from tests.fakes.ledger import FakeLedger
from tests.fakes.world import World
from tests.property.saga_schedules import Act, Fault, Schedule
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.purchase import PurchaseInput, PurchaseWorkflow

T = TypeVar("T")
KEY = "key"
OUTAGE_CALLS = 12  # more than a round
RUNS_MAX = 8
PATIENCE_SECONDS = 60
ENDED = {"fulfilled", "cancelled", "refused"}
SOLD = {"confirmed", "fulfilled"}
REFUSALS: dict[str, type[Refusal]] = {
    "place_order": SeatsUnavailable,
    "create_intent": PaymentRefused,
    "look_at_intent": PaymentRefused,
    "confirm_seats": PurchaseCancelled,
    "capture_payment": PaymentRefused,
}


class Bug(Exception):  # noqa: N818 - what a schedule calls it
    """Raised by a schedule where an activity is to fail in a way that nobody foresaw."""


class Clock:
    """The server's time as the activities see it; it never goes back."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def __call__(self) -> datetime:
        return self.time

    def advance(self) -> None:
        self.time = max(self.time, activity.info().started_time)


class TroubledLedger(FakeLedger):
    """Refuses connections and loses answers at numbered commits of activities, and looks at the stock after each."""

    def __init__(self, clock: Callable[[], datetime], schedule: Schedule) -> None:
        super().__init__(clock)
        self.troubled = False
        self._troubles = schedule.ledger
        self._commits = 0

    async def commit(self, decide: Callable[[Desk], T]) -> Committed[T]:
        if self.troubled and activity.in_activity():
            self._commits += 1
            trouble = self._troubles.get(self._commits)
            self.refuse_connections, self.lose_answers = int(trouble == "before"), int(trouble == "after")
        try:
            return await super().commit(decide)
        finally:
            stock: Any = self._load("allocation:tt")
            assert isinstance(stock, Allocation | None)
            assert stock is None or min(stock.available, stock.held, stock.sold) >= 0


class Script(Gates):
    """Meets each call of an activity with the schedule's fault, and lets people act at it."""

    def __init__(self, schedule: Schedule, clock: Clock, people: "Stage") -> None:
        super().__init__()
        self.clock = clock
        self.people = people
        self.calls: Counter[str] = Counter()
        self.surprises: list[BaseException] = []
        self.late: list[asyncio.Task[None]] = []
        self.over = asyncio.Event()
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
                raise Weather("the schedule lets nothing through")
            case "refused":
                raise REFUSALS.get(name, WrongState)("the schedule says no")
            case "bug":
                raise Bug
            case "late":
                self._script.late.append(asyncio.create_task(self._land(input)))
                raise Weather("nobody knows whether it will happen", unknown=True)
            case "lost":
                await self._do(input)
                raise Weather("the schedule loses the answer", unknown=True)
            case "twice":
                _, second = await asyncio.gather(self._do(input), self._do(input), return_exceptions=True)
                if isinstance(second, BaseException):
                    raise second
                return second
            case _:
                return await self._do(input)

    async def _do(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await self.next.execute_activity(input)
        except (Refusal, Weather):
            raise
        except Exception as surprise:
            self._script.surprises.append(surprise)
            raise

    async def _land(self, input: ExecuteActivityInput) -> None:  # noqa: A002
        """Have the effect when all is over, as a worker that was cut off and comes back."""
        await self._script.over.wait()
        with suppress(Refusal, Weather):
            await self._do(input)


def _spread(faults: tuple[Fault, ...]) -> list[Fault]:
    return [each for fault in faults for each in [fault] * (OUTAGE_CALLS if fault == "outage" else 1)]


class Stage:
    """One purchase in a world of its own, on a server that skips time."""

    def __init__(self, server: WorkflowEnvironment, schedule: Schedule, start: datetime) -> None:
        self.schedule = schedule
        self.world = World(server)
        clock = Clock(start)
        self.world.price_minor = schedule.price_minor
        self._ledger = ledger = TroubledLedger(clock, schedule)
        for part in (self.world, self.world.door, self.world.catalog, self.world.holds, self.world.minting):
            setattr(part, "ledger" if part is self.world else "_ledger", ledger)
        self.script = self.world.gates = Script(schedule, clock, self)
        self._client = server.client
        self._purchase_id = purchase_id_of(DEFAULT_TENANT, KEY)
        self._posts: list[asyncio.Task[None]] = []
        self._late_news = 0
        self._looks_left: int | None = None

    @property
    def purchase(self) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle_for(PurchaseWorkflow.run, f"purchase/{self._purchase_id}")

    async def play(self) -> str:
        """Play it to its end; returns how the order stands then. The laws hold, and nothing surprised anybody."""
        async with self.world.running():
            await self.world.open_show(self.schedule.hold_seconds, self.schedule.capture_method)
            self._brew()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    async with self.world.server.time_skipping_unlocked():  # never twice: no activity would stop it
                        await self._post(self.schedule.quantity)
                    await self._end()
                    self.script.over.set()
                    await asyncio.gather(*self.script.late)
                    await self._hear_late_news()
            finally:
                for task in (*self._posts, *self.script.late):
                    task.cancel()
        assert self.script.surprises == []
        await self.world.check_laws()
        return (await self.world.order(KEY)).state

    def _brew(self) -> None:
        """Set what happens in the middle of activities."""
        self._ledger.troubled = True
        for verb, trouble in self.schedule.stripe:
            (self.world.gateway.fail_before if trouble == "before" else self.world.gateway.fail_after)(verb)
        chain = self.world.chain
        for event in self.schedule.chain:
            if event == "dropped":
                chain.drop_sends()
            elif event == "expired":
                chain.drop_sends()
                chain.expire()
            else:
                verb, _, when = event.partition(" ")
                fail = chain.fail_before if when == "before" else chain.fail_after
                fail("read_token" if verb == "read" else verb)  # type: ignore[arg-type]

    async def act(self, name: str, call: int, when: str) -> None:
        """Let people do what the schedule says they do at this call."""
        self._decide_slow_payment(name, when)
        for act in self.schedule.acts:
            if (act.at, act.call, act.when) == (name, call, when):
                await self._perform(act)

    def _decide_slow_payment(self, name: str, when: str) -> None:
        if self._looks_left is None or when == "after" or name not in {"look_at_intent", "cancel_payment"}:
            return
        self._looks_left -= 1
        if self._looks_left <= 0:
            self._looks_left = None
            for intent in list(self.world.gateway.intents.values()):
                if intent.status == "processing":
                    self.world.gateway.finish_processing(intent.intent_id, succeed=self.schedule.slow[1])

    async def _perform(self, act: Act) -> None:
        match act.what:
            case "pay" | "decline" | "pay slowly":
                self._pay(act.what)
                await self._tell(PurchaseWorkflow.look_again, act)
            case "buyer cancels":
                with suppress(Refusal):
                    await self.world.door.request_cancel(self._purchase_id)
                    await self._tell(PurchaseWorkflow.buyer_cancelled, act)
            case "operator cancels":
                await _reached(self.purchase.cancel())
            case "terminate":
                await _reached(self.purchase.terminate("the schedule"))
            case "post again":
                self._posts.append(asyncio.create_task(self._post(self.schedule.quantity)))
            case "post another":
                self._posts.append(asyncio.create_task(self._post(self.schedule.quantity + 1)))

    def _pay(self, how: str) -> None:
        """Pay as the browser does, over whichever intent can still be paid."""
        gateway = self.world.gateway
        for intent_id in list(gateway.intents):
            with suppress(WrongState):
                if how == "pay slowly":
                    gateway.pay(intent_id, "pm_usBankAccount")
                    self._looks_left = self.schedule.slow[0]
                else:
                    gateway.pay(intent_id, "pm_card_visa" if how == "pay" else "pm_card_chargeDeclined")

    async def _tell(self, signal: Callable[..., Any], act: Act) -> None:
        self._late_news += act.news == "late"
        for _ in range({"told": 1, "twice": 2}.get(act.news, 0)):
            await _reached(self.purchase.signal(signal))

    async def _post(self, quantity: int) -> None:
        """Do what the API does: the facts answer for a purchase that has ended, another body is refused."""
        try:
            await self.world.request(KEY, quantity)
            if (await self.world.order(KEY)).state not in ENDED:
                await self.world.buy(self._client, KEY, quantity)
        except (Refusal, *UNREACHED):
            return

    async def _end(self) -> None:
        """Wait for the end, as the relay does: a purchase without one and without a workflow is started again."""
        for _ in range(RUNS_MAX):
            await self._closed()
            if (await self.world.order(KEY)).state in ENDED:
                return
            await self._client.start_workflow(
                PurchaseWorkflow.run,
                PurchaseInput(purchase=await self.world.ref(KEY), show_id="sh", poll_seconds=30),
                id=self.purchase.id,
                task_queue=PURCHASES,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
        raise AssertionError("it does not end")

    async def _closed(self) -> None:
        """Wait until the purchase's workflow is closed, in whatever way."""
        while (await self.purchase.describe()).status == WorkflowExecutionStatus.RUNNING:
            async with self.world.server.time_skipping_unlocked():
                with suppress(WorkflowFailureError):
                    await self.purchase.result()

    async def _hear_late_news(self) -> None:
        """Money that came is looked at, also when everything is over."""
        if self._late_news == 0 or (await self.world.order(KEY)).state in SOLD:
            return
        for intent_id in list(self.world.gateway.intents):
            await self._client.execute_workflow(
                PaymentCaseWorkflow.run,
                CaseInput(purchase=await self.world.ref(KEY), intent_id=intent_id),
                id=f"payment-case/{intent_id}",
                task_queue=PURCHASES,
            )


async def _reached(call: Any) -> None:
    """Tell the engine; a purchase that is not running hears nothing."""
    with suppress(RPCError):
        await call
