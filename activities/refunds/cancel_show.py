"""Cancel a show, refund its orders, and pause and resume the refunds."""

import asyncio
import time
from collections.abc import Sequence
from typing import Literal, Protocol

from temporalio import activity

from activities.core.commands import Command, PurchaseRef, RefundRef
from activities.core.loops import each_alone, each_subject
from activities.core.ports import Committed, EventStore
from activities.core.task_queues import PURCHASES, activity_on
from activities.disputes.lookup import disputes_of, is_undecided
from activities.refunds.request_refund import RequestRefund, request
from activities.sales.ticket_api_holds import release
from domain.catalog.show import Show
from domain.catalog.show_cancellation import ShowCancellation, ShowCancellationBegun, ShowCancellationState
from domain.core.errors import RefundExceeds, Refusal
from domain.core.ids import refund_id_of
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.breakdown import FeesBorneBy
from domain.orders.order import Order

BEHIND_SECONDS_MAX = 3.0
LOOK_SECONDS = 0.05
SHOW_CANCELLED = "show-cancelled"


class ShowPage(Command):
    """A page of a show's orders, ordered by id."""

    show_id: str
    after: str = ""
    limit: int = 100


class OrdersLeft(Command):
    """Orders that are not refunded yet, and the present terms."""

    orders: tuple[PurchaseRef, ...]
    is_paused: bool
    rate_per_second: float
    refund_ids: tuple[str, ...] = ()  # of each order's one refund; none in the histories of 0.1.0

    def refunds(self) -> list[tuple[PurchaseRef, str]]:
        """Return each order with the id of its one refund."""
        before = (refund_id_of("", order.tenant_id, order.purchase_id, SHOW_CANCELLED) for order in self.orders)
        return list(zip(self.orders, self.refund_ids or before, strict=True))


class CancelledOrder(Command):
    """One order of a cancelled show."""

    purchase: PurchaseRef
    show_id: str


class OrderFate(Command):
    """The outcome for one order: a refund, ended without one, still ending, or waiting for its dispute."""

    kind: Literal["refund", "ended", "ending", "disputed"]
    refund: RefundRef | None = None


class ShowReads(Protocol):
    """The read models' queries about a show's orders."""

    async def position(self) -> int:
        """Return the position of the last event that the read models contain."""

    async def head(self) -> int:
        """Return the position of the last recorded event."""

    async def orders_left(self, show_id: str, after: str, limit: int) -> Sequence[tuple[str, str, int]]:
        """Return (purchase, tenant, attempt) of unfinished, unrefunded or still valid orders, ordered by id."""

    async def residue(self, show_id: str) -> int:
        """Count those orders."""

    async def held_outside(self, show_id: str) -> Sequence[str]:
        """Return the open holds of the internal ticket API."""


