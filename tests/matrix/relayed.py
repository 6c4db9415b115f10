"""A stage whose workflow is ended by force: the relay brings it back, over read models of the world's events."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from psycopg.sql import Identifier
from psycopg.types.json import Jsonb
from temporalio import activity
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.core.commands import DisputeRef
from activities.core.follow_ups import FollowUpCommands, Matter
from activities.payouts.ports import PayoutRef
from activities.sales.request_purchase import PurchaseCommands
from adapters.postgres.connections import Pool
from adapters.postgres.webhooks import PostgresDeliveries
from adapters.read_models.documents import DocumentBatch, OutgoingLine
from adapters.read_models.pending.follow_up import RelayQueries
from adapters.read_models.projection import KEEP_DOCUMENT, KEEP_OUTGOING
from adapters.read_models.purchase import fold
from domain.core.errors import Refusal
from domain.payments.webhook_event import WebhookEvent
from relay.each import Each
from relay.follow_ups import FollowUps
from relay.relay import Relay
from relay.workflow_client import Timeouts, WorkflowClient
from tests.fakes.event_store import FakeEventStore
from tests.fakes.letter_box import MemoryLetters
from tests.fakes.time_skipping import release_time
from tests.matrix.faults import Faults
from tests.matrix.stage import LOOK_SECONDS, Stage
from tests.relay.gauge import Gauge
from workflows.core.task_queue import RESTARTED_BY, SCHEDULE
from workflows.outgoing.letters import LetterWorkflow
from workflows.payment_case import CaseInput
from workflows.payouts import OnboardingInput
from workflows.purchase import PurchaseWorkflow
from workflows.stock.ticket_api_hold import HoldWorkflow

RUNNING = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
OPEN_TASK = {f"workflow_task_{so_far}_event_attributes" for so_far in ("scheduled", "started")}
Moment = Literal["before", "after", "waiting"]
PATIENCE_SECONDS = 30  # of a bank that decides, and so of the relay
BACK_WITHIN = timedelta(seconds=20)
HELD_WITHIN = timedelta(seconds=180)  # the hold, that patience, and the relay's own
QUEUED_WITHIN = timedelta(seconds=720)  # an order without a checkout has the queue's deadline in the hold's place
HOLDING = {PurchaseWorkflow, HoldWorkflow}  # the relay begins them anew only after the hold
QUIET_LOOKS = 60


class Force(Faults):
    """Stops at the first call of one activity, before or after its effect, until the workflow is ended by force.

    With `waiting` the activity fails with a bug until then, so that its workflow waits for the next round.
    """

    def __init__(self, name: str = "", moment: Moment = "before") -> None:
        super().__init__(name)
        self.moment = moment
        self.workflow_id = ""
        self.is_over = False

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Forced(next, self)


class _Forced(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, force: Force) -> None:  # noqa: A002
        super().__init__(next)
        self._force = force

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        force, info = self._force, activity.info()
        force.ran.append(info.activity_type)
        force.busy += 1
        try:
            if force.is_over or info.activity_type != force.name:
                return await self.next.execute_activity(input)
            force.workflow_id = str(info.workflow_id)
            if force.moment == "waiting":
                raise ArithmeticError("a bug")
            if force.moment == "after":
                with suppress(Refusal):  # a refusal is an effect as well
                    await self.next.execute_activity(input)
            force.stood.set()
            await force.gone.wait()
            raise ArithmeticError("nobody waits for it any more")
        finally:
            force.busy -= 1


class FoldedWork:
    """Keeps the documents of a fake event store's events in PostgreSQL, where the relay's own queries read them."""

    def __init__(self, store: FakeEventStore, pool: Pool, told: Sequence[OutgoingLine]) -> None:
        self._store, self._pool, self._told = store, pool, told
        self._kept = 0
        self._batch = DocumentBatch(lambda kind, identity: None)
        self._position = 0

    async def catch_up(self) -> None:
        """Fold the new events and store what they changed."""
        events = self._store.log[self._position :]
        for position, event in enumerate(events, start=self._position + 1):
            fold(self._batch, event, position)
        self._position += len(events)
        await self._keep_told()
        if events:
            async with self._pool.connection() as connection:
                for kind, identity, document in self._batch.changed():
                    await connection.execute(
                        KEEP_DOCUMENT.format(table=Identifier(f"rm_{kind}")), (identity, Jsonb(document))
                    )

    async def _keep_told(self) -> None:
        """Store the outgoing events that the scene gives, and go on to the last one."""
        new = self._told[self._kept :]
        self._kept += len(new)
        async with self._pool.connection() as connection:
            for line in new:
                await connection.execute(KEEP_OUTGOING, (*line[:-1], Jsonb(line.sent)))
                await connection.execute("UPDATE rm_position SET position = %s", (line.position,))


class _Stalled(RelayQueries):
    """The relay's queries; letters wait in the world's memory."""

    def __init__(self, pool: Pool, letters: MemoryLetters) -> None:
        super().__init__(pool)
        self._letters = letters

    async def due_letters(self, at: datetime) -> list[str]:
        return await self._letters.due_letters(at)


class _NoWebhooks:
    async def unsignalled(self, limit: int) -> list[WebhookEvent]:
        return []

    async def mark(self, event_id: str) -> None:
        raise AssertionError(f"nobody has sent {event_id}")


class RelayedStage(Stage):
    """A stage with the relay, which begins once the workflow is ended by force; `site` is the wait to end it at."""

    seconds_max = 180.0  # the relay asks a database at each step

    def __init__(self, server: WorkflowEnvironment, force: Force, pool: Pool, kind: type, site: str = "") -> None:
        super().__init__(server, force)
        self.world.processing_extension_seconds = PATIENCE_SECONDS
        self.world.deliveries = PostgresDeliveries(pool)
        self._force, self._kind, self._site = force, kind, site
        self.then: Callable[[], object] = lambda: None  # happens when the workflow was ended
        self._work = FoldedWork(self.world.store, pool, self.world.told)
        self._stalled = _Stalled(pool, self.world.letters)
        self._records = FollowUpCommands(self.world.store)
        engine = WorkflowClient(self.client, Timeouts(5, self.world.poll_seconds, PATIENCE_SECONDS))
        purchases, each = PurchaseCommands(self.world.store), Each(Gauge(), self._seconds)
        self._relay = Relay(
            engine,
            _NoWebhooks(),
            self._stalled,
            purchases,
            FollowUps(engine, self._records, purchases, self._stalled, each, clock=self._seconds, now=self._now),
            each,
            longest_extension=timedelta(seconds=PATIENCE_SECONDS),
            roots_every_seconds=0,
            sends_letters=kind is LetterWorkflow,
            clock=self._seconds,
            now=self._now,
        )

    def _seconds(self) -> float:
        return self.skipped.total_seconds()

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.skipped

    async def begin(self, workflow_id: str, run: Any, start: Any) -> WorkflowHandle[Any, Any]:
        """Start the workflow; a matter at Stripe is recorded before, as its news is."""
        if (matter := _matter_of(start)) is not None:
            await self._records.open_follow_up(matter)
        await self._work.catch_up()
        return await super().begin(workflow_id, run, start)

    async def _disturb(self) -> None:
        """End the workflow by force once its activity stands."""
        await self._force.stood.wait()
        await self.strike(self._force.workflow_id)

    async def _waits(self, handle: WorkflowHandle[Any, Any]) -> list[str]:
        """Return the summaries of the timers that the workflow has started and that are neither due nor cancelled."""
        timers: dict[int, str] = {}
        async for event in handle.fetch_history_events():
            if event.HasField("timer_started_event_attributes"):
                timers[event.event_id] = event.user_metadata.summary.data.decode()
            timers.pop(event.timer_fired_event_attributes.started_event_id, None)
            timers.pop(event.timer_canceled_event_attributes.started_event_id, None)
        return list(timers.values())

    async def _has_open_task(self, handle: WorkflowHandle[Any, Any]) -> bool:
        """Return whether a run was ended in the middle of a workflow task, as in a local activity."""
        last = None
        async for event in handle.fetch_history_events():
            kind = event.WhichOneof("attributes") or ""
            last = kind if kind.startswith("workflow_task_") else last
        return last in OPEN_TASK

    async def strike(self, workflow_id: str) -> None:
        """Terminate the workflow, as an operator does."""
        described = await self.client.get_workflow_handle(workflow_id).describe()
        assert described.workflow_type == self._kind.__name__
        self.ended = self.client.get_workflow_handle(workflow_id, run_id=described.run_id)
        running = [one for one in described.raw_description.pending_activities if one.state == RUNNING]
        await self.ended.terminate("by an operator")
        await release_time(self.server, len(running) + await self._has_open_task(self.ended))
        self._force.is_over = True
        self._force.gone.set()
        self.then()

    async def step(self) -> None:
        """Move the clock; end the workflow by force where it waits, and let the relay look at what is left."""
        is_there = self._site and self.ended is None and self._force.is_quiet
        if is_there and self.handle is not None and any(self._site in one for one in await self._waits(self.handle)):
            await self.strike(self.handle.id)
        await super().step()
        if self.ended is not None or self._force.is_over:
            await self.relay()

    async def relay(self) -> None:
        """Let the relay do all its tasks once."""
        await self._work.catch_up()
        await self._relay.tick()

    async def rest(self) -> None:
        """Let the relay work, and time pass, until nothing is left, for a while at most."""
        for _ in range(QUIET_LOOKS):
            await self.relay()
            if not await self.left():
                return
            await asyncio.sleep(LOOK_SECONDS)
            await self.step()

    async def end(self) -> Any:
        """Wait for the workflow's result; for that of the next run, if it was ended by force and came back.

        With nothing left to begin, at any time, it never comes back.
        """
        result = await super().end()
        if self.ended is None or self.handle is None or self.ended.id != self.handle.id:
            return result
        limit = self.skipped + self._back_within
        while self.skipped < limit and not getattr(self._kind, RESTARTED_BY).startswith(SCHEDULE):
            if (await self.client.get_workflow_handle(self.ended.id).describe()).run_id != self.ended.run_id:
                self.handle = self.client.get_workflow_handle(self.ended.id)
                return await super().end()
            if not await self.left():
                return None
            await asyncio.sleep(LOOK_SECONDS)
            for _ in range(9 if self._back_within == QUEUED_WITHIN else 0):  # the relay need not look so often
                await super().step()
            await self.step()
        return None

    @property
    def _back_within(self) -> timedelta:
        """The time until the relay begins the workflow anew, at the latest."""
        if self._kind not in HOLDING:
            return BACK_WITHIN
        return HELD_WITHIN if self.world.price_minor else QUEUED_WITHIN

    async def left(self) -> dict[str, Sequence[Any]]:
        """Return everything that the relay would still begin, at any time from now on."""
        await self._work.catch_up()
        ever, stalled = self._now() + timedelta(days=3650), self._stalled
        found: dict[str, Sequence[Any]] = {
            "requested": await stalled.requested(ever, 10),
            "unfinished": await stalled.unfinished(ever, 10),
            "cancelling": await stalled.cancelling(10),
            "refunding": await stalled.refunding(ever, 10),
            "shows": await stalled.cancelling_shows(ever, 10),
            "claims": await stalled.unclaimed(ever, 10),
            "trees": await stalled.waiting_trees(ever, 10),
            "holds": await stalled.overdue(ever, 10),
            "groups": await stalled.tokenless(ever, 10),
            "capacities": await stalled.changing_capacity(10),
            "deliveries": await stalled.due_endpoints(10),
            "follow-ups": await stalled.open_follow_ups("", ever, 10),
        }
        if self._kind is LetterWorkflow:
            found["letters"] = await stalled.due_letters(ever)
        return {what: work for what, work in found.items() if work}


def _matter_of(start: Any) -> Matter | None:
    """Return the matter at Stripe that a workflow follows, from its input; None if it follows none."""
    match start:
        case DisputeRef():
            return Matter(kind="dispute", subject_id=start.dispute_id, **start.purchase.model_dump())
        case CaseInput():
            place = {"show_id": "sh", "venue_id": start.venue_id}
            return Matter(kind="payment-case", subject_id=start.intent_id, **start.purchase.model_dump(), **place)
        case PayoutRef():
            owner = {"tenant_id": "default", "venue_id": "ve", "account_id": start.account_id}
            return Matter(kind="payout", subject_id=start.subject_id, **owner)
        case OnboardingInput():
            return Matter(kind="onboarding", subject_id=start.venue.venue_id, **start.venue.model_dump())
    return None
