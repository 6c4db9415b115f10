"""The acts that an operator may do to a purchase, and what they change in its course."""

from datetime import datetime, timedelta

from temporalio import workflow

from activities.core.acts import (
    EXTEND_HOLD,
    FORCE_MINT,
    GIVE_UP,
    REFUND,
    RESOLVE_CASE,
    ExtendHoldAct,
    ForceMint,
    GiveUp,
    RefundSale,
    ResolveCase,
)
from activities.core.commands import PlacedOrder
from domain.core.end_reasons import OPERATOR_CANCELLED
from workflows.core.activity_calls import RefusedStep
from workflows.core.acts import Effect, Outcome, operator_act, refuse
from workflows.core.operated import ToldOfNews
from workflows.core.reasons import Reason

BEFORE_PIVOT = {"reserving", "awaiting-payment", "confirming"}
MINTING = "mint_ticket"


class PurchaseActs(ToldOfNews):
    """The base of the purchase: takes an operator's acts, each of them only where it is safe."""

    def __init__(self, purchase_id: str) -> None:
        super().__init__(purchase_id)
        self._order: PlacedOrder | None = None
        self._given_up = self._sold = False
        self._deadline: datetime | None = None  # of the present wait for the payment
        self._hold_until: datetime | None = None  # the deadline that an operator has set
        self._to_custody: set[str] = set()
        self._minted: dict[str, str] = {}

    def _cannot_retry(self) -> str | None:
        return "the purchase has ended" if self._is_over else None

    def _cannot_extend(self) -> str | None:
        is_waiting = self._status.stage == "awaiting-payment" and not self._given_up
        return None if is_waiting else "nothing waits for the buyer's payment"

    @operator_act(EXTEND_HOLD, _cannot_extend)
    def extend_hold(self, act: ExtendHoldAct) -> Effect:
        """Hold the seats for longer, and wait for the payment as long."""
        self._hold_until = max(self._deadline or workflow.now(), workflow.now()) + timedelta(minutes=act.minutes)
        self._deadline = self._hold_until
        self._woken = True
        return Effect("", {"hold_until": self._hold_until.isoformat()})

    def _cannot_give_up(self) -> str | None:
        if self._sold:
            return "the sale is made, and nothing of it can be undone; refund it instead"
        is_undone = self._given_up or self._status.stage not in BEFORE_PIVOT
        return "the purchase is being undone already" if is_undone else None

    @operator_act(GIVE_UP, _cannot_give_up)
    def give_up(self, _: GiveUp) -> Outcome:
        """End the purchase without a sale, from its next step on."""
        self._given_up = True
        self._caller.give_up(RefusedStep(OPERATOR_CANCELLED, "an operator gave it up"))
        return self._outcome_of_giving_up

    async def _outcome_of_giving_up(self) -> str:
        await self._history.until(lambda: self._sold or self._is_over)
        if self._sold:
            refuse("too late: the sale was made meanwhile; refund it instead")
        return "The purchase has ended without a sale."

    def _cannot_resolve(self) -> str | None:
        is_refused = any(need.reason == Reason.REFUSED for need in self._status.needs)
        return None if self._status.stage == "compensating" and is_refused else "Stripe does not refuse the undo"

    @operator_act(RESOLVE_CASE, _cannot_resolve)
    def resolve_case(self, _: ResolveCase) -> Effect:
        """End the purchase without another word of Stripe: no money comes of its payment."""
        return Effect(self._release_without_stripe, {"intent_id": ""})

    async def _release_without_stripe(self) -> str:
        self._caller.give_up(RefusedStep("resolved", "an operator resolved it"), "cancel_payment")
        return ""

    def _cannot_refund(self) -> str | None:
        return None if self._sold and not self._is_over else "only a sale that is not fulfilled yet is refunded here"

    @operator_act(REFUND, _cannot_refund)
    def refund(self, _: RefundSale) -> Outcome:
        """Refund the whole sale; tickets that have no token yet get none."""
        return self._outcome_of_refund

    async def _outcome_of_refund(self) -> str:
        self._caller.retry_now()
        return ""

    def _cannot_mint(self) -> str | None:
        is_refused = any(need.step == MINTING and need.reason == Reason.REFUSED for need in self._status.needs)
        return None if is_refused else "no mint is refused; an outage is waited for, or the sale is refunded"

    def _not_to_mint(self, act: ForceMint) -> str | None:
        ours = self._order is not None and act.ticket_id in self._order.ticket_ids
        return None if ours and act.ticket_id not in self._minted else f"{act.ticket_id} is no ticket that waits"

    @operator_act(FORCE_MINT, _cannot_mint, _not_to_mint)
    def force_mint(self, act: ForceMint) -> str:
        """Mint a ticket into custody from its next try on."""
        self._to_custody.add(act.ticket_id)
        self._caller.retry_now()
        return "It is minted into custody at its next try, which begins now."
