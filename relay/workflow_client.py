"""Temporal client of the API and the relay: start and signal workflows.

A purchase is answered by update-with-start within a time box. The relay repeats every other call from the events, so
an unreachable engine never fails a request.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
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

from activities.access.webhooks.deliver import EndpointRef
from activities.core.about import About
from activities.core.commands import (
    CapacityChange,
    DisputeRef,
    HoldRef,
    MintSubject,
    MintTicket,
    PurchaseRef,
    RefundRef,
    TreeRef,
)
from activities.core.follow_ups import Matter
from activities.core.task_queues import PURCHASES
from activities.core.traces import in_trace_of
from activities.payouts.ports import PayoutRef, VenueRef
from workflows.core.search_attributes import PURCHASE_ID, shown_as
from workflows.core.task_queue import first_stage_of
from workflows.dispute import DisputeWorkflow
from workflows.outgoing.deliveries import DeliveryInput, DeliveryWorkflow
from workflows.outgoing.letters import LettersInput, LetterWorkflow
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.payouts import OnboardingInput, OnboardingWorkflow, PayoutWorkflow
from workflows.purchase import TASK_TIMEOUT, CheckoutAnswer, PurchaseInput, PurchaseWorkflow
from workflows.refund import RefundInput, RefundWorkflow
from workflows.show_cancellation import ShowCancellationInput, ShowCancellationWorkflow
from workflows.stock.capacity import CapacityWorkflow
from workflows.stock.ticket_api_hold import HoldWorkflow
from workflows.tokens.claim import ClaimWorkflow
from workflows.tokens.registration import RegisterInput, ShowWorkflow, VenueWorkflow
from workflows.tokens.roots import RootsInput, RootsWorkflow

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
CROWD = 64  # callers in line within half a second
YIELD_SECONDS = 5.0  # the longest that a crowd keeps a buyer who holds seats waiting
USE_EXISTING = WorkflowIDConflictPolicy.USE_EXISTING


class Timeouts(NamedTuple):
    """Limits of calls to the engine: time box, polling, longest extension, checkouts in flight, polling of accounts."""

    timebox_seconds: float
    poll_seconds: float
    processing_extension_seconds: int
    checkouts_in_flight_max: int = 32
    account_poll_seconds: float = 3600


class WorkflowClient:
    """Starts and signals workflows; the client may be lazy. `crowd` counts who had to wait in line just now."""

    def __init__(self, client: Client, pacing: Timeouts, crowd: Callable[[], int] = lambda: 0) -> None:
        self._client = client
        self._pacing = pacing
        self._crowd = crowd
        self._opening = 0
        self._later: deque[tuple[float, PurchaseRef, About]] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open_purchase(self, purchase: PurchaseRef, about: About) -> CheckoutAnswer | None:
        """Start the purchase if needed and wait for its checkout; None when the engine did not answer in time.

        At most `checkouts_in_flight_max` are waited for, and one while a crowd is at the door (decision 0089); others
        open later, in order of arrival. That queue is in memory: the relay starts the purchases of a lost process.
        """
        if self._opening >= self._at_once():
            if self._opening and len(self._later) < LATER_MAX:
                self._later.append((time.monotonic(), purchase, about))
            return None
        self._opening += 1
        return await self._open_within(purchase, about)

    async def _open_within(self, purchase: PurchaseRef, about: About) -> CheckoutAnswer | None:
        """Open a checkout that is counted as under way already, and begin the next ones after it."""
        try:
            with in_trace_of(about.purchase_id):
                return await self._open_purchase(purchase, about)
        finally:
            self._opening -= 1
            self._open_next()

    def _at_once(self) -> int:
        """Return how many checkouts may be under way."""
        most = self._pacing.checkouts_in_flight_max
        waits = time.monotonic() - self._later[0][0] if self._later else 0.0
        return min(most, 1) if self._crowd() > CROWD and waits < YIELD_SECONDS else most

    def _open_next(self) -> None:
        """Begin as many checkouts of the line as have become free; all of them at once when a crowd has gone."""
        for _ in range(min(len(self._later), self._at_once() - self._opening)):
            _, purchase, about = self._later.popleft()
            self._opening += 1
            task = asyncio.create_task(self._open_within(purchase, about))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open_purchase(self, purchase: PurchaseRef, about: About) -> CheckoutAnswer | None:
        start = WithStartWorkflowOperation(PurchaseWorkflow.run, self._input(purchase, about.show_id), **_terms(about))
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

    async def start_purchase(self, purchase: PurchaseRef, about: About) -> bool:
        """Start the purchase unless it runs; False when the engine is unreachable."""
        start, seconds = self._input(purchase, about.show_id), self._pacing.timebox_seconds
        return await started(self._client, seconds, PurchaseWorkflow.run, start, **_terms(about))

    async def register(self, subject: MintSubject, about: About) -> bool:
        """Start the registration of a venue or a show; False when the engine is unreachable."""
        kind, run = (VenueWorkflow, VenueWorkflow.run) if subject.kind == "venue" else (ShowWorkflow, ShowWorkflow.run)
        start = RegisterInput(subject=subject)
        terms = named(kind, f"{subject.kind}/{subject.subject_id}", f"Registers a {subject.kind} on chain", about)
        return await self._start(run, start, terms)

    async def write_roots(self, tree: TreeRef, every_seconds: float, about: About) -> bool:
        """Start to write the roots of a show's tree; False when the engine is unreachable."""
        terms = named(RootsWorkflow, f"roots/{tree.show_id}", "Writes the roots of a show's tickets", about)
        return await self._start(RootsWorkflow.run, RootsInput(tree=tree, every_seconds=every_seconds), terms)

    async def start_deliveries(self, endpoint: EndpointRef, about: About) -> bool:
        """Start the deliveries to a webhook endpoint, unless they run; False when the engine is unreachable."""
        terms = named(DeliveryWorkflow, f"webhooks/{endpoint.endpoint_id}", "Webhooks", about)
        return await self._start(DeliveryWorkflow.run, DeliveryInput(endpoint=endpoint), terms)

    async def start_letters(self, sender: str) -> bool:
        """Start to send letters to buyers, unless that runs; False when the engine is unreachable."""
        terms = named(LetterWorkflow, sender, "Letters to buyers", About())
        return await self._start(LetterWorkflow.run, LettersInput(), terms)

    async def endpoint_news(self, endpoint_id: str) -> bool | None:
        """Signal the deliveries to an endpoint that it has changed; answers as `look_again`."""
        return await self._signal(f"webhooks/{endpoint_id}", "look_again")

    async def watch_hold(self, hold: HoldRef, about: About) -> bool:
        """Start the expiry of a hold of the ticket API; False when the engine is unreachable."""
        name = f"hold/{hold.reservation_id}"
        terms = named(HoldWorkflow, name, f"Ends hold {hold.reservation_id} at its time", about)
        return await self._start(HoldWorkflow.run, hold, terms)

    async def follow(self, matter: Matter, about: About, *, is_news: bool) -> bool:
        """Start the workflow that follows a matter, unless it runs; tell it of news. False when unreachable."""
        kind, run, start, what, signal = self._follower(matter, about)
        news = {"start_signal": signal} if is_news and signal else {}
        return await self._start(run, start, {**named(kind, matter.workflow_id, what, about), **news})

    def _follower(self, matter: Matter, about: About) -> tuple[type, Any, Any, str, str]:
        """Return a matter's workflow, its method, its input, its summary, and the signal that tells it of news."""
        subject, owner = matter.subject_id, {"tenant_id": matter.tenant_id}
        purchase = PurchaseRef(**owner, purchase_id=matter.purchase_id, attempt=matter.attempt)
        match matter.kind:
            case "payment-case":
                again = self._input(purchase, about.show_id)
                case = CaseInput(purchase=purchase, intent_id=subject, again=again, venue_id=about.venue_id)
                return PaymentCaseWorkflow, PaymentCaseWorkflow.run, case, "Late payment of", ""
            case "dispute":
                dispute = DisputeRef(purchase=purchase, dispute_id=subject)
                return DisputeWorkflow, DisputeWorkflow.run, dispute, "Dispute of", "look_again"
            case "payout":
                payout_id, _, event_id = subject.partition("/")
                payout = PayoutRef(account_id=matter.account_id, payout_id=payout_id, event_id=event_id)
                return PayoutWorkflow, PayoutWorkflow.run, payout, f"Payout {payout_id}", ""
            case "onboarding":
                venue = VenueRef(**owner, venue_id=subject)
                start = OnboardingInput(venue=venue, poll_seconds=self._pacing.account_poll_seconds)
                what = "Stripe account of a venue"
                return OnboardingWorkflow, OnboardingWorkflow.run, start, what, "account_changed"

    async def start_claim(self, claimed: MintTicket, about: About) -> bool:
        """Start the delivery of a recorded claim, unless it runs; False when the engine is unreachable."""
        terms = named(ClaimWorkflow, f"claim/{claimed.ticket_id}", "Claim of a ticket of", about)
        return await self._start(ClaimWorkflow.run, claimed, terms)

    async def start_refund(self, refund: RefundRef, about: About) -> bool:
        """Start a decided refund, unless it runs; False when the engine is unreachable."""
        start = RefundInput(refund=refund, poll_seconds=self._pacing.poll_seconds)
        terms = named(RefundWorkflow, f"refund/{refund.refund_id}", "Refund of", about)
        return await self._start(RefundWorkflow.run, start, terms)

    async def start_cancellation(self, tenant_id: str, about: About) -> bool:
        """Start the refunds of a cancelled show, unless they run; False when the engine is unreachable."""
        show_id, poll_seconds = about.show_id, self._pacing.poll_seconds
        start = ShowCancellationInput(tenant_id=tenant_id, show_id=show_id, poll_seconds=poll_seconds)
        terms = named(ShowCancellationWorkflow, f"show-cancellation/{show_id}", "Refunds a cancelled show", about)
        return await self._start(ShowCancellationWorkflow.run, start, terms)

    async def cancellation_news(self, show_id: str) -> bool | None:
        """Signal a show's cancellation that its terms have changed; answers as `look_again`."""
        return await self._signal(f"show-cancellation/{show_id}", "look_again")

    async def refund_news(self, refund_id: str) -> bool | None:
        """Signal a refund to look at Stripe; answers as `look_again`."""
        return await self._signal(f"refund/{refund_id}", "look_again")

    async def change_capacity(self, change: CapacityChange, about: About) -> bool:
        """Start a change of a show's capacities; False when the engine is unreachable."""
        name = f"capacity/{change.show_id}/{change.number}"
        return await self._start(
            CapacityWorkflow.run, change, named(CapacityWorkflow, name, "Changes the capacity", about)
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

    async def _start(self, run: Any, start: Any, terms: dict[str, Any]) -> bool:
        return await started(self._client, self._pacing.timebox_seconds, run, start, **terms)

    async def _signal(self, workflow_id: str, name: str) -> bool | None:
        kind, _, identity = workflow_id.partition("/")
        try:
            async with asyncio.timeout(self._pacing.timebox_seconds):
                with in_trace_of(identity if kind == "purchase" else ""):
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


def named(kind: type, workflow_id: str, what: str, about: About) -> dict[str, Any]:
    """Return the start options of a workflow that may run already."""
    return {
        "id": workflow_id,
        "task_queue": PURCHASES,
        "id_conflict_policy": USE_EXISTING,
        **shown_as(what, first_stage_of(kind), about),
    }


async def started(client: Client, seconds: float, run: Any, start: Any, **terms: Any) -> bool:
    """Start a workflow within a time box; False when the engine is unreachable."""
    try:
        async with asyncio.timeout(seconds):
            with in_trace_of(terms["search_attributes"].get(PURCHASE_ID) or ""):
                await client.start_workflow(run, start, **terms)
    except UNREACHABLE as error:
        log.warning("a workflow could not be started: %s", type(error).__name__)
        return False
    return True


def _terms(about: About) -> dict[str, Any]:
    """Return the start options of a purchase, the same for the buyer's call and the relay."""
    terms = named(PurchaseWorkflow, f"purchase/{about.purchase_id}", "Purchase", about)
    return {**terms, "task_timeout": TASK_TIMEOUT}


async def _consume_exception(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Consume the error that the library keeps in a failed start, or asyncio would log it."""
    kept = asyncio.ensure_future(start.workflow_handle())
    await asyncio.wait({kept}, timeout=CONSUME_SECONDS)
    kept.cancel()
    await asyncio.gather(kept, return_exceptions=True)
