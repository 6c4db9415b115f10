"""PaymentCaseWorkflow: a payment that no purchase waits for buys the seats after all, or is given back."""

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.core.acts import BEAR_EXCESS, RESOLVE_CASE, BearExcess, ResolveCase
from activities.core.commands import Command, LatePayment, PurchaseRef
from activities.core.task_queues import PURCHASES
from activities.payments.late_payments import OPEN, OWED, SOLD, LatePaymentActivities
from domain.core.ids import order_ref_of
from workflows.core.activity_calls import STRIPE_POLICY, RefusedStep
from workflows.core.acts import Effect, Outcome, operator_act
from workflows.core.operated import Watching
from workflows.core.reasons import Reason
from workflows.core.saga import drain
from workflows.core.search_attributes import inherited
from workflows.core.task_queue import first_stage_of, workflow_on
from workflows.purchase import TASK_TIMEOUT, PurchaseInput, PurchaseWorkflow

RESOLVED = "resolved-by-operator"
ENDS = {
    SOLD: "It belongs to a sale.",
    OWED: "The money is owed to its buyer; refunds give it back.",
    RESOLVED: "An operator knows that no money comes of it.",
}
PAUSE_SECONDS = 2.0
PAUSE_GROWS = 2
PAUSE_SECONDS_MAX = 900.0


class CaseInput(Command):
    """The purchase, the intent that has changed, and the input to resume the purchase with."""

    purchase: PurchaseRef
    intent_id: str
    again: PurchaseInput | None = None
    venue_id: str = ""


@workflow_on(
    PURCHASES, name="PaymentCaseWorkflow", owner="purchase", stage="late-payment", restarted_by="resume follow-ups"
)
class PaymentCaseWorkflow(Watching):
    """Looks at the payment until it belongs to a sale, is cancelled, or is owed to its buyer.

    A cancel has no effect: money is never dropped.
    """

    @workflow.init
    def __init__(self, start: CaseInput) -> None:
        super().__init__(start.purchase.purchase_id)
        self._start = start
        self._bears_excess = ""

    @workflow.run
    async def run(self, start: CaseInput) -> str:
        """Resolve the payment; return the outcome."""
        self._status.set_stage("late-payment", f"Payment {start.intent_id} has changed, and no purchase waits for it.")
        seen = await drain(self._resolved())
        await self._end("resolved", ENDS.get(seen, f"No money can come of it: {seen}."))
        return seen

    async def _resolved(self) -> str:
        try:
            return await self._looked_at()
        except RefusedStep:
            return RESOLVED

    async def _looked_at(self) -> str:
        pause, taken_up = PAUSE_SECONDS, False
        while isinstance(seen := await self._look(), PurchaseRef) or seen == OPEN:
            if isinstance(seen, PurchaseRef) and not taken_up:
                taken_up = True
                self._status.set_stage("late-payment", "The payment buys the seats: the purchase goes on with it.")
                await self._take_up(seen)
            self._woken = False
            await self._rest(pause, "until the purchase is decided")
            self._history.check()
            pause = min(pause * PAUSE_GROWS, PAUSE_SECONDS_MAX)
        return seen

    def _cannot_resolve(self) -> str | None:
        if all(need.reason != Reason.REFUSED for need in self._status.needs):
            return "Stripe tells how the payment stands; nothing is left to an operator"
        return self._cannot_retry()

    @operator_act(RESOLVE_CASE, _cannot_resolve)
    def resolve_case(self, _: ResolveCase) -> Effect:
        """End the case: no money comes of the payment."""
        return Effect(self._give_up_looking, {"intent_id": self._start.intent_id})

    async def _give_up_looking(self) -> str:
        self._caller.give_up(RefusedStep(RESOLVED, "an operator resolved the case"), "resolve_late_payment")
        return ""

    def _cannot_bear(self) -> str | None:
        if all(need.reason != Reason.REFUND_EXCESS for need in self._status.needs):
            return "no refund in Stripe's dashboard exceeds what was owed"
        return self._cannot_retry()

    @operator_act(BEAR_EXCESS, _cannot_bear)
    def bear_excess(self, act: BearExcess) -> Outcome:
        """Let the next look book the excess."""
        self._bears_excess = act.operator
        self._caller.retry_now()
        return "The next look, which is now, books the excess as the platform's loss."

    async def _look(self) -> PurchaseRef | str:
        method, summary = LatePaymentActivities.resolve_late_payment, "keep, cancel or refund the late payment"
        seen = await self._caller.call(method, self._late, STRIPE_POLICY, summary, forward_only=True)
        self._bears_excess = ""
        return seen

    def _late(self) -> LatePayment:
        own = {"intent_id": self._start.intent_id, "operator": self._bears_excess}
        return LatePayment(**self._start.purchase.model_dump(), **own, bears_excess=bool(self._bears_excess))

    async def _take_up(self, purchase: PurchaseRef) -> None:
        """Start the purchase again unless it runs; without its input the relay does so later."""
        again = self._start.again
        if again is None:
            return
        try:
            await workflow.start_child_workflow(
                PurchaseWorkflow.run,
                again.model_copy(update={"purchase": purchase}),
                id=f"purchase/{purchase.purchase_id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                task_timeout=TASK_TIMEOUT,
                search_attributes=inherited(first_stage_of(PurchaseWorkflow)),
                static_summary=f"Purchase {order_ref_of(purchase.purchase_id)} goes on with a late payment",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("the purchase is at work")
