"""DeliveryWorkflow: brings outgoing events to one webhook endpoint, in order per purchase, until nothing is due."""

import asyncio
from datetime import timedelta

from temporalio import workflow

from activities.access.webhooks.deliver import (
    DeliverEvent,
    Delivery,
    EndpointRef,
    ListDue,
    Switch,
    WebhookActivities,
)
from activities.core.acts import GIVE_UP, GiveUp
from activities.core.commands import Command
from activities.core.task_queues import PURCHASES
from workflows.core.activity_calls import CallPolicy, FailedStep, RefusedStep
from workflows.core.acts import Outcome, operator_act
from workflows.core.operated import ToldOfNews
from workflows.core.reasons import Reason
from workflows.core.task_queue import workflow_on
from workflows.outgoing.pauses import PAUSE_SECONDS_MAX, pause_since

PAGE = 100
WAITING_MAX = 500
AT_ONCE = 4
PATIENCE_SECONDS = 3 * 86_400.0
FAILING_AFTER = 5  # failures in a row: then one event is tried at a time
DELIVER = CallPolicy(timedelta(seconds=30), 8, timedelta(seconds=10), heartbeat=timedelta(seconds=10))
LOOK = CallPolicy(timedelta(seconds=10), 10, timedelta(seconds=10))
STEP = "deliver_event"
SWITCHED_OFF = "switched_off"
FAULT_CHARS_MAX = 100


class Lane(Command):
    """Events of one purchase that wait, by position; the first was tried so often, and since, and is due at a time."""

    name: str
    positions: tuple[int, ...]
    tries: int = 0
    since: float = 0.0
    due: float = 0.0


class DeliveryInput(Command):
    """An endpoint, and how far an earlier run of the same workflow came."""

    endpoint: EndpointRef
    seen: int | None = None
    after: int = 0
    lanes: tuple[Lane, ...] = ()
    failures: int = 0
    first_failed_at: float | None = None
    failing_since: float | None = None
    took_at: float = 0.0
    delivered: int = 0
    switch: Switch | None = None


