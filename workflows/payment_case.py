"""PaymentCaseWorkflow: money that came for a purchase that has ended is given back; never dropped."""

from temporalio import workflow

from activities.commands import Command, PurchaseRef
from activities.payments import PaymentActivities
from workflows.operators import Board
from workflows.rounds import STRIPE_PACE, Attention, Caller


class CaseInput(Command):
    """The purchase that has ended, and the intent that has news."""

    purchase: PurchaseRef
    intent_id: str


@workflow.defn(name="PaymentCaseWorkflow")
class PaymentCaseWorkflow:
    """Looks at the late payment and makes sure that we do not keep it."""

    @workflow.init
    def __init__(self, start: CaseInput) -> None:
        self._start = start
        self._board = Board("late-payment")
        self._caller = Caller(Attention(self._board.trouble))

    @workflow.run
    async def run(self, start: CaseInput) -> str:
        """Give the money back, or find that there is none; returns how the intent stands."""
        self._board.show("late-payment", f"News of {start.intent_id} came after the purchase had ended.")
        seen = await self._caller.call(
            PaymentActivities.resolve_late_payment,
            start.purchase,
            STRIPE_PACE,
            "cancel or refund the late payment",
            forward_only=True,
        )
        self._board.show("resolved", f"Nothing is owed: {seen}.")
        return seen
