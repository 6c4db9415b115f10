"""Every activity, by the task queue that runs it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from activities.books.post import BooksActivities
from activities.catalog.capacity import CapacityActivities
from activities.catalog.register import CatalogActivities
from activities.core.task_queues import MINT, PURCHASES, STRIPE
from activities.disputes.follow import DisputeActivities
from activities.payments.intent import PaymentActivities
from activities.payments.late_payments import LatePaymentActivities
from activities.payouts.transfers import PayoutActivities
from activities.refunds.cancel_show import ShowCancellationActivities
from activities.refunds.pay_refund import RefundActivities
from activities.sales.order import SalesActivities
from activities.sales.ticket_api_holds import HoldActivities
from activities.tokens.burn import BurnActivities
from activities.tokens.mint import MintActivities


class Activities(NamedTuple):
    """One instance of every class whose methods are activities."""

    sales: SalesActivities
    books: BooksActivities
    catalog: CatalogActivities
    holds: HoldActivities
    payments: PaymentActivities
    minting: MintActivities
    capacity: CapacityActivities
    disputes: DisputeActivities
    payouts: PayoutActivities
    refunds: RefundActivities
    burning: BurnActivities
    show_cancellations: ShowCancellationActivities
    late_payments: LatePaymentActivities


def activities_of(queue: str, all_of: Activities) -> list[Callable[..., Any]]:
    """Return the activities that a task queue runs."""
    sales, payments, minting = all_of.sales, all_of.payments, all_of.minting
    by_queue: dict[str, list[Callable[..., Any]]] = {
        PURCHASES: [
            sales.place_order,
            sales.cancel_order,
            sales.confirm_seats,
            sales.confirm_order,
            sales.fulfil_order,
            sales.extend_hold,
            all_of.books.settle_sale,
            all_of.books.settle_mint,
            all_of.refunds.post_refund,
            *_of_cancellations(all_of.show_cancellations),
            all_of.catalog.open_sale,
            all_of.holds.expire_reservation,
            all_of.capacity.lower_stock,
            all_of.capacity.raise_stock,
            all_of.payouts.list_due_transfers,
            payments.close_checkout,
            *_tried_locally_first(payments),
        ],
        STRIPE: [
            *_tried_locally_first(payments),
            payments.cancel_payment,
            all_of.late_payments.resolve_late_payment,
            all_of.refunds.pay_refund,
            all_of.disputes.look_at_dispute,
            all_of.payouts.connect_account,
            all_of.payouts.look_at_account,
            all_of.payouts.transfer_share,
            all_of.payouts.reverse_share,
            all_of.payouts.follow_payout,
        ],
        MINT: [
            minting.mint_ticket,
            minting.mint_group,
            all_of.burning.burn_ticket,
            all_of.capacity.fit_group,
            all_of.capacity.resell_seats,
        ],
    }
    return by_queue[queue]


def _tried_locally_first(payments: PaymentActivities) -> tuple[Callable[..., Any], ...]:
    """Return what a purchase asks Stripe on its own worker first, and then as a regular activity on Stripe's queue."""
    return payments.create_intent, payments.look_at_intent, payments.capture_payment


def _of_cancellations(show_cancellations: ShowCancellationActivities) -> tuple[Callable[..., Any], ...]:
    return (
        show_cancellations.end_open_holds,
        show_cancellations.list_orders_left,
        show_cancellations.decide_order,
        show_cancellations.finish_cancellation,
    )
