"""The cancellation's door: a show is cancelled, and its refunds are paused and resumed."""

import asyncio
import time
from collections.abc import Sequence
from typing import Literal, Protocol

from temporalio import activity

from activities.core.commands import Command, PurchaseRef, RefundRef
from activities.core.ports import Ledger
from activities.disputes.lookup import disputes_of, is_undecided
from activities.refunds.request_refund import RequestRefund, request
from activities.sales.ticket_api_holds import release
from domain.catalog.show import Show
from domain.catalog.show_cancellation import Cancellation, CancellationBegun
from domain.core.errors import RefundExceeds, Refusal
from domain.core.ids import derived
from domain.core.transient import Weather
from domain.core.unit_of_work import Desk
from domain.money.breakdown import FeesBorneBy
from domain.orders.order import Order

BEHIND_SECONDS_MAX = 3.0
LOOK_SECONDS = 0.05


class ShowPage(Command):
    """A part of a show's orders, by their ids in order."""

    show_id: str
    after: str = ""
    limit: int = 100


class OrdersLeft(Command):
    """Orders that are not given back yet, and the terms of the moment."""

    orders: tuple[PurchaseRef, ...]
    is_paused: bool
    rate_per_second: float


class CancelledOrder(Command):
    """One order of a cancelled show."""

    purchase: PurchaseRef
    show_id: str

    @property
    def refund_id(self) -> str:
        """The one refund that gives it back."""
        return derived("rf", self.purchase.tenant_id, self.purchase.purchase_id, "show-cancelled")


class OrderFate(Command):
    """What becomes of an order: a refund, nothing more, or first its own end or that of its dispute."""

    kind: Literal["refund", "ended", "ending", "disputed"]
    refund: RefundRef | None = None


class ShowReads(Protocol):
    """What the read models say of a show's orders."""

    async def position(self) -> int:
        """Return the position of the last fact that the read models contain."""

    async def head(self) -> int:
        """Return the position of the last fact that was recorded."""

    async def orders_left(self, show_id: str, after: str, limit: int) -> Sequence[tuple[str, str, int]]:
        """Return (purchase, tenant, attempt) of orders with a valid ticket, money to come, or no end, by their ids."""

    async def residue(self, show_id: str) -> int:
        """Count them all."""

    async def held_outside(self, show_id: str) -> Sequence[str]:
        """Return the open holds of the internal ticket API."""


class CancellationActivities:
    """Every step is idempotent: an order is decided by its own facts, and has one refund for the show's sake."""

    def __init__(self, ledger: Ledger, reads: ShowReads) -> None:
        self._ledger = ledger
        self._reads = reads

    @activity.defn(name="end_open_holds")
    async def end_open_holds(self, page: ShowPage) -> int:
        """Release the open holds of the internal ticket API; one that was confirmed meanwhile stays with its seller."""
        await self._caught_up()
        held = await self._reads.held_outside(page.show_id)
        for reservation_id in held:
            await self._release(reservation_id)
        return len(held)

    async def _release(self, reservation_id: str) -> None:
        try:
            await self._ledger.commit(lambda desk: release(desk, reservation_id, "show-cancelled"))
        except Refusal:
            activity.logger.info("hold %s was confirmed before the cancellation", reservation_id)

    @activity.defn(name="list_orders_left")
    async def list_orders_left(self, page: ShowPage) -> OrdersLeft:
        """List orders that are left: none can come any more, since the sale was stopped before."""
        await self._caught_up()
        terms = await self._ledger.read(lambda desk: desk.get(Cancellation, page.show_id))
        left = await self._reads.orders_left(page.show_id, page.after, page.limit)
        return OrdersLeft(
            orders=tuple(
                PurchaseRef(tenant_id=tenant_id, purchase_id=purchase_id, attempt=attempt)
                for purchase_id, tenant_id, attempt in left
            ),
            is_paused=terms.state == "paused",
            rate_per_second=terms.rate_per_second,
        )

    @activity.defn(name="decide_order")
    async def decide_order(self, order: CancelledOrder) -> OrderFate:
        """Refund a sold order wholly, once; let go one that is not paid; wait for one whose money is being taken.

        Who has the money of a disputed one, its bank decides; what it did not take is given back with the tickets.
        """
        return (await self._ledger.commit(lambda desk: _decide(desk, order))).value

    @activity.defn(name="finish_cancellation")
    async def finish_cancellation(self, page: ShowPage) -> int:
        """Record the end when nothing is left; returns how many orders are."""
        await self._caught_up()
        residue = await self._reads.residue(page.show_id)
        if not residue:
            await self._ledger.commit(lambda desk: desk.get(Cancellation, page.show_id).finish(desk.at))
        return residue

    async def _caught_up(self) -> None:
        """Wait until the read models contain every fact that there was when this was asked."""
        head, until = await self._reads.head(), time.monotonic() + BEHIND_SECONDS_MAX
        while await self._reads.position() < head:
            if time.monotonic() > until:
                raise Weather("the read models are behind")
            await asyncio.sleep(LOOK_SECONDS)


def _decide(desk: Desk, cancelled: CancelledOrder) -> OrderFate:
    order = desk.get(Order, cancelled.purchase.purchase_id)
    if order.state in {"cancelled", "refused"}:
        return OrderFate(kind="ended")
    if not order.is_sold:
        if not order.capture_requested:
            order.request_cancel(desk.at)
        return OrderFate(kind="ending")
    if is_undecided(disputes_of(desk, order)):
        return OrderFate(kind="disputed")
    command = RequestRefund(
        tenant_id=order.tenant_id,
        purchase_id=order.identity,
        refund_id=cancelled.refund_id,
        body_digest="show-cancelled",
        reason="show-cancelled",
        fees=desk.get(Cancellation, cancelled.show_id).fees,
        even_redeemed=True,
        cash_handed_out=order.price is not None and order.price.tender == "cash",
        even_without_money=True,
    )
    try:
        return OrderFate(kind="refund", refund=request(desk, command).refund)
    except RefundExceeds:  # all of it has gone back before
        return OrderFate(kind="ended")


class CancelShow(Command):
    """A show that does not take place; the digest is of the request, to recognise a repeat."""

    tenant_id: str
    show_id: str
    body_digest: str
    fees: FeesBorneBy
    rate_per_second: float


class CancellationDoor:
    """Called by the API in its own process, through the same ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def cancel_show(self, command: CancelShow) -> int:
        """Stop the sale for good, in one transaction with the decision to refund; returns the ledger's position."""
        return (await self._ledger.commit(lambda desk: _cancel(desk, command))).position

    async def pause(self, show_id: str) -> int:
        """Begin no further refund; returns the ledger's position."""
        return (await self._ledger.commit(lambda desk: desk.get(Cancellation, show_id).pause(desk.at))).position

    async def resume(self, show_id: str, rate_per_second: float | None) -> int:
        """Go on; returns the ledger's position."""

        def decide(desk: Desk) -> None:
            desk.get(Cancellation, show_id).go_on(rate_per_second, desk.at)

        return (await self._ledger.commit(decide)).position


def _cancel(desk: Desk, command: CancelShow) -> None:
    show, known = desk.get(Show, command.show_id), desk.find(Cancellation, command.show_id)
    if known is not None:
        known.check_same(command.body_digest)
        return
    show.call_off(desk.at)
    values = command.model_dump(exclude={"show_id"})
    desk.add(Cancellation.begin(CancellationBegun, command.show_id, desk.at, **values))
