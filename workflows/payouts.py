"""OnboardingWorkflow, TransfersWorkflow, PayoutWorkflow: bring a venue's money to its bank."""

import asyncio
from datetime import timedelta
from typing import NamedTuple, cast

from pydantic import Field
from temporalio import workflow

from activities.core.commands import Command, PurchaseRef
from activities.core.task_queues import PURCHASES
from activities.payouts.ports import AccountStatus, PayoutRef, VenueRef
from activities.payouts.transfers import PayoutActivities
from domain.payouts.connected_account import DueQuery
from workflows.core.activity_calls import STORE_REGULAR, STRIPE_POLICY, ActivityCaller, OperatorAlerts, RefusedStep
from workflows.core.operator_status import OperatorStatus
from workflows.core.task_queue import workflow_on

AT_ONCE = 8


class OnboardingInput(Command):
    """A venue to be paid, and the interval at which Stripe is polled about its account."""

    venue: VenueRef
    poll_seconds: float


@workflow_on(PURCHASES, name="OnboardingWorkflow")
class OnboardingWorkflow:
    """Creates the venue's connected account and waits until it can receive transfers and payouts."""

    @workflow.init
    def __init__(self, start: OnboardingInput) -> None:
        self._venue = start.venue
        self._news = False
        self._looks, self._over = 0, False
        self._account: AccountStatus | None = None
        self._status = OperatorStatus("connecting")
        self._caller = ActivityCaller(OperatorAlerts(self._status.set_problem))

    @workflow.run
    async def run(self, start: OnboardingInput) -> AccountStatus:
        """Return the account once it is complete; a later change starts another run."""
        self._status.set_stage("connecting", "Makes the venue's account at Stripe.")
        await self._caller.call(
            PayoutActivities.connect_account, self._venue, STRIPE_POLICY, "make the account", forward_only=True
        )
        account = await self._look()
        while not account.is_ready:
            self._status.set_stage("onboarding", f"Waits for the venue: Stripe asks for {account.asked_for} things.")
            await self._wait(start.poll_seconds)
            account = await self._look()
        self._status.set_stage("ready", f"Shares can be sent to {account.account_id}.")
        self._over = True  # nobody looks any more: who asks now gets what was seen last
        await workflow.wait_condition(workflow.all_handlers_finished)
        return account

    async def _look(self) -> AccountStatus:
        self._news = False  # signals from here on need another look
        self._account = await self._caller.call(
            PayoutActivities.look_at_account, self._venue, STRIPE_POLICY, "look at the account", forward_only=True
        )
        self._looks += 1
        return self._account

    async def _wait(self, seconds: float) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._news, timeout=timedelta(seconds=seconds), timeout_summary="before Stripe is asked again"
            )
        except TimeoutError:
            return

    @workflow.signal(name="account_changed")
    def account_changed(self) -> None:
        """Look at the account now: its capabilities have changed."""
        self._news = True

    @workflow.update(name="look")
    async def look(self) -> AccountStatus:
        """Return the account's status, with a fresh onboarding link where details are missing."""
        looks = self._looks
        self._news = True
        await workflow.wait_condition(lambda: self._looks > looks or self._over)
        return cast(AccountStatus, self._account)


class TransfersInput(Command):
    """When shares are due, and the totals of earlier runs of the same round."""

    delay_seconds: int
    minimum_minor: int
    page: int = 100
    after: str = ""
    sent: dict[str, int] = Field(default_factory=dict)
    orders: int = 0
    refused: int = 0


class TransfersResult(Command):
    """The totals of a round: orders, sum per currency, transfers refused for now."""

    orders: int
    sent: dict[str, int]
    refused: int


class _Step(NamedTuple):
    """The outcome of one order."""

    sent: dict[str, int]
    refused: int


@workflow_on(PURCHASES, name="TransfersWorkflow")
class TransfersWorkflow:
    """Sends due shares; a refused one waits for the next round."""

    @workflow.init
    def __init__(self, start: TransfersInput) -> None:
        self._totals = start
        self._status = OperatorStatus("sending")
        self._caller = ActivityCaller(OperatorAlerts(self._status.set_problem))

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
            if len(page) < start.page:
                return TransfersResult(orders=self._totals.orders, sent=self._totals.sent, refused=self._totals.refused)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._totals)

    async def _send(self, orders: list[PurchaseRef]) -> None:
        steps = await asyncio.gather(*(self._send_one(order) for order in orders))
        sent = dict(self._totals.sent)
        for step in steps:
            for currency, amount in step.sent.items():
                sent[currency] = sent.get(currency, 0) + amount
        refused = self._totals.refused + sum(step.refused for step in steps)
        done = self._totals.orders + len(orders) - sum(step.refused for step in steps)
        self._totals = self._totals.model_copy(
            update={"after": orders[-1].purchase_id, "sent": sent, "orders": done, "refused": refused}
        )
        self._status.set_stage("sending", f"Sent the shares of {done} orders ({sent}); {refused} were refused for now.")

    async def _send_one(self, order: PurchaseRef) -> _Step:
        try:
            sent = await self._caller.call(
                PayoutActivities.transfer_share, order, STRIPE_POLICY, f"send the share of {order.purchase_id}"
            )
        except RefusedStep:
            return _Step({}, 1)
        return _Step({sent.currency: sent.amount_minor}, 0)


@workflow_on(PURCHASES, name="PayoutWorkflow")
class PayoutWorkflow:
    """Posts the state of a payout from Stripe to a venue's bank."""

    @workflow.init
    def __init__(self, start: PayoutRef) -> None:
        self._start = start
        self._status = OperatorStatus("payout")
        self._caller = ActivityCaller(OperatorAlerts(self._status.set_problem))

    @workflow.run
    async def run(self, start: PayoutRef) -> str:
        """Return the payout's state."""
        self._status.set_stage("payout", f"Follows payout {start.payout_id} of {start.account_id}.")
        seen = await self._caller.call(
            PayoutActivities.follow_payout, self._start, STRIPE_POLICY, "ask how the payout stands", forward_only=True
        )
        self._status.set_stage("followed", f"It is {seen}.")
        return seen
