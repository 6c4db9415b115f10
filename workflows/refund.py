"""RefundWorkflow: a decided refund, from void tickets to burnt tokens and money that has arrived."""

import contextlib
from datetime import timedelta
from functools import partial
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.core.acts import PAY_BY_HAND, PayByHand
from activities.core.commands import Command, MintTicket, PayRefund, RefundRef, RefundStatus
from activities.core.task_queues import PURCHASES
from activities.payouts.transfers import PayoutActivities
from activities.refunds.cancel_show import CancelledOrder, ShowCancellationActivities
from activities.refunds.pay_refund import RefundActivities
from activities.refunds.resale import ResaleActivities
from activities.tokens.burn import BurnActivities
from workflows.core import patches
from workflows.core.activity_calls import MINT_POLICY, STORE, STRIPE_POLICY
from workflows.core.acts import Outcome, operator_act, refuse
from workflows.core.operated import ToldOfNews
from workflows.core.reasons import Reason
from workflows.core.saga import drain, gather_all
from workflows.core.task_queue import workflow_on

MONEY = "pay_refund"
TRIED_AGAIN = frozenset({"failed", "uncovered"})
POLL_GROWS = 2
POLL_SECONDS_MAX = 3600
ENDING_SECONDS_MAX = 600.0


class RefundInput(Command):
    """A decided refund, or an order of a cancelled show that is still to be decided.

    A pending one that lasts longer than `patience_seconds` is shown to an operator. `report_to` is the id of
    the workflow that gets its progress.
    """

    refund: RefundRef | None
    order: CancelledOrder | None = None
    report_to: str = ""
    poll_seconds: float = 30
    patience_seconds: int = 86_400
    uncovered_seconds: int = 300


def _purchase_of(start: RefundInput) -> str:
    """Return the id of the purchase that the refund is of."""
    known = start.order or start.refund
    return known.purchase.purchase_id if known is not None else ""


class RefundReport(Command):
    """Progress of a refund for the workflow that started it: ended, waiting, or uncovered."""

    purchase_id: str
    outcome: Literal["refunded", "nothing", "waits", "uncovered"]


