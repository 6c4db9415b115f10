"""Decide the amounts of transfers to venues and of their reversals; no call to Stripe."""

from activities.books.post import loss_key
from activities.core.commands import PurchaseRef, RefundRef
from activities.disputes.lookup import disputes_of, is_undecided
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payments.refunds import Refunds
from domain.payouts.payee import Payee
from domain.payouts.transfer import Reversal, Transfer, TransferRequested


def remaining_share(uow: UnitOfWork, order: Order) -> tuple[int, list[str]]:
    """Return the venue's share after refunds, and the ids of the deducted refunds.

    Negative when the venue bears the fees and so refunded more than it got.
    """
    if order.price is None or not order.is_sold:
        raise WrongState(f"order is {order.state}; only a sold order has a venue share", state=order.state)
    book = uow.find(Refunds, order.identity)
    refunds = list(book.refunds.values()) if book is not None else []
    given = sum(refund.from_venue_minor for refund in refunds)
    return order.price.venue_share_minor - given, [refund.refund_id for refund in refunds]


def _room(uow: UnitOfWork, order: Order) -> int:
    """Return the part of the charge that can still be transferred: Stripe transfers no more than was charged."""
    if order.price is None:
        return 0
    book = uow.find(Refunds, order.identity)
    given = sum(refund.given.total_minor for refund in book.refunds.values()) if book is not None else 0
    return max(order.price.charge_minor - given - max(remaining_share(uow, order)[0], 0), 0)


def take_back(uow: UnitOfWork, refund: RefundRef) -> tuple[str, int, Reversal | None] | None:
    """Return (transfer, amount, reversal) of a refund; None when the venue's part was not transferred."""
    purchase_id = refund.purchase.purchase_id
    amount = uow.get(Refunds, purchase_id).get(refund.refund_id).from_venue_minor
    transfer = uow.find(Transfer, purchase_id)
    if transfer is None or not amount or refund.refund_id in transfer.refund_ids:
        return None
    if transfer.state != "made":
        raise TransientError("the transfer of the venue's share is still in progress")
    reversal = transfer.request_reversal(refund.refund_id, amount, uow.at)
    short = amount - (reversal.amount_minor if reversal is not None else 0)
    if short:
        key = f"{purchase_id}:beyond:{refund.refund_id}"
        uow.get(Payee, transfer.venue_id).note_shortfall(key, transfer.currency, short, uow.at)
    return transfer.transfer_id or "", amount, reversal


def request_share(uow: UnitOfWork, purchase: PurchaseRef) -> Transfer:
    """Decide an order's transfer, once, after deducting the venue's debt."""
    order = uow.get(Order, purchase.purchase_id)
    payee = uow.get(Payee, str(order.venue_id))
    if payee.account_id is None or not payee.abilities.may_receive:
        raise WrongState("the venue's account cannot receive money yet")
    known = uow.find(Transfer, purchase.purchase_id)
    lost = _lost(uow, order, payee) if known is None or known.state == "refused" else 0
    currency = order.price.currency if order.price else ""
    if known is not None:
        if short := known.try_again(payee.account_id, lost, uow.at):
            payee.note_shortfall(f"{purchase.purchase_id}:lost", currency, short, uow.at)
        return known
    share, refund_ids = remaining_share(uow, order)
    share -= lost
    payment = uow.get(Payment, f"{purchase.purchase_id}:{purchase.attempt}")
    if share < 0:
        payee.note_shortfall(f"{purchase.purchase_id}:share", currency, -share, uow.at)
    amount = payee.net(f"{purchase.purchase_id}:netted", currency, max(share, 0), uow.at, _room(uow, order))
    return uow.add(
        Transfer.begin(
            TransferRequested,
            purchase.purchase_id,
            uow.at,
            tenant_id=purchase.tenant_id,
            venue_id=order.venue_id,
            account_id=payee.account_id,
            charge_id=payment.charge_id or "",
            amount_minor=amount,
            currency=currency,
            refund_ids=refund_ids,
            lost_minor=lost,
        )
    )


def _lost(uow: UnitOfWork, order: Order, payee: Payee) -> int:
    """Return the part of an order's share that was lost in disputes; refuse while a dispute is open.

    Losses that are the venue's debt already are left out.
    """
    disputes = disputes_of(uow, order)
    if is_undecided(disputes):
        raise WrongState("the payment is disputed; the venue's share is held back until the bank has decided")
    return sum(dispute.deducted_minor for dispute in disputes if loss_key(dispute.identity) not in payee.keys)
