"""PurchaseWorkflow: one purchase from the request to minted tickets and a credited venue."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, TypeVar, Unpack

from pydantic import Field
from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.books.post import BooksActivities
from activities.core.commands import (
    Command,
    EndPurchase,
    ExtendHold,
    MintTicket,
    PaymentStatus,
    PlacedOrder,
    PurchaseRef,
)
from activities.core.task_queues import PURCHASES
from activities.payments.intent import PaymentActivities
from activities.sales.order import SalesActivities
from activities.tokens.mint import MintActivities
from activities.tokens.trees.owed import LeafActivities, RecordLeaves
from domain.core.end_reasons import FAILED, OPERATOR_CANCELLED
from domain.core.evidence import SaleMade
from workflows.core import patches
from workflows.core.activity_calls import (
    MINT_POLICY,
    STORE,
    STORE_REGULAR,
    STRIPE_LOCAL_FIRST,
    STRIPE_POLICY,
    How,
    RefusedStep,
)
from workflows.core.purchase_acts import PurchaseActs
from workflows.core.reasons import Reason
from workflows.core.saga import Saga, drain, gather_all, raise_if_cancelled, step
from workflows.core.task_queue import workflow_on

T = TypeVar("T")
PAID = {"requires_capture", "succeeded"}
LET_GO = {"canceled", "refunded"}
LOOKS_GROW, LOOK_SECONDS_MAX = 2, 3600  # after that time
LOOKS_AT_A_BANK = 100  # within the time that a show gives it; a webhook says the news before
TASK_TIMEOUT = timedelta(seconds=5)  # a killed worker's task is given to another one after this
Outcome = Literal["fulfilled", "refused", "cancelled"]


def _is_left_out(value: object) -> bool:
    return value is None


class PurchaseInput(Command):
    """Input of a purchase; the events hold the rest."""

    purchase: PurchaseRef
    show_id: str
    poll_seconds: float = 30
    processing_extension_seconds: int = 600


class CheckoutAnswer(Command):
    """The answer to the buyer's first call: an open checkout, or the refusal that ended the purchase."""

    state: Literal["open", "ended"]
    order: PlacedOrder | None = None
    refusal_code: str | None = None
    refusal_detail: str | None = None
    refusal_reason: str | None = Field(default=None, exclude_if=_is_left_out)  # of Stripe, if it refused the payment


class PurchaseResult(Command):
    """The outcome of a purchase and its reason."""

    outcome: Outcome
    reason: str
    ticket_addresses: tuple[str, ...] = ()


