"""The next build of the purchase, for roll-outs in tests: it reads the payment once more before it waits."""

from typing import Any

from temporalio import workflow

from activities.core.commands import PaymentStatus, PlacedOrder
from activities.payments.intent import PaymentActivities
from workflows.core.patches import Patch
from workflows.core.saga import step
from workflows.purchase import PurchaseInput, PurchaseResult, PurchaseWorkflow

LOOK_AT_ONCE = Patch("look-at-once")


@workflow.defn(name="PurchaseWorkflow")
class FlaggedPurchase(PurchaseWorkflow):
    """The change behind its patch flag."""

    @workflow.init
    def __init__(self, start: PurchaseInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: PurchaseInput) -> PurchaseResult:
        return await super().run(start)

    def changed(self) -> bool:
        return LOOK_AT_ONCE.on()

    async def _await_payment(self, order: PlacedOrder, seen: PaymentStatus) -> None:
        if self.changed():
            look: Any = PaymentActivities.look_at_intent
            seen = await step(self._stripe(look, self._purchase, "ask Stripe at once"))
        await super()._await_payment(order, seen)


@workflow.defn(name="PurchaseWorkflow")
class CarelessPurchase(FlaggedPurchase):
    """The same change without its flag."""

    @workflow.init
    def __init__(self, start: PurchaseInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: PurchaseInput) -> PurchaseResult:
        return await super().run(start)

    def changed(self) -> bool:
        return True
