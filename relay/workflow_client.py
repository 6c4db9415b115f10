"""Temporal client of the API and the relay: start and signal workflows.

A purchase is answered by update-with-start within a time box. The relay repeats every other call from the events, so
an unreachable engine never fails a request.
"""

import asyncio
import logging
from collections import deque
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.core.commands import CapacityChange, DisputeRef, HoldRef, MintSubject, PurchaseRef, RefundRef
from activities.core.follow_ups import Matter
from activities.core.task_queues import PURCHASES
from activities.payouts.ports import PayoutRef, VenueRef
from workflows.capacity import CapacityWorkflow
from workflows.core.operator_status import attributes
from workflows.dispute import DisputeWorkflow
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.payouts import OnboardingInput, OnboardingWorkflow, PayoutWorkflow
from workflows.purchase import TASK_TIMEOUT, CheckoutAnswer, PurchaseInput, PurchaseWorkflow
from workflows.refund import RefundInput, RefundWorkflow
from workflows.show_cancellation import ShowCancellationInput, ShowCancellationWorkflow
from workflows.ticket_api_hold import HoldWorkflow
from workflows.tokens.registration import RegisterInput, ShowWorkflow, VenueWorkflow

log = logging.getLogger(__name__)
UNREACHABLE = (
    RPCError,
    RPCTimeoutOrCancelledError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowAlreadyStartedError,
    TimeoutError,
    RuntimeError,  # what a lazy client raises when it cannot connect
)
CONSUME_SECONDS = 0.1
LATER_MAX = 5_000
USE_EXISTING = WorkflowIDConflictPolicy.USE_EXISTING


class Timeouts(NamedTuple):
    """Limits of calls to the engine: time box, polling, longest extension, checkouts in flight, polling of accounts."""

    timebox_seconds: float
    poll_seconds: float
    processing_extension_seconds: int
    checkouts_in_flight_max: int = 32
    account_poll_seconds: float = 3600


