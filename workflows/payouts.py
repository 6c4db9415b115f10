"""OnboardingWorkflow, TransfersWorkflow, PayoutWorkflow: bring a venue's money to its bank."""

from typing import NamedTuple

from pydantic import Field
from temporalio import workflow

from activities.core.acts import GIVE_UP, GiveUp
from activities.core.commands import Command, PurchaseRef
from activities.core.loops import each_subject
from activities.core.setbacks import Setback
from activities.core.task_queues import PURCHASES
from activities.payouts.ports import AccountStatus, PayoutRef, VenueRef
from activities.payouts.transfers import PayoutActivities
from domain.payouts.connected_account import ACCOUNT_GONE, DueQuery
from workflows.core import patches
from workflows.core.activity_calls import (
    STORE_REGULAR,
    STRIPE_POLICY,
    FailedStep,
    RefusedStep,
)
from workflows.core.acts import Outcome, operator_act, refuse
from workflows.core.operated import GIVEN_UP, Operated, Watching
from workflows.core.reasons import Reason
from workflows.core.runs.each import WorkflowEach
from workflows.core.saga import drain
from workflows.core.task_queue import workflow_on

AT_ONCE = 8
NO_ACCOUNT = AccountStatus(account_id="", may_receive=False, may_pay_out=False, asked_for=0)


class OnboardingInput(Command):
    """A venue to be paid, and the interval at which Stripe is polled about its account."""

    venue: VenueRef
    poll_seconds: float


@workflow_on(PURCHASES, name="OnboardingWorkflow", owner="venue", stage="connecting", restarted_by="resume follow-ups")
class OnboardingWorkflow(Watching):
    """Creates the venue's connected account and waits until it can receive transfers and payouts."""

    @workflow.init
    def __init__(self, start: OnboardingInput) -> None:
        super().__init__()
        self._venue = start.venue
        self._looks = 0
        self._account: AccountStatus | None = None

    @workflow.run
    async def run(self, start: OnboardingInput) -> AccountStatus:
        """Return the account once it is complete, gone or given up; a later change or request starts another run."""
        try:
            return await self._set_up(start.poll_seconds)
        except RefusedStep:
            await self._end(GIVEN_UP, "An operator gave it up: the venue's next request begins it again.")
            return self._account or NO_ACCOUNT

    async def _set_up(self, poll_seconds: float) -> AccountStatus:
        self._status.set_stage("connecting", "Makes the venue's account at Stripe.")
        await self._connect()
        account = await self._look()
        while not account.is_ready and not account.is_gone:
            self._status.set_stage("onboarding", f"Waits for the venue: Stripe asks for {account.asked_for} things.")
            await self._rest(poll_seconds, "before Stripe is asked again")
            account = await self._look()
            self._history.check()
        if account.is_gone:
            cause = f"{account.account_id} is gone: the venue must be onboarded again"
            self._status.raise_need("look_at_account", Reason.ACCOUNT_GONE, cause)
            await self._end("gone", f"Stripe no longer gives us access to {account.account_id}.")
        else:
            await self._end("ready", f"Shares can be sent to {account.account_id}.")
        return account

    async def _connect(self) -> None:
        method, summary = PayoutActivities.connect_account, "make the account"
        await self._caller.call(method, self._venue, STRIPE_POLICY, summary, forward_only=True)

    async def _look(self) -> AccountStatus:
        self._woken = False  # signals from here on need another look
        method, summary = PayoutActivities.look_at_account, "look at the account"
        self._account = await self._caller.call(
            method, self._venue, STRIPE_POLICY, summary, forward_only=True, before=self._connect
        )
        self._looks += 1
        return self._account

    @workflow.signal(name="account_changed", description="For machines: the account has changed at Stripe")
    def account_changed(self, *_: object) -> None:
        """Look at the account now: its capabilities have changed."""
        self._woken = True

    @operator_act(GIVE_UP, lambda self: self._cannot_retry())
    def give_up(self, _: GiveUp) -> Outcome:
        """Wait for the venue no more, until it asks again."""
        return lambda: self._stop_following("connect_account", "look_at_account")

    @workflow.update(name="look", description="For the API: the account's status with a fresh onboarding link")
    async def look(self, *_: object) -> AccountStatus:
        """Return the account's status, with a fresh onboarding link where details are missing."""
        looks = self._looks
        self._woken = True
        await self._history.until(lambda: self._looks > looks or self._is_over)
        if self._account is None:
            refuse("an operator gave the account up; ask again")
        return self._account


class TransfersInput(Command):
    """When shares are due, and the totals of earlier runs of the same round."""

    delay_seconds: int
    minimum_minor: int
    page: int = 100
    after: str = ""
    sent: dict[str, int] = Field(default_factory=dict)
    orders: int = 0
    refused: int = 0
    set_aside: dict[str, Setback] = Field(default_factory=dict)


class TransfersResult(Command):
    """The totals of a round: orders, sum per currency, transfers refused for now, and orders that are set aside.

    The next round of the schedule gets it, and leaves an order alone that is set aside until it is due.
    """

    orders: int
    sent: dict[str, int]
    refused: int
    set_aside: dict[str, Setback] = Field(default_factory=dict)