@workflow_on(
    PURCHASES, name="DeliveryWorkflow", owner="deployment", stage="delivering", restarted_by="start deliveries"
)
class DeliveryWorkflow(ToldOfNews):
    """Delivers at least once: a failed event is tried for three days; one that fails as long is switched off."""

    @workflow.init
    def __init__(self, start: DeliveryInput) -> None:
        super().__init__()
        self._endpoint = start.endpoint
        self._seen = start.seen
        self._after = start.after
        self._lanes = {lane.name: lane for lane in start.lanes}
        self._failures = start.failures
        self._first_failed_at = start.first_failed_at
        self._failing_since = start.failing_since
        self._took_at = start.took_at
        self._delivered = start.delivered
        self._quiet_until = 0.0
        self._switch = start.switch
        self._flying: dict[str, asyncio.Task[None]] = {}
        self._landed = 0

    @workflow.run
    async def run(self, start: DeliveryInput) -> int:
        """Return how many events the endpoint took, once nothing is due or it is switched off for good."""
        while True:
            if self._switch is None and workflow.info().is_continue_as_new_suggested():
                await self.leave_run()
                workflow.continue_as_new(self._present())
            state, found = await self._look()
            if state == "failing":
                await self._wait_for_a_switch()
                continue
            self._status.clear_need(SWITCHED_OFF)
            if state != "on" or not (found or self._lanes):
                break
            await self._deliver_due(more=found == PAGE)
        await self._end("delivered", f"{self._delivered} events were delivered to {start.endpoint.endpoint_id}.")
        return self._delivered

    def _present(self) -> DeliveryInput:
        return DeliveryInput(
            endpoint=self._endpoint,
            seen=self._seen,
            after=self._after,
            lanes=tuple(self._lanes.values()),
            failures=self._failures,
            first_failed_at=self._first_failed_at,
            failing_since=self._failing_since,
            took_at=self._took_at,
            delivered=self._delivered,
            switch=self._switch,
        )

    async def _look(self) -> tuple[str, int]:
        """Read what is due next, as far as there is room; return the endpoint's state and how many events came."""
        waiting = [position for lane in self._lanes.values() for position in lane.positions]
        room = WAITING_MAX - len(waiting)
        if self._woken:  # also by what came during the last look
            self._wake_lanes()
        self._woken = False  # what wakes the workflow from here on is news
        asked = ListDue(
            endpoint=self._endpoint,
            seen=self._seen,
            done=min(waiting) - 1 if waiting else self._after,
            after=self._after,
            limit=min(PAGE, max(room, 0)),
            is_idle=not waiting,
            switch=self._switch,
        )
        found = await self._caller.call(
            WebhookActivities.list_due, asked, LOOK, "list the events that are due", forward_only=True
        )
        if self._switch == asked.switch:
            self._switch = None
        if found.state != "on":
            return found.state, 0
        self._seen, self._after = found.replays, found.looked_to
        for event in found.events:
            if event.position not in waiting:
                lane = self._lanes.get(event.lane, Lane(name=event.lane, positions=()))
                positions = tuple(sorted((*lane.positions, event.position)))
                self._lanes[event.lane] = lane.model_copy(update={"positions": positions})
        return found.state, len(found.events)

    async def _deliver_due(self, *, more: bool) -> None:
        """Deliver the first events of lanes that are due, until none is or there is news; without any, wait for one."""
        if self._quiet_until > workflow.time():
            await self._wait(self._quiet_until)
        tried = False
        while not self._woken and self._launch():
            tried, landed = True, self._landed
            await workflow.wait_condition(lambda: self._landed != landed)  # noqa: B023 - waited for in this turn
        await workflow.wait_condition(lambda: not self._flying)
        await self._end_if_hopeless()
        if not tried and not more and not self._woken and self._lanes:
            await self._wait(min(lane.due for lane in self._lanes.values()))

    def _launch(self) -> bool:
        """Begin to deliver the first events of lanes that are due; return whether any is on its way."""
        now = workflow.time()
        at_once = 1 if self._failures >= FAILING_AFTER else AT_ONCE
        due = [lane for lane in self._lanes.values() if lane.due <= now and lane.name not in self._flying]
        if self._quiet_until <= now:
            for lane in sorted(due, key=lambda lane: lane.positions[0])[: max(at_once - len(self._flying), 0)]:
                self._flying[lane.name] = asyncio.create_task(self._deliver(lane))
        return bool(self._flying)

    async def _deliver(self, lane: Lane) -> None:
        """Try the first event of a lane."""
        since = lane.since or workflow.time()
        is_to_blame = bool(lane.tries) and since <= self._took_at  # others were taken meanwhile
        is_last = is_to_blame and workflow.time() - since >= PATIENCE_SECONDS
        asked = DeliverEvent(endpoint=self._endpoint, position=lane.positions[0], is_last=is_last)
        try:
            done = await self._caller.attempt(WebhookActivities.deliver, asked, DELIVER, "deliver an event")
            self._status.clear_need(STEP)
        except (FailedStep, RefusedStep) as failure:  # of our own; it holds this lane alone
            done = Delivery(outcome="failed", fault=failure.message[:FAULT_CHARS_MAX])
            self._status.raise_need(STEP, Reason.OUTAGE, done.fault)
        del self._flying[lane.name]
        self._landed += 1
        if done.outcome == "not-on":
            self._woken = True
        elif done.outcome == "taken":
            self._take(lane)
        else:
            self._fail(lane, since, done, is_last=is_last)

    def _take(self, lane: Lane) -> None:
        self._delivered += 1
        self._pop(lane)
        if self._failures >= FAILING_AFTER:  # it is back: what waits need wait no longer
            self._wake_lanes()
        self._forget_failures()
        self._took_at = workflow.time()
        self._status.set_stage("delivering", f"{self._delivered} events delivered; {len(self._lanes)} purchases wait.")

    def _fail(self, lane: Lane, since: float, done: Delivery, *, is_last: bool) -> None:
        now = workflow.time()
        self._failures += 1
        if self._first_failed_at is None:
            self._first_failed_at = now
        if self._failing_since is None and since > self._took_at:  # else the event alone is to blame
            self._failing_since = now
        if done.outcome == "gone":
            self._failing_since = now - PATIENCE_SECONDS
        if is_last:
            self._pop(lane)
        else:
            tries = lane.tries + 1
            waiting = {"tries": tries, "since": since, "due": now + pause_since(tries, since)}
            self._lanes[lane.name] = lane.model_copy(update=waiting)
        if self._failures >= FAILING_AFTER:
            self._quiet_until = now + pause_since(self._failures - FAILING_AFTER + 1, self._first_failed_at)
        stage = "retrying" if self._failures >= FAILING_AFTER else "delivering"
        self._status.set_stage(stage, f"The receiver failed {self._failures} times in a row: {done.fault}.")

    def _forget_failures(self) -> None:
        self._failures, self._first_failed_at, self._failing_since = 0, None, None

    def _pop(self, lane: Lane) -> None:
        rest = lane.positions[1:]
        if rest:
            self._lanes[lane.name] = Lane(name=lane.name, positions=rest)
        else:
            del self._lanes[lane.name]

    async def _end_if_hopeless(self) -> None:
        """Switch the endpoint off once nothing has reached it for three days; what was missed stays due."""
        if self._failing_since is None or workflow.time() - self._failing_since < PATIENCE_SECONDS:
            return
        self._switch = "failing"
        workflow.logger.error("webhook endpoint %s failed for days and is switched off", self._endpoint.endpoint_id)

    async def _wait_for_a_switch(self) -> None:
        """Wait until the endpoint is switched on or deleted, or an operator decides; then begin where it stopped."""
        name = self._endpoint.endpoint_id
        self._status.set_stage("switched-off", f"Endpoint {name} failed for days; its events wait.")
        self._status.raise_need(SWITCHED_OFF, Reason.ENDPOINT_FAILING, f"{name} has taken nothing for three days")
        self._lanes.clear()
        await self._wait(workflow.time() + PAUSE_SECONDS_MAX)  # a signal may be lost: it looks by itself, too
        self._forget_failures()
        self._seen, self._quiet_until = None, 0.0

    async def _wait(self, until: float) -> None:
        """Sleep until a time, or until there is news of the endpoint."""
        pause = timedelta(seconds=max(until - workflow.time(), 0.0))
        if await self._rest(pause, "before the next try"):
            self._wake_lanes()

    def _wake_lanes(self) -> None:
        self._quiet_until = 0.0
        self._lanes = {name: lane.model_copy(update={"due": 0.0}) for name, lane in self._lanes.items()}

    def _look_now(self) -> None:
        """Try now; an endpoint that was switched off after failing is switched on for it."""
        super()._look_now()
        if self._status.stage == "switched-off":
            self._switch = "on"

    @operator_act(GIVE_UP, lambda self: self._cannot_give_up())
    def give_up(self, _: GiveUp) -> Outcome:
        """Leave an endpoint off that failed for days; its tenant can switch it on."""
        return self._leave_off

    def _cannot_give_up(self) -> str | None:
        return (
            None if self._status.stage == "switched-off" and not self._is_over else "the endpoint is not switched off"
        )

    async def _leave_off(self) -> str:
        self._switch, self._woken = "operator", True
        if not self._history.ends:  # else the next run switches it
            await self._history.until(lambda: self._switch is None)
        return "It stays off until its tenant switches it on; what it missed is sent then."