class WorkflowClient:
    """Starts and signals workflows; the client may be lazy."""

    def __init__(self, client: Client, pacing: Timeouts) -> None:
        self._client = client
        self._pacing = pacing
        self._opening = 0
        self._later: deque[tuple[PurchaseRef, str, str]] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open_purchase(self, purchase: PurchaseRef, show_id: str, venue_id: str) -> CheckoutAnswer | None:
        """Start the purchase if needed and wait for its checkout; None when the engine did not answer in time.

        At most `checkouts_in_flight_max` are waited for; the others open later, in order of arrival. That queue is in
        memory: the relay starts the purchases of a lost process.
        """
        if self._opening >= self._pacing.checkouts_in_flight_max:
            if self._opening and len(self._later) < LATER_MAX:
                self._later.append((purchase, show_id, venue_id))
            return None
        self._opening += 1
        try:
            return await self._open_purchase(purchase, show_id, venue_id)
        finally:
            self._opening -= 1
            self._open_next()

    def _open_next(self) -> None:
        if self._later:
            task = asyncio.create_task(self.open_purchase(*self._later.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open_purchase(self, purchase: PurchaseRef, show_id: str, venue_id: str) -> CheckoutAnswer | None:
        start = WithStartWorkflowOperation(
            PurchaseWorkflow.run, self._input(purchase, show_id), **_terms(purchase, show_id, venue_id)
        )
        seconds = self._pacing.timebox_seconds
        try:
            async with asyncio.timeout(seconds):
                answer: CheckoutAnswer = await self._client.execute_update_with_start_workflow(
                    "open_checkout",
                    result_type=CheckoutAnswer,
                    id=f"{purchase.purchase_id}:{purchase.attempt}",
                    start_workflow_operation=start,
                    rpc_timeout=timedelta(seconds=seconds),
                )
        except UNREACHABLE as error:
            log.warning("Temporal did not answer for %s: %s", purchase.purchase_id, type(error).__name__)
            await _consume_exception(start)
            return None
        return answer

    async def start_purchase(self, purchase: PurchaseRef, show_id: str, venue_id: str) -> bool:
        """Start the purchase unless it runs; False when the engine is unreachable."""
        terms = _terms(purchase, show_id, venue_id)
        seconds = self._pacing.timebox_seconds
        return await started(self._client, seconds, PurchaseWorkflow.run, self._input(purchase, show_id), **terms)

    async def register(self, subject: MintSubject) -> bool:
        """Start the registration of a venue or a show; False when the engine is unreachable."""
        run = VenueWorkflow.run if subject.kind == "venue" else ShowWorkflow.run
        return await self._start(
            run,
            RegisterInput(subject=subject),
            f"{subject.kind}/{subject.subject_id}",
            f"Registers {subject.kind} {subject.subject_id} on chain",
        )

    async def watch_hold(self, hold: HoldRef) -> bool:
        """Start the expiry of a hold of the ticket API; False when the engine is unreachable."""
        return await self._start(
            HoldWorkflow.run, hold, f"hold/{hold.reservation_id}", f"Ends hold {hold.reservation_id} at its time"
        )

    async def follow(self, matter: Matter, *, is_news: bool) -> bool:
        """Start the workflow that follows a matter, unless it runs; tell it of news. False when unreachable."""
        run, start, summary, signal = self._follower(matter)
        news = {"start_signal": signal} if is_news and signal else {}
        return await self._start(run, start, matter.workflow_id, summary, **news)

    def _follower(self, matter: Matter) -> tuple[Any, Any, str, str]:
        """Return a matter's workflow, its input, its summary, and the signal that tells it of news."""
        subject, owner = matter.subject_id, {"tenant_id": matter.tenant_id}
        purchase = PurchaseRef(**owner, purchase_id=matter.purchase_id, attempt=matter.attempt)
        match matter.kind:
            case "payment-case":
                again = self._input(purchase, matter.show_id)
                case = CaseInput(purchase=purchase, intent_id=subject, again=again, venue_id=matter.venue_id)
                return PaymentCaseWorkflow.run, case, f"Payment {subject} for purchase {purchase.purchase_id}", ""
            case "dispute":
                dispute = DisputeRef(purchase=purchase, dispute_id=subject)
                return DisputeWorkflow.run, dispute, f"Dispute of purchase {purchase.purchase_id}", "look_again"
            case "payout":
                payout_id, _, event_id = subject.partition("/")
                payout = PayoutRef(account_id=matter.account_id, payout_id=payout_id, event_id=event_id)
                return PayoutWorkflow.run, payout, f"Payout {payout_id}", ""
            case "onboarding":
                venue = VenueRef(**owner, venue_id=subject)
                onboarding = OnboardingInput(venue=venue, poll_seconds=self._pacing.account_poll_seconds)
                return OnboardingWorkflow.run, onboarding, f"Stripe account of venue {subject}", "account_changed"

    async def start_refund(self, refund: RefundRef) -> bool:
        """Start a decided refund, unless it runs; False when the engine is unreachable."""
        return await self._start(
            RefundWorkflow.run,
            RefundInput(refund=refund, poll_seconds=self._pacing.poll_seconds),
            f"refund/{refund.refund_id}",
            f"Refund for purchase {refund.purchase.purchase_id}",
        )

    async def start_cancellation(self, tenant_id: str, show_id: str) -> bool:
        """Start the refunds of a cancelled show, unless they run; False when the engine is unreachable."""
        start = ShowCancellationInput(tenant_id=tenant_id, show_id=show_id, poll_seconds=self._pacing.poll_seconds)
        return await self._start(
            ShowCancellationWorkflow.run, start, f"show-cancellation/{show_id}", f"Gives cancelled show {show_id} back"
        )

    async def cancellation_news(self, show_id: str) -> bool | None:
        """Signal a show's cancellation that its terms have changed; answers as `look_again`."""
        return await self._signal(f"show-cancellation/{show_id}", "look_again")

    async def refund_news(self, refund_id: str) -> bool | None:
        """Signal a refund to look at Stripe; answers as `look_again`."""
        return await self._signal(f"refund/{refund_id}", "look_again")

    async def change_capacity(self, change: CapacityChange) -> bool:
        """Start a change of a show's capacities; False when the engine is unreachable."""
        return await self._start(
            CapacityWorkflow.run,
            change,
            f"capacity/{change.show_id}/{change.number}",
            f"Changes the capacity of show {change.show_id}",
        )

    async def look_again(self, purchase_id: str) -> bool | None:
        """Signal a purchase to look at its payment; False when it has ended or never existed, None when unreachable."""
        return await self._signal(f"purchase/{purchase_id}", "look_again")

    async def buyer_cancelled(self, purchase_id: str) -> bool | None:
        """Signal a purchase that its buyer cancelled; answers as `look_again`."""
        return await self._signal(f"purchase/{purchase_id}", "buyer_cancelled")

    async def hold_ended(self, reservation_id: str) -> bool | None:
        """Signal a hold's workflow that the hold ended earlier; answers as `look_again`."""
        return await self._signal(f"hold/{reservation_id}", "hold_ended")

    def _input(self, purchase: PurchaseRef, show_id: str) -> PurchaseInput:
        return PurchaseInput(
            purchase=purchase,
            show_id=show_id,
            poll_seconds=self._pacing.poll_seconds,
            processing_extension_seconds=self._pacing.processing_extension_seconds,
        )

    async def _start(self, run: Any, start: Any, workflow_id: str, summary: str, **more: Any) -> bool:
        return await started(
            self._client, self._pacing.timebox_seconds, run, start, **named(workflow_id, summary), **more
        )

    async def _signal(self, workflow_id: str, name: str) -> bool | None:
        try:
            async with asyncio.timeout(self._pacing.timebox_seconds):
                await self._client.get_workflow_handle(workflow_id).signal(name)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            log.warning("%s could not be signalled: %s", workflow_id, error.status.name)
            return None
        except (TimeoutError, RuntimeError) as error:
            log.warning("%s could not be signalled: %s", workflow_id, type(error).__name__)
            return None
        return True


def named(workflow_id: str, summary: str) -> dict[str, Any]:
    """Return the start options of a workflow that may run already."""
    return {
        "id": workflow_id,
        "task_queue": PURCHASES,
        "id_conflict_policy": USE_EXISTING,
        "static_summary": summary,
    }


async def started(client: Client, seconds: float, run: Any, start: Any, **terms: Any) -> bool:
    """Start a workflow within a time box; False when the engine is unreachable."""
    try:
        async with asyncio.timeout(seconds):
            await client.start_workflow(run, start, **terms)
    except UNREACHABLE as error:
        log.warning("a workflow could not be started: %s", type(error).__name__)
        return False
    return True


def _terms(purchase: PurchaseRef, show_id: str, venue_id: str) -> dict[str, Any]:
    """Return the start options of a purchase, the same for the buyer's call and the relay."""
    return {
        **named(f"purchase/{purchase.purchase_id}", f"Purchase for show {show_id}"),
        "task_timeout": TASK_TIMEOUT,
        "search_attributes": attributes("reserving", show_id, venue_id),
    }


async def _consume_exception(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Consume the error that the library keeps in a failed start, or asyncio would log it."""
    kept = asyncio.ensure_future(start.workflow_handle())
    await asyncio.wait({kept}, timeout=CONSUME_SECONDS)
    kept.cancel()
    await asyncio.gather(kept, return_exceptions=True)