class _Step(NamedTuple):
    """The outcome of one order."""

    sent: dict[str, int]
    refused: int


def _last_set_aside() -> dict[str, Setback]:
    """Return the orders that the schedule's last round set aside; a run that continues one has them in its input."""
    if workflow.info().continued_run_id is not None:
        return {}
    last = workflow.get_last_completion_result(TransfersResult)
    return last.set_aside if last is not None else {}


@workflow_on(
    PURCHASES, name="TransfersWorkflow", owner="deployment", stage="sending", restarted_by="schedule transfers"
)
class TransfersWorkflow(Operated):
    """Sends due shares; a refused one waits for the next round, and one that fails is set aside."""

    @workflow.init
    def __init__(self, start: TransfersInput) -> None:
        super().__init__()
        self._totals = start
        self._from_the_start = False
        self._each = WorkflowEach(self._status, start.set_aside or _last_set_aside())

    @workflow.run
    async def run(self, start: TransfersInput) -> TransfersResult:
        """Send due shares page by page; a long round continues as a new run."""
        while True:
            due = DueQuery(
                now=workflow.now(),
                delay_seconds=start.delay_seconds,
                minimum_minor=start.minimum_minor,
                after=self._totals.after,
                limit=start.page,
            )
            page = await self._caller.call(
                PayoutActivities.list_due_transfers,
                due,
                STORE_REGULAR,
                "list the shares that are due",
                forward_only=True,
            )
            for first in range(0, len(page), AT_ONCE):
                await self._send(page[first : first + AT_ONCE])
            if self._from_the_start:
                self._from_the_start = False
                self._each.forget()
                self._totals = self._totals.model_copy(update={"after": "", "set_aside": {}})
                continue
            if len(page) < start.page:
                await self._finish()
                return TransfersResult(
                    orders=self._totals.orders,
                    sent=self._totals.sent,
                    refused=self._totals.refused,
                    set_aside=self._each.set_aside,
                )
            if workflow.info().is_continue_as_new_suggested():
                await self._drained()
                workflow.continue_as_new(self._totals)

    def _look_now(self) -> None:
        """Go over the orders again once this round has seen them all, those that are set aside among them."""
        self._from_the_start = True

    def next_input(self, start: TransfersInput) -> TransfersInput:  # noqa: ARG002 - part of the totals
        """Go on after the orders that are done."""
        return self._totals

    async def _send(self, orders: list[PurchaseRef]) -> None:
        steps = await self._each.run(self._send_one, orders)
        sent = dict(self._totals.sent)
        for step in steps:
            for currency, amount in step.sent.items():
                sent[currency] = sent.get(currency, 0) + amount
        refused = self._totals.refused + sum(step.refused for step in steps)
        done = self._totals.orders + sum(not step.refused for step in steps)
        self._totals = self._totals.model_copy(
            update={
                "after": orders[-1].purchase_id,
                "sent": sent,
                "orders": done,
                "refused": refused,
                "set_aside": self._each.set_aside,
            }
        )
        text = f"Sent the shares of {done} orders ({sent}); {refused} were refused for now"
        self._status.set_stage("sending", f"{text}, {len(self._each.set_aside)} are set aside.")

    @each_subject("send shares", lambda order: order.purchase_id)
    async def _send_one(self, order: PurchaseRef) -> _Step:
        send = self._caller.attempt if patches.SET_ASIDE.on() else self._caller.call
        summary = f"send the share of {order.purchase_id}"
        try:
            sent = await send(PayoutActivities.transfer_share, order, STRIPE_POLICY, summary)
        except RefusedStep as refusal:
            if ACCOUNT_GONE in str(refusal.details):
                raise FailedStep(refusal.message, type="failed", non_retryable=True) from refusal
            return _Step({}, 1)
        return _Step({sent.currency: sent.amount_minor}, 0)


@workflow_on(PURCHASES, name="PayoutWorkflow", owner="venue", stage="payout", restarted_by="resume follow-ups")
class PayoutWorkflow(Operated):
    """Posts the state of a payout from Stripe to a venue's bank."""

    @workflow.init
    def __init__(self, start: PayoutRef) -> None:
        super().__init__()
        self._start = start

    @workflow.run
    async def run(self, start: PayoutRef) -> str:
        """Return the payout's state, or `lost` when its account is gone."""
        self._status.set_stage("payout", f"Follows payout {start.payout_id} of {start.account_id}.")
        method, summary = PayoutActivities.follow_payout, "ask how the payout stands"
        has_end = patches.SET_ASIDE.on()
        call = self._caller.call(method, self._start, STRIPE_POLICY, summary, forward_only=not has_end)
        try:
            seen = await drain(call)  # a cancel has no effect: nobody else reads the payout
        except RefusedStep as refusal:
            await self._end("lost", f"It cannot be read, and the books stay as they are: {refusal.message}.")
            return "lost"
        await self._end("followed", f"It is {seen}.")
        return seen
