"""Plays a schedule: the world of fakes, with faults at its activities and people who act meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.core.task_queues import PURCHASES
from domain.core.errors import RefundExceeds, Refusal, WrongState
from domain.core.ids import DEFAULT_TENANT
from domain.orders.order import Order
from relay.workflow_client import UNREACHABLE
from tests.fakes import token_chain
from tests.fakes.identity import purchase_id_of
from tests.fakes.time_skipping import skipping_time
from tests.fakes.world import SagaWorld
from tests.property.saga_operator import Operator
from tests.property.saga_schedules import Act, Chain, Schedule, Trouble
from tests.property.saga_script import Clock, Script, TroubledEventStore
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.purchase import PurchaseInput, PurchaseWorkflow

KEY = "key"
RUNS_MAX = 8
PATIENCE_SECONDS = 60
CHAIN_TROUBLE: dict[Chain, tuple[token_chain.Verb, Trouble]] = {
    "send before": ("send", "before"),
    "send after": ("send", "after"),
    "sign after": ("sign", "after"),
    "read before": ("read_token", "before"),
    "fate before": ("fate", "before"),
}
ENDED = {"fulfilled", "cancelled", "refused"}
SOLD = {"confirmed", "fulfilled"}


class Stage:
    """One purchase in a world of its own, on a time-skipping server."""

    def __init__(self, server: WorkflowEnvironment, schedule: Schedule, start: datetime) -> None:
        self.schedule = schedule
        clock = Clock(start)
        self._store = TroubledEventStore(clock, schedule)
        self.world = SagaWorld(server, self._store)
        self.world.price_minor = schedule.price_minor
        minting = "on_claim" if schedule.on_claim else "each"
        self.world.show_terms |= {"minting": minting, "resell_refunded": schedule.resells}
        self.script = self.world.gates = Script(schedule, clock, self)
        self._client = server.client
        self.operator = Operator(self.world, server.client)
        self._purchase_id = purchase_id_of(DEFAULT_TENANT, KEY)
        self._posts: list[asyncio.Task[None]] = []
        self._late_news = 0
        self._looks_left: int | None = None

    @property
    def purchase(self) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle_for(PurchaseWorkflow.run, f"purchase/{self._purchase_id}")

    async def play(self) -> str:
        """Play the schedule to its end; assert the invariants and no unexpected error. Return its state."""
        async with self.world.running():
            await self.world.open_show(self.schedule.hold_seconds, self.schedule.capture_method)
            self._set_faults()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    async with skipping_time(self.world.server):  # never nested: no activity would stop the clock
                        await self._post(self.schedule.quantity)
                    if self._store.load(Order.stream(self._purchase_id)) is None:
                        return await self._refused_at_once()
                    await self._end()
                    self.script.over.set()
                    await asyncio.gather(*self.script.late)
                    if self.schedule.runs_again:
                        await self._run_again()
                        await self._end()
                    await self._resolve_late_payments()
                    if self.schedule.given_back and self.sold():
                        with suppress(RefundExceeds):  # an operator's act has refunded all of it
                            await self.world.decide_refund(KEY)
                    await self._give_back()
                    await asyncio.gather(*self.operator.at_work)
            finally:
                for task in (*self._posts, *self.script.late, *self.operator.at_work):
                    task.cancel()
        assert self.script.surprises == []
        await self.world.check_invariants()
        return (await self.world.order(KEY)).state

    async def _refused_at_once(self) -> str:
        """Assert that a refused request recorded nothing, started nothing and holds nothing."""
        assert self.script.calls.total() == 0
        await self.world.check_invariants()
        return "refused"

    def sold(self) -> bool:
        """Whether the order is sold: a refusal by a rule comes before that."""
        order: Any = self._store.load(Order.stream(self._purchase_id))
        return order is not None and bool(order.is_sold)

    def _set_faults(self) -> None:
        """Set the faults within activities."""
        self._store.troubled = True
        gateway = self.world.gateway
        gateway.search_lags = self.schedule.search_lags
        if self.schedule.uncovered:
            gateway.refuse("refund_intent", "insufficient_funds")
        for call, trouble in self.schedule.stripe:
            (gateway.fail_before if trouble == "before" else gateway.fail_after)(call)
        chain = self.world.chain
        for event in self.schedule.chain:
            if event == "dropped":
                chain.drop_sends()
            elif event == "expired":
                chain.drop_sends()
                chain.expire()
            else:
                verb, when = CHAIN_TROUBLE[event]
                (chain.fail_before if when == "before" else chain.fail_after)(verb)

    async def act(self, name: str, call: int, when: str) -> None:
        """Run the actions that the schedule has at this call."""
        self._decide_slow_payment(name, when)
        if name == "pay_refund" and call > self.schedule.uncovered:
            self.world.gateway.allow("refund_intent")
        for deed in self.schedule.operated:
            if (deed.on, deed.at, deed.call, deed.when) == (activity.info().workflow_type, name, call, when):
                await self.operator.begin(deed, activity.info().workflow_id or "")
        for act in self.schedule.acts:
            if (act.at, act.call, act.when) == (name, call, when):
                await self._perform(act)

    def _decide_slow_payment(self, name: str, when: str) -> None:
        if self._looks_left is None or when == "after" or name not in {"look_at_intent", "cancel_payment"}:
            return
        self._looks_left -= 1
        if self._looks_left <= 0:
            self._looks_left = None
            for intent in list(self.world.gateway.intents.values()):
                if intent.status == "processing":
                    self.world.gateway.finish_processing(intent.intent_id, succeed=self.schedule.slow[1])

    async def _perform(self, act: Act) -> None:
        match act.what:
            case "pay" | "decline" | "pay slowly":
                self._pay(act.what)
                await self._signal(PurchaseWorkflow.look_again, act)
            case "buyer cancels":
                with suppress(Refusal):
                    await self.world.purchases.request_cancel(self._purchase_id)
                    await self._signal(PurchaseWorkflow.buyer_cancelled, act)
            case "operator cancels":
                await _send(self.purchase.cancel())
            case "post again":
                self._posts.append(asyncio.create_task(self._post(self.schedule.quantity)))
            case "post another":
                self._posts.append(asyncio.create_task(self._post(self.schedule.quantity + 1)))

    def _pay(self, how: str) -> None:
        """Pay every intent that can still be paid, as the browser does."""
        gateway = self.world.gateway
        for intent_id in list(gateway.intents):
            with suppress(WrongState):
                if how == "pay slowly":
                    gateway.pay(intent_id, "pm_usBankAccount")
                    self._looks_left = self.schedule.slow[0]
                else:
                    gateway.pay(intent_id, "pm_card_visa" if how == "pay" else "pm_card_chargeDeclined")

    async def _signal(self, signal: Callable[..., Any], act: Act) -> None:
        self._late_news += act.news == "late"
        for _ in range({"told": 1, "twice": 2}.get(act.news, 0)):
            await _send(self.purchase.signal(signal))

    async def _post(self, quantity: int) -> None:
        """Request the purchase as the API does: an ended one is answered from its events, another body is refused."""
        try:
            await self.world.request(KEY, quantity)
            if (await self.world.order(KEY)).state not in ENDED:
                await self.world.buy(self._client, KEY, quantity)
        except (Refusal, *UNREACHABLE):
            return

    async def _end(self) -> None:
        """Wait for the end as the relay does: a purchase with neither end nor workflow is started again."""
        for _ in range(RUNS_MAX):
            await self._closed()
            if (await self.world.order(KEY)).state in ENDED:
                return
            await self._run_again()
        raise AssertionError(f"the purchase has not ended after {RUNS_MAX} runs")

    async def _run_again(self) -> None:
        start = PurchaseInput(purchase=await self.world.ref(KEY), show_id="sh", poll_seconds=30)
        existing = WorkflowIDConflictPolicy.USE_EXISTING
        await self._client.start_workflow(
            PurchaseWorkflow.run, start, id=self.purchase.id, task_queue=PURCHASES, id_conflict_policy=existing
        )

    async def _closed(self) -> None:
        """Wait until the purchase's workflow is closed, for any reason."""
        while (await self.purchase.describe()).status == WorkflowExecutionStatus.RUNNING:
            async with skipping_time(self.world.server):
                with suppress(WorkflowFailureError):
                    await self.purchase.result()

    async def _resolve_late_payments(self) -> None:
        """Resolve payments whose webhooks come after the end."""
        if self._late_news == 0 or (await self.world.order(KEY)).state in SOLD:
            return
        for intent_id in list(self.world.gateway.intents):
            await self._client.execute_workflow(
                PaymentCaseWorkflow.run,
                CaseInput(purchase=await self.world.ref(KEY), intent_id=intent_id),
                id=f"payment-case/{intent_id}",
                task_queue=PURCHASES,
            )

    async def _give_back(self) -> None:
        """Run the refunds that were decided to their ends, and wait for what lands late of them."""
        for refund in await self.world.start_refunds(self._client):
            async with skipping_time(self.world.server):
                await self._client.get_workflow_handle(refund.id).result()
        await asyncio.gather(*self.script.late)


async def _send(call: Any) -> None:
    """Send to the workflow; ignore that it is not running."""
    with suppress(RPCError):
        await call