@workflow_on(PURCHASES, name="RefundWorkflow", owner="purchase", stage="deciding", restarted_by="start refunds")
class RefundWorkflow(ToldOfNews):
    """Gives money back and burns tokens side by side; the money waits for the settlement of the sale."""

    @workflow.init
    def __init__(self, start: RefundInput) -> None:
        super().__init__(_purchase_of(start))
        self._start = start
        self._retry = False
        self._by_hand: PayByHand | None = None
        self._paid = False
        self._only_look = False
        self._look_seconds = start.poll_seconds
        self._reported = ""
        self._tokens_left = 0

    @workflow.run
    async def run(self, start: RefundInput) -> str:
        """Give everything back; a pending refund waits for the bank, a failed one for an operator."""
        refund = start.refund
        if start.order is not None:
            refund = await drain(self._decided(start.order))
        if refund is None:
            self._status.set_stage("ended", "Nothing is to be given back.")
            await drain(self._report("nothing"))
            await self._finish()
            return "nothing"
        self._status.set_stage("refunding", "Gives the money back, burns the tokens.", refund.amount_minor)
        self._tokens_left = len(refund.ticket_ids)
        works = [self._give_back(refund), self._take_back(refund)]
        works += [self._burn(refund, ticket_id) for ticket_id in refund.ticket_ids]
        works += [self._resell(refund)] if refund.resells else []
        await drain(gather_all(*works))
        while self._woken and patches.REFUND_HEEDS_NEWS.on():  # it may have failed since it succeeded
            await drain(self._give_back(refund))
        if refund.in_cash:
            self._status.set_stage("at-till", "The till pays the cash, and a clerk says so; no token is left.")
        else:
            self._status.set_stage("refunded", "The buyer has the money, and no token is left.")
        await drain(self._report("refunded"))
        await self._finish()
        return "refunded"

    def _look_now(self) -> None:
        """Try a failed refund again; look at any other."""
        self._retry = self._status.stage in TRIED_AGAIN
        self._woken = not self._retry

    def _cannot_pay_by_hand(self) -> str | None:
        if self._status.stage not in TRIED_AGAIN:
            return f"the refund is {self._status.stage}, and Stripe may still pay it; only a failed one is paid by hand"
        return "another payment by hand is being recorded" if self._by_hand is not None else None

    @operator_act(PAY_BY_HAND, _cannot_pay_by_hand)
    def pay_by_hand(self, act: PayByHand) -> Outcome:
        """End the refund as paid another way, unless it turns out to be under way at Stripe."""
        self._by_hand = act
        return self._outcome_by_hand

    async def _outcome_by_hand(self) -> str:
        await self._history.until(lambda: self._by_hand is None)
        if not self._paid:
            refuse(f"the payment by hand is not recorded: the refund is {self._status.stage} by now; look again")
        return "The buyer is owed nothing more."

    async def _decided(self, order: CancelledOrder) -> RefundRef | None:
        """Decide an order of a cancelled show, after its purchase has ended."""
        seconds = 1.0
        while True:
            self._woken = False
            fate = await self._caller.call(
                ShowCancellationActivities.decide_order,
                order,
                STORE,
                "decide the order",
                forward_only=True,
            )
            if fate.kind == "disputed":
                self._status.set_stage("disputed", "The buyer's bank decides about the payment first.")
                await self._report("waits")
                await self._wait(POLL_SECONDS_MAX)
                self._history.check()
                continue
            if fate.kind != "ending":
                return fate.refund
            self._status.set_stage("ending", "The purchase comes to its end first.")
            await workflow.sleep(seconds, summary="until the purchase has ended")
            self._history.check()
            seconds = min(seconds * POLL_GROWS, ENDING_SECONDS_MAX)

    async def _report(self, outcome: Literal["refunded", "nothing", "waits", "uncovered"]) -> None:
        """Report progress to the workflow that started the refund; a closed one reads the events."""
        if not self._start.report_to or self._start.order is None or outcome == self._reported:
            return
        self._reported = outcome
        news = RefundReport(purchase_id=self._start.order.purchase.purchase_id, outcome=outcome)
        with contextlib.suppress(FailureError):
            await workflow.get_external_workflow_handle(self._start.report_to).signal("refund_news", news)

    async def _give_back(self, refund: RefundRef) -> None:
        turn = await self._post(refund)
        if refund.in_cash or not refund.amount_minor:
            self._woken = False
            return
        began, poll_seconds = workflow.now(), self._start.poll_seconds
        while (seen := await self._pay(refund, turn)).status != "succeeded":
            if seen.status == "failed":
                await self._wait_for_retry(seen)
                turn, began, poll_seconds = seen.turn + 1, workflow.now(), self._start.poll_seconds
                continue
            if self._only_look:  # a person has made it in the dashboard
                self._only_look = False
                self._status.clear_need(MONEY)
            if workflow.now() - began >= timedelta(seconds=self._start.patience_seconds):
                since = began.isoformat(timespec="seconds")
                self._status.raise_need(MONEY, Reason.REFUND_PENDING, f"Stripe has had the refund since {since}")
            self._status.set_stage("pending", "Stripe has the refund, the bank has not confirmed it.")
            await self._report("waits")
            await self._wait(poll_seconds)
            self._history.check()
            poll_seconds = min(poll_seconds * POLL_GROWS, POLL_SECONDS_MAX)
        self._status.clear_need(MONEY)

    async def _post(self, refund: RefundRef) -> int:
        method, summary = RefundActivities.post_refund, "post what the buyer is owed"
        return await self._caller.call(method, refund, STORE, summary, forward_only=True)

    async def _take_back(self, refund: RefundRef) -> None:
        """Reverse the venue's part where it was sent already; the buyer's money does not wait for it."""
        await self._caller.call(
            PayoutActivities.reverse_share, refund, STRIPE_POLICY, "take the venue's part back", forward_only=True
        )

    async def _pay(self, refund: RefundRef, turn: int) -> RefundStatus:
        self._woken = False
        by_hand = self._by_hand
        reference, operator = (by_hand.reference, by_hand.operator) if by_hand is not None else ("", "")
        pay = PayRefund(refund=refund, turn=turn, by_hand=reference, operator=operator, only_look=self._only_look)
        method, summary = RefundActivities.pay_refund, "give the money back"
        before = partial(self._post, refund)
        seen = await self._caller.call(method, pay, STRIPE_POLICY, summary, forward_only=True, before=before)
        if by_hand is not None:
            self._by_hand, self._paid = None, seen.status == "succeeded"
        return seen

    async def _wait_for_retry(self, seen: RefundStatus) -> None:
        """Wait until our balance may cover the refund again, or until an operator acts.

        Meanwhile look whether a person has made it in Stripe's dashboard: at each event, and from time to time.
        """
        reason = Reason.REFUND_UNCOVERED if seen.uncovered else Reason.REFUND_FAILED
        self._status.raise_need(MONEY, reason, str(seen.failure))
        looks = patches.REFUND_HEEDS_NEWS.on()
        timeout: timedelta | None
        if seen.uncovered:
            self._status.set_stage("uncovered", "Our balance at Stripe does not cover the refund.")
            timeout, summary = timedelta(seconds=self._start.uncovered_seconds), "until our balance may cover it"
        else:
            self._status.set_stage("failed", "The refund failed, and the buyer is still owed.")
            timeout = timedelta(seconds=self._look_seconds) if looks else None
            summary = "next look whether it was made elsewhere"
            self._look_seconds = min(self._look_seconds * POLL_GROWS, POLL_SECONDS_MAX)
        await self._report("uncovered" if seen.uncovered else "waits")
        await self._rest(
            timeout,
            summary,
            lambda: self._retry or self._by_hand is not None or (looks and self._woken) or self._history.ends,
        )
        self._history.check()
        tries = self._retry or self._by_hand is not None or (seen.uncovered and not self._woken)
        self._only_look = looks and not tries
        is_retried, self._retry = self._retry, False
        if not self._only_look:
            self._status.clear_need(MONEY)
        if is_retried and patches.ACTS_END.on():  # an act that was meant for the failed refund is refused from here on
            self._status.set_stage("refunding", "It is tried again.")

    async def _wait(self, seconds: float) -> None:
        await self._rest(seconds, "next look at the refund", lambda: self._woken or self._history.ends)

    async def _burn(self, refund: RefundRef, ticket_id: str) -> None:
        burn = MintTicket(purchase=refund.purchase, ticket_id=ticket_id)
        await self._caller.call(
            BurnActivities.burn_ticket, burn, MINT_POLICY, f"burn the token of {ticket_id}", forward_only=True
        )
        self._tokens_left -= 1

    async def _resell(self, refund: RefundRef) -> None:
        """Put the seats on sale again once no token is left; nothing waits for it."""
        await workflow.wait_condition(lambda: not self._tokens_left or self._history.ends)
        if self._tokens_left:
            return  # the next run does it
        await self._caller.call(
            ResaleActivities.resell_seats, refund, MINT_POLICY, "put the seats on sale again", forward_only=True
        )
