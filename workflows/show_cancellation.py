"""ShowCancellationWorkflow: refund every order of a cancelled show through a sliding window."""

from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.core.about import About
from activities.core.acts import PAUSE, RESUME, PauseCancellation, ResumeCancellation
from activities.core.commands import Command, PurchaseRef
from activities.core.task_queues import PURCHASES
from activities.refunds.cancel_show import CancelledOrder, OrdersLeft, ShowCancellationActivities, ShowPage
from domain.core.ids import order_ref_of
from workflows.core import patches
from workflows.core.activity_calls import STORE_REGULAR
from workflows.core.acts import Outcome, operator_act
from workflows.core.operated import ToldOfNews
from workflows.core.saga import drain
from workflows.core.search_attributes import inherited
from workflows.core.task_queue import first_stage_of, workflow_on
from workflows.refund import RefundInput, RefundReport, RefundWorkflow

REST_GROWS = 1.5
REST_SECONDS_MAX = 300.0


class ShowCancellationInput(Command):
    """A cancelled show, the limits, and the state that is carried from one run to the next."""

    tenant_id: str
    show_id: str
    window: int = 20
    page_size: int = 100
    starts_max: int = 400
    poll_seconds: float = 30
    uncovered_seconds: float = 300
    residue_seconds: float = 5
    stuck_seconds: float = 600
    after: str = ""
    holds_ended: bool = False
    under_way: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@workflow_on(
    PURCHASES, name="ShowCancellationWorkflow", owner="show", stage="cancelling", restarted_by="start cancellations"
)
class ShowCancellationWorkflow(ToldOfNews):
    """Starts refunds up to a number at once and a rate; waiting ones do not hold up the others.

    It keeps no counts: the events say which orders are left, and it ends when there are none.
    """

    @workflow.init
    def __init__(self, start: ShowCancellationInput) -> None:
        super().__init__()
        self._start = start
        self._after = start.after
        self._under_way = dict.fromkeys(start.under_way)
        self._waiting = dict.fromkeys(start.waiting)
        self._begun = 0
        self._uncovered = False
        self._heard = False
        self._this_second = 0
        self._pause = start.residue_seconds
        self._holds_ended = start.holds_ended

    @workflow.run
    async def run(self, start: ShowCancellationInput) -> str:
        """Refund every order exactly once; a cancel of the workflow has no effect: pause it instead."""
        return await drain(self._refund_all(start))

    async def _refund_all(self, start: ShowCancellationInput) -> str:
        """Refund the orders that are left; continue as new with the refunds under way."""
        page = ShowPage(show_id=start.show_id)
        if not start.holds_ended:
            method, summary = ShowCancellationActivities.end_open_holds, "end the open holds of outside sellers"
            await self._caller.call(method, page, STORE_REGULAR, summary, forward_only=True)
            self._holds_ended = True
        while True:
            left = await self._list_orders_left()
            for order, refund_id in left.refunds():
                await self._start_next(order, refund_id, left.rate_per_second)
                if self._woken:
                    break
            if left.orders:
                continue
            method = ShowCancellationActivities.finish_cancellation
            summary = "see whether anything is left"
            residue = await self._caller.call(method, page, STORE_REGULAR, summary, forward_only=True)
            if not residue:
                await self._end("cancelled", "Every order was given back.")
                return "finished"
            await self._wait_for_residue(residue)

    @workflow.signal(name="refund_news", description="For machines: the progress of a refund")
    def refund_news(self, *given: object) -> None:
        """Take the progress of a refund: it frees its place in the window, or waits for our balance.

        Anything else is left alone: at the next look the events say how far each refund is.
        """
        try:
            news = RefundReport.model_validate(given[0] if given else None)
        except ValidationError:
            workflow.logger.warning("refund_news without a report is left alone")
            return
        self._heard = True
        self._under_way.pop(news.purchase_id, None)
        self._waiting.pop(news.purchase_id, None)
        if news.outcome in {"waits", "uncovered"}:
            self._waiting[news.purchase_id] = None
        self._uncovered = self._uncovered or news.outcome == "uncovered"

    def _cannot_pause(self) -> str | None:
        return "the refunds are paused already" if self._status.stage == "paused" else self._cannot_retry()

    @operator_act(PAUSE, _cannot_pause)
    def pause(self, _: PauseCancellation) -> Outcome:
        """Begin no further refund."""
        return self._read_terms

    @operator_act(RESUME, lambda self: self._cannot_retry())
    def resume(self, _: ResumeCancellation) -> Outcome:
        """Begin refunds again."""
        return self._read_terms

    async def _read_terms(self) -> str:
        self._look_now()
        return ""

    async def _list_orders_left(self) -> OrdersLeft:
        """List the next orders, once the cancellation is not paused."""
        while True:
            self._woken = False
            page = ShowPage(show_id=self._start.show_id, after=self._after, limit=self._start.page_size)
            method, summary = ShowCancellationActivities.list_orders_left, "list orders that are left"
            left = await self._caller.call(method, page, STORE_REGULAR, summary, forward_only=True)
            if not left.is_paused:
                return left
            self._show("paused", "Paused: no further refund is begun.")
            await workflow.wait_condition(lambda: self._woken)

    async def _start_next(self, order: PurchaseRef, refund_id: str, rate_per_second: float) -> None:
        """Start one refund when window, balance and rate allow it."""
        if order.purchase_id not in self._under_way and order.purchase_id not in self._waiting:
            await self._wait_for_place()
            await self._wait_for_balance()
            if self._woken:
                return
            self._show("refunding", "Gives the orders back.")
            await self._start_refund(order, refund_id)
            await self._wait_for_rate(rate_per_second)
        self._after = order.purchase_id
        if self._begun >= self._start.starts_max:
            await self._continue()

    async def _wait_for_place(self) -> None:
        """Wait for a place in the window; refunds that have held theirs for long, without news, make room.

        Each of those shows to an operator why it is stuck; it counts as waiting, and the others go on.
        """
        if len(self._under_way) >= self._start.window and not self._woken and patches.SET_ASIDE.on():
            summary = "before stuck refunds make room"
            if not await self._rest(self._start.stuck_seconds, summary, self._has_place):
                self._waiting |= self._under_way
                self._under_way.clear()
        await workflow.wait_condition(self._has_place)

    def _has_place(self) -> bool:
        return len(self._under_way) < self._start.window or self._woken

    async def _wait_for_rate(self, rate_per_second: float) -> None:
        """Start a second's worth at once and then wait: timers are no finer than a second."""
        self._this_second += 1
        if self._this_second >= rate_per_second:
            await workflow.sleep(timedelta(seconds=max(1.0, 1 / rate_per_second)), summary="the rate")
            self._this_second = 0

    async def _start_refund(self, order: PurchaseRef, refund_id: str) -> None:
        cancelled = CancelledOrder(purchase=order, show_id=self._start.show_id)
        self._under_way[order.purchase_id] = None
        self._begun += 1
        child = RefundInput(
            refund=None, order=cancelled, report_to=workflow.info().workflow_id, poll_seconds=self._start.poll_seconds
        )
        try:
            await workflow.start_child_workflow(
                RefundWorkflow.run,
                child,
                id=f"refund/{refund_id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                search_attributes=inherited(first_stage_of(RefundWorkflow), About(purchase_id=order.purchase_id)),
                static_summary=f"Refund {order_ref_of(order.purchase_id)}: its show is cancelled",
            )
        except WorkflowAlreadyStartedError:  # it was begun before, and whoever did waits for it
            self._under_way.pop(order.purchase_id, None)
            self._waiting[order.purchase_id] = None

    async def _wait_for_balance(self) -> None:
        """Wait while our balance at Stripe does not cover the refunds under way."""
        if self._uncovered:
            self._show("uncovered", "Our balance at Stripe does not cover the refunds: waits, then goes on.")
            await self._rest(self._start.uncovered_seconds, "until our balance may cover it")
            self._uncovered = False

    async def _wait_for_residue(self, residue: int) -> None:
        """Wait for the refunds under way, then list the remaining orders again."""
        self._show("refunding", f"All is begun; {residue} orders are left.")
        self._heard = False
        await self._rest(self._pause, "before the next look at what is left", lambda: self._woken or self._heard)
        self._pause = min(self._pause * REST_GROWS, REST_SECONDS_MAX)
        if not self._heard:  # whoever still runs is found running at the next look, whoever is lost begins anew
            self._under_way.clear()
            self._waiting.clear()
        self._after = ""
        if workflow.info().is_continue_as_new_suggested():  # it may rest for months
            await self._continue()

    def _show(self, stage: str, text: str) -> None:
        self._status.set_stage(stage, f"{text} Under way: {len(self._under_way)}; waiting: {len(self._waiting)}.")

    async def _continue(self) -> None:
        await self._drained()
        workflow.continue_as_new(self.next_input(self._start))

    def next_input(self, start: ShowCancellationInput) -> ShowCancellationInput:
        """Go on with the refunds under way."""
        carried = {
            "after": self._after,
            "holds_ended": self._holds_ended,
            "under_way": tuple(self._under_way),
            "waiting": tuple(self._waiting),
        }
        return start.model_copy(update=carried)