@workflow_on(PURCHASES, name="PurchaseWorkflow", owner="purchase", stage="reserving", restarted_by="start purchases")
class PurchaseWorkflow(PurchaseActs):
    """The saga: reserve, order, tickets, payment wait, confirm; after the pivot mint and settle."""

    @workflow.init
    def __init__(self, start: PurchaseInput) -> None:
        super().__init__(start.purchase.purchase_id)
        self._start = start
        self._purchase = start.purchase
        self._checkout_open = self._asked_stripe = False
        self._ended: PurchaseResult | None = None
        self._outcome: Outcome = "cancelled"
        self._refusal: RefusedStep | None = None
        self._buyer_cancelled = False

    @workflow.run
    async def run(self, start: PurchaseInput) -> PurchaseResult:  # noqa: ARG002 - taken by __init__
        """Sell the tickets, or undo everything."""
        saga = Saga()
        try:
            async with saga:
                tickets = await self._sell(saga)
        except RefusedStep as refused:
            ended = await self._end_or_go_on(saga, refused)
        except (FailureError, asyncio.CancelledError) as failure:
            await self._close(PurchaseResult(outcome=self._outcome, reason=_reason(failure)))
            raise
        else:
            ended = await drain(self._fulfil(tickets))
        await self._close(ended)
        return ended

    @workflow.update(name="open_checkout", description="For the API: answers when the checkout is open")
    async def open_checkout(self, *_: object) -> CheckoutAnswer:
        """Answer when the checkout is open, or when the purchase has ended before."""
        await self._history.until(lambda: self._checkout_open or self._ended is not None)
        if self._checkout_open:
            return CheckoutAnswer(state="open", order=self._order)
        refusal = self._refusal
        return CheckoutAnswer(
            state="ended",
            refusal_code=refusal.code if refusal else "purchase-cancelled",
            refusal_detail=refusal.message if refusal else None,
            refusal_reason=_stripes_reason(refusal),
        )

    @workflow.signal(name="buyer_cancelled", description="For machines: the buyer's cancel is in the events")
    def buyer_cancelled(self, *_: object) -> None:
        """End the wait: the buyer's cancel was recorded."""
        self._buyer_cancelled = True

    async def _close(self, ended: PurchaseResult) -> None:
        """Show the outcome and answer the buyer's call."""
        self._ended = ended
        await self._end(ended.outcome, f"Ended: {ended.outcome} ({ended.reason}).")

    async def _sell(self, saga: Saga) -> tuple[str, ...]:
        purchase, sales = self._purchase, SalesActivities

        self._status.set_stage("reserving", "Holds the seats, locks the price, creates the tickets.")
        saga.undo(lambda: self._end_without_sale(saga))
        # Already here: a task of this run that was lost may have got as far as Stripe.
        saga.undo(self._release_payment)
        place = self._store(sales.place_order, purchase, "hold the seats, place the order, create the tickets")
        self._order = order = await drain(place)
        if order.sold:  # begun anew after its sale: nothing can be undone any more
            return self._sold_tickets(saga, order)
        raise_if_cancelled()

        if order.price.charge_minor:
            await self._take_payment(order)
        else:
            text = "There is nothing to pay; confirms the seats."
            self._status.set_stage("confirming", text, order.price.total_minor)
            await drain(self._store(sales.confirm_seats, purchase, "confirm the seats: there is nothing to pay"))
        return self._sold_tickets(saga, order)

    def _sold_tickets(self, saga: Saga, order: PlacedOrder) -> tuple[str, ...]:
        """Pass the pivot: from here on neither a cancel nor an operator ends the purchase. Return the tickets."""
        saga.pivot()
        self._sold = self._checkout_open = True
        return order.ticket_ids

    async def _end_or_go_on(self, saga: Saga, refused: RefusedStep) -> PurchaseResult:
        """End without a sale, or go on with one that the undo met: steps of a task that was lost had made it."""
        if refused.code != SaleMade.code:
            self._refusal = refused
            return PurchaseResult(outcome=self._outcome, reason=refused.code)
        self._history.stays = False
        place = SalesActivities.place_order
        self._order = order = await drain(self._store(place, self._purchase, "read the sale", forward_only=True))
        return await drain(self._fulfil(self._sold_tickets(saga, order)))

    async def _take_payment(self, order: PlacedOrder) -> None:
        self._asked_stripe = True
        created = await step(self._stripe(PaymentActivities.create_intent, self._purchase, "create the PaymentIntent"))
        self._checkout_open = True
        await self._await_payment(order, created)

        self._status.set_stage("confirming", "The buyer has paid; confirms the seats and captures the money.")
        await step(self._confirm_seats())
        await drain(self._capture())

    async def _confirm_seats(self) -> None:
        method, summary = SalesActivities.confirm_seats, "confirm the seats and request the capture"
        await self._caller.call(method, self._purchase, STORE_REGULAR, summary)

    async def _capture(self) -> None:
        method = PaymentActivities.capture_payment
        await self._stripe(method, self._purchase, "capture the money", before=self._confirm_seats)

    async def _await_payment(self, order: PlacedOrder, seen: PaymentStatus) -> None:
        """Wait until the buyer has paid; at the hold's end ask Stripe before anything is undone."""
        hold_until = seen.hold_until or order.hold_until
        patience = timedelta(seconds=order.processing_seconds or self._start.processing_extension_seconds)
        last_extension = hold_until + patience
        due = False
        while seen.status not in PAID:
            self._raise_if_ended()
            if self._hold_until is not None:
                last_extension = max(last_extension, self._hold_until + patience)
            if seen.status in LET_GO:
                if seen.status == "canceled" and workflow.now() >= hold_until:  # by an undo that was cut off
                    raise RefusedStep("hold-expired", "the hold ran out before the payment came")
                raise RefusedStep("payment-refused", f"the payment is {seen.status} at Stripe")
            if due and seen.status == "processing" and patches.SEATS_WAIT_FOR_THE_BANK.on():
                seen = await self._await_bank(last_extension, patience)
                continue
            if due:
                hold_until = await self._extend_hold(seen, last_extension)
            self._deadline = hold_until = max(hold_until, self._hold_until or hold_until)
            self._show_wait(order, seen, hold_until)
            await self._wait(hold_until)
            self._history.check()
            self._woken, due = False, workflow.now() >= max(hold_until, self._hold_until or hold_until)
            seen = await step(self._stripe(PaymentActivities.look_at_intent, self._purchase, "ask Stripe"))

    def _raise_if_ended(self) -> None:
        """End the purchase if its buyer cancelled, or an operator gave it up."""
        if self._buyer_cancelled:
            raise RefusedStep("purchase-cancelled", "the buyer cancelled")
        if self._given_up:
            raise RefusedStep(OPERATOR_CANCELLED, "an operator gave it up")

    async def _extend_hold(self, seen: PaymentStatus, last_extension: datetime) -> datetime:
        """Extend the hold of a payment that is being processed, within a limit; end any other."""
        now = workflow.now()
        if seen.status != "processing" or now >= last_extension:
            raise RefusedStep("hold-expired", "the hold ran out before the payment came")
        until = min(now + timedelta(seconds=self._start.poll_seconds), last_extension)
        extension = ExtendHold(purchase=self._purchase, hold_until=until)
        return await step(self._store(SalesActivities.extend_hold, extension, "hold on: the payment is processing"))

    async def _await_bank(self, until: datetime, patience: timedelta) -> PaymentStatus:
        """Hold the seats until a bank has decided about a payment; return it paid, or let go at Stripe.

        Nobody can cancel such a payment, so the seats stay held past the limit too, and an operator is told.
        """
        pause = max(self._start.poll_seconds, patience.total_seconds() / LOOKS_AT_A_BANK)
        extension = ExtendHold(purchase=self._purchase, hold_until=until)
        await step(self._store(SalesActivities.extend_hold, extension, "hold on: a bank processes the payment"))
        while True:
            self._deadline = until = max(until, self._hold_until or until)
            limit = until.isoformat(timespec="seconds")
            self._status.set_stage(
                "awaiting-payment", f"A bank processes the payment; the seats are held until {limit}."
            )
            if workflow.now() >= until:
                self._status.raise_need("payment", Reason.SLOW_BANK, f"a bank still processes it after {limit}")
                pause = min(pause * LOOKS_GROW, LOOK_SECONDS_MAX)
            else:
                self._status.clear_need("payment")
            await self._wait(workflow.now() + timedelta(seconds=pause), pause)
            self._history.check()
            self._woken = False
            seen = await step(self._stripe(PaymentActivities.look_at_intent, self._purchase, "ask Stripe"))
            if seen.status not in PAID:
                self._raise_if_ended()
            if seen.status != "processing":
                break
        self._status.clear_need("payment")
        if seen.status not in PAID | LET_GO:
            raise RefusedStep("hold-expired", "the bank refused the payment after the hold's end")
        return seen

    async def _wait(self, hold_until: datetime, poll_seconds: float | None = None) -> None:
        """Sleep until a webhook event, a cancel, the next poll or the hold's end."""
        left = max((hold_until - workflow.now()).total_seconds(), 0.01)
        timeout = min(poll_seconds or self._start.poll_seconds, left)
        await self._rest(
            timeout,
            "next look at the payment, or the hold's end",
            lambda: self._woken or self._buyer_cancelled or self._given_up,
        )
        raise_if_cancelled()

    def _show_wait(self, order: PlacedOrder, seen: PaymentStatus, hold_until: datetime) -> None:
        declined = f" The last card was declined ({seen.declined})." if seen.declined else ""
        self._status.set_stage(
            "awaiting-payment",
            f"Waits for the buyer's payment until {hold_until.isoformat(timespec='seconds')}.{declined}",
            order.price.total_minor,
        )

    async def _release_payment(self) -> None:
        """Undo the payment, if there may be one.

        Steps that ran locally in a task that was lost are in no history: only the events and Stripe know of them.
        """
        if self._order is not None and not self._order.price.charge_minor:
            return
        if not self._asked_stripe and not patches.MONEY_OF_A_LOST_TASK.on():
            return
        self._history.stays = True
        self._status.set_stage("compensating", "Makes sure that we do not have the buyer's money.")
        method, summary = PaymentActivities.cancel_payment, "cancel the payment, or refund it"
        try:
            await self._stripe(method, self._purchase, summary, forward_only=True, unless=SaleMade.code)
        except RefusedStep as refused:
            if refused.code == SaleMade.code:
                raise
            # An operator knows that no money comes of it.

    async def _fulfil(self, ticket_ids: tuple[str, ...]) -> PurchaseResult:
        """Run the steps after the pivot: forward only, minting and settlement side by side."""
        purchase = self._purchase
        self._status.set_stage("fulfilling", "The tickets are sold; mints them and credits the venue.")
        await self._confirm_order()
        settle_and_mint = partial(self._settle_and_mint, ticket_ids)
        await settle_and_mint()
        await self._store(
            SalesActivities.fulfil_order, purchase, "record the good end", forward_only=True, before=settle_and_mint
        )
        minted = tuple(self._minted[ticket_id] for ticket_id in ticket_ids if self._minted.get(ticket_id))
        return PurchaseResult(outcome="fulfilled", reason="paid, minted and settled", ticket_addresses=minted)

    async def _settle_and_mint(self, ticket_ids: tuple[str, ...]) -> None:
        if self._order is not None and self._order.minting == "on_claim" and patches.LEAVES.on():
            await gather_all(self._settle(), self._record_leaves(ticket_ids))
            return
        await gather_all(self._settle(), *(self._mint(ticket_id) for ticket_id in ticket_ids))

    async def _confirm_order(self) -> None:
        is_paid = self._order is not None and self._order.price.charge_minor
        method, before = SalesActivities.confirm_order, self._capture if is_paid else self._confirm_seats
        await self._store(method, self._purchase, "confirm the order", forward_only=True, before=before)

    async def _settle(self) -> None:
        method, summary = BooksActivities.settle_sale, "post the sale, credit the venue"
        await self._store(method, self._purchase, summary, forward_only=True, before=self._confirm_order)
        if self._order is not None and self._order.price.charge_minor:
            await self._store(PaymentActivities.close_checkout, self._purchase, "forget the secret", forward_only=True)

    async def _record_leaves(self, ticket_ids: tuple[str, ...]) -> None:
        """Record the tickets as leaves; their root comes to the chain later, and nothing waits for it.

        A regular activity on purpose: it puts the capture into the history. Were all steps local, a cancel would void
        the task that ends the workflow, and the purchase would be undone after its sale.
        """
        leaves = RecordLeaves(purchase=self._purchase, ticket_ids=ticket_ids)
        await self._caller.call(
            LeafActivities.record_leaves, leaves, STORE_REGULAR, "record the leaves", forward_only=True
        )

    async def _mint(self, ticket_id: str) -> None:
        mint = MintTicket(purchase=self._purchase, ticket_id=ticket_id)

        async def sign_and_send() -> None:
            minted = await self._caller.call(
                MintActivities.mint_ticket,
                lambda: mint.model_copy(update={"to_custody": ticket_id in self._to_custody}),
                MINT_POLICY,
                f"mint {ticket_id}",
                forward_only=True,
            )
            self._minted[ticket_id] = minted.mint_address

        await sign_and_send()
        method, summary = BooksActivities.settle_mint, f"post the mint of {ticket_id}"
        await self._store(method, mint, summary, forward_only=True, before=sign_and_send)

    async def _end_without_sale(self, saga: Saga) -> None:
        """Undo the order: release seats, void tickets; an early refusal frees its key."""
        self._history.stays = True
        reason = _reason(saga.cause)
        end = EndPurchase(purchase=self._purchase, reason=reason)
        method = SalesActivities.cancel_order
        summary = f"end the order without a sale: {reason}"
        ended = await self._store(
            method, end, summary, forward_only=True, unless=SaleMade.code, before=self._release_payment
        )
        self._outcome = ended.outcome

    async def _store(
        self, method: Callable[[Any, Any], Awaitable[T]], command: Any, summary: str, **how: Unpack[How]
    ) -> T:
        return await self._caller.call(method, command, STORE, summary, **how)

    async def _stripe(
        self, method: Callable[[Any, Any], Awaitable[T]], command: Any, summary: str, **how: Unpack[How]
    ) -> T:
        policy = STRIPE_POLICY if how.get("forward_only") else STRIPE_LOCAL_FIRST
        return await self._caller.call(method, command, policy, summary, **how)


def _stripes_reason(refusal: RefusedStep | None) -> str | None:
    """Return the reason in a refusal's values, if it has one."""
    values = refusal.details[0] if refusal is not None and refusal.details else None
    return values.get("reason") if isinstance(values, dict) else None


def _reason(cause: BaseException | None) -> str:
    """Return the stable code of the reason why a purchase ended."""
    if isinstance(cause, RefusedStep):
        return cause.code
    return OPERATOR_CANCELLED if isinstance(cause, asyncio.CancelledError) else FAILED
