"""The workflows as another version has them: under a patch flag, each activity is called after a pause of its own."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

from activities.core.commands import CapacityChange, DisputeRef, HoldRef, Minted
from activities.payouts.ports import AccountStatus, PayoutRef
from workflows.capacity import CapacityWorkflow
from workflows.core.activity_calls import ActivityCaller
from workflows.core.patches import Patch
from workflows.dispute import DisputeWorkflow
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.payouts import (
    OnboardingInput,
    OnboardingWorkflow,
    PayoutWorkflow,
    TransfersInput,
    TransfersResult,
    TransfersWorkflow,
)
from workflows.purchase import PurchaseInput, PurchaseResult, PurchaseWorkflow
from workflows.refund import RefundInput, RefundWorkflow
from workflows.registration import RegisterInput, ShowWorkflow, VenueWorkflow
from workflows.show_cancellation import ShowCancellationInput, ShowCancellationWorkflow
from workflows.ticket_api_hold import HoldWorkflow

FLAG = Patch("matrix-pause")


def _paused(caller: ActivityCaller) -> ActivityCaller:
    call = caller.call

    async def paused(*args: Any, **named: Any) -> Any:
        if FLAG.on():
            await workflow.sleep(timedelta(milliseconds=1))
        return await call(*args, **named)

    caller.call = paused  # type: ignore[method-assign]  # the pause is for this instance
    return caller


@workflow.defn(name="PurchaseWorkflow")
class NextPurchase(PurchaseWorkflow):
    """The next version of a purchase."""

    @workflow.init
    def __init__(self, start: PurchaseInput) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: PurchaseInput) -> PurchaseResult:
        return await super().run(start)


@workflow.defn(name="VenueWorkflow")
class NextVenue(VenueWorkflow):
    """The next version of a venue's registration."""

    @workflow.init
    def __init__(self, start: RegisterInput) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: RegisterInput) -> Minted:
        return await super().run(start)


@workflow.defn(name="ShowWorkflow")
class NextShow(ShowWorkflow):
    """The next version of a show's registration."""

    @workflow.init
    def __init__(self, start: RegisterInput) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: RegisterInput) -> Minted:
        return await super().run(start)


@workflow.defn(name="HoldWorkflow")
class NextHold(HoldWorkflow):
    """The next version of a hold."""

    @workflow.init
    def __init__(self, start: HoldRef) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: HoldRef) -> str:
        return await super().run(start)


@workflow.defn(name="PaymentCaseWorkflow")
class NextCase(PaymentCaseWorkflow):
    """The next version of a payment case."""

    @workflow.init
    def __init__(self, start: CaseInput) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: CaseInput) -> str:
        return await super().run(start)


@workflow.defn(name="RefundWorkflow")
class NextRefund(RefundWorkflow):
    """The next version of a refund."""

    @workflow.init
    def __init__(self, start: RefundInput) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: RefundInput) -> str:
        return await super().run(start)


@workflow.defn(name="ShowCancellationWorkflow")
class NextCancellation(ShowCancellationWorkflow):
    """The next version of a show's cancellation."""

    @workflow.init
    def __init__(self, start: ShowCancellationInput) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: ShowCancellationInput) -> str:
        return await super().run(start)


@workflow.defn(name="OnboardingWorkflow")
class NextOnboarding(OnboardingWorkflow):
    """The next version of a venue's account."""

    @workflow.init
    def __init__(self, start: OnboardingInput) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: OnboardingInput) -> AccountStatus:
        return await super().run(start)


@workflow.defn(name="TransfersWorkflow")
class NextTransfers(TransfersWorkflow):
    """The next version of a round of transfers."""

    @workflow.init
    def __init__(self, start: TransfersInput) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: TransfersInput) -> TransfersResult:
        return await super().run(start)


@workflow.defn(name="PayoutWorkflow")
class NextPayout(PayoutWorkflow):
    """The next version of a look at a payout."""

    @workflow.init
    def __init__(self, start: PayoutRef) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: PayoutRef) -> str:
        return await super().run(start)


@workflow.defn(name="CapacityWorkflow")
class NextCapacity(CapacityWorkflow):
    """The next version of a change of capacities."""

    @workflow.init
    def __init__(self, start: CapacityChange) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: CapacityChange) -> str:
        return await super().run(start)


@workflow.defn(name="DisputeWorkflow")
class NextDispute(DisputeWorkflow):
    """The next version of a dispute."""

    @workflow.init
    def __init__(self, start: DisputeRef) -> None:
        super().__init__(start)
        self._caller = _paused(self._caller)

    @workflow.run
    async def run(self, start: DisputeRef) -> str:
        return await super().run(start)


NEXT_VERSION: list[type] = [
    NextPurchase, NextVenue, NextShow, NextHold, NextCase, NextRefund, NextCancellation,
    NextOnboarding, NextTransfers, NextPayout, NextCapacity, NextDispute,
]  # fmt: skip