class ShowCancellationActivities:
    """The steps of a show's cancellation. All idempotent: an order is decided from its own events and refunded once."""

    def __init__(self, store: EventStore, reads: ShowReads) -> None:
        self._store = store
        self._reads = reads

    @activity_on(PURCHASES, name="end_open_holds")
    async def end_open_holds(self, page: ShowPage) -> int:
        """Release the open holds of the internal ticket API; return their number. A hold confirmed meanwhile stays.

        One that cannot be released ends with its time, by a workflow of its own.
        """
        await self._caught_up()
        held = await self._reads.held_outside(page.show_id)
        await each_alone(self._release, held)
        return len(held)

    @each_subject("release holds of a cancelled show")
    async def _release(self, reservation_id: str) -> None:
        try:
            await self._store.commit(lambda uow: release(uow, reservation_id, SHOW_CANCELLED))
        except Refusal:
            activity.logger.info("hold %s was confirmed before the cancellation", reservation_id)

    @activity_on(PURCHASES, name="list_orders_left")
    async def list_orders_left(self, page: ShowPage) -> OrdersLeft:
        """List a page of the remaining orders; the sale has been stopped, so no new ones can appear."""
        await self._caught_up()
        terms = await self._store.read(lambda uow: uow.get(ShowCancellation, page.show_id))
        left = await self._reads.orders_left(page.show_id, page.after, page.limit)
        names = [purchase_id for purchase_id, _, _ in left]
        orders = await self._store.read(lambda uow: [uow.get(Order, name) for name in names], map(Order.stream, names))
        return OrdersLeft(
            orders=tuple(
                PurchaseRef(tenant_id=tenant_id, purchase_id=purchase_id, attempt=attempt)
                for purchase_id, tenant_id, attempt in left
            ),
            refund_ids=tuple(_refund_id_of(order) for order in orders),
            is_paused=terms.state == "paused",
            rate_per_second=terms.rate_per_second,
        )

    @activity_on(PURCHASES, name="decide_order")
    async def decide_order(self, order: CancelledOrder) -> OrderFate:
        """Refund a sold order wholly, once; cancel an unpaid one; wait for one whose capture was requested.

        A disputed order waits for its bank's decision; then the rest of its money is refunded.
        """
        return (await self._store.commit(lambda uow: _decide(uow, order))).value

    @activity_on(PURCHASES, name="finish_cancellation")
    async def finish_cancellation(self, page: ShowPage) -> int:
        """Return the number of remaining orders; record the end of the cancellation when it is 0."""
        await self._caught_up()
        residue = await self._reads.residue(page.show_id)
        if not residue:
            await self._store.commit(lambda uow: uow.get(ShowCancellation, page.show_id).finish(uow.at))
        return residue

    async def _caught_up(self) -> None:
        """Wait until the read models contain every event recorded before this call."""
        head, until = await self._reads.head(), time.monotonic() + BEHIND_SECONDS_MAX
        while await self._reads.position() < head:
            if time.monotonic() > until:
                raise TransientError("the read models are behind")
            await asyncio.sleep(LOOK_SECONDS)


def _refund_id_of(order: Order) -> str:
    return refund_id_of(order.nonce, order.tenant_id, order.identity, SHOW_CANCELLED)


def _decide(uow: UnitOfWork, cancelled: CancelledOrder) -> OrderFate:
    order = uow.get(Order, cancelled.purchase.purchase_id)
    if order.is_unsold:
        return OrderFate(kind="ended")
    if not order.is_sold:
        if not order.capture_requested:
            order.request_cancel(uow.at)
        return OrderFate(kind="ending")
    if is_undecided(disputes_of(uow, order)):
        return OrderFate(kind="disputed")
    command = RequestRefund(
        tenant_id=order.tenant_id,
        purchase_id=order.identity,
        refund_id=_refund_id_of(order),
        body_digest=SHOW_CANCELLED,
        reason=SHOW_CANCELLED,
        fees=uow.get(ShowCancellation, cancelled.show_id).fees,
        even_redeemed=True,
        even_without_money=True,
    )
    try:
        return OrderFate(kind="refund", refund=request(uow, command).refund)
    except RefundExceeds:  # everything was refunded before
        return OrderFate(kind="ended")


class CancelShow(Command):
    """A show to cancel; `body_digest` is of the request, to recognise a repeat."""

    tenant_id: str
    show_id: str
    body_digest: str
    fees: FeesBorneBy
    rate_per_second: float


class ShowCancellationCommands:
    """Command handlers of show cancellations, called by the API in its own process; each returns the state."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def cancel_show(self, command: CancelShow) -> Committed[ShowCancellationState]:
        """Stop the sale for good and decide to refund, in one transaction."""
        return await self._store.commit(lambda uow: _cancel(uow, command))

    async def pause(self, show_id: str) -> Committed[ShowCancellationState]:
        """Pause: begin no further refunds."""
        return await self._store.commit(lambda uow: uow.get(ShowCancellation, show_id).pause(uow.at))

    async def resume(self, show_id: str, rate_per_second: float | None) -> Committed[ShowCancellationState]:
        """Resume the refunds, at another rate if one is given."""
        return await self._store.commit(lambda uow: uow.get(ShowCancellation, show_id).go_on(rate_per_second, uow.at))


def _cancel(uow: UnitOfWork, command: CancelShow) -> ShowCancellationState:
    show, known = uow.get(Show, command.show_id), uow.find(ShowCancellation, command.show_id)
    if known is not None:
        known.check_same(command.body_digest)
        return known.state
    show.call_off(uow.at)
    values = command.model_dump(exclude={"show_id"})
    return uow.add(ShowCancellation.begin(ShowCancellationBegun, command.show_id, uow.at, **values)).state
