"""Bookkeeping steps: post every money event once, under its key."""

from activities.core.commands import MintTicket, PurchaseRef
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, activity_on
from domain.catalog.show import Show
from domain.core.errors import WrongState
from domain.core.evidence import EvidenceMissing
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import (
    BooksTransaction,
    Posting,
    TransactionPosted,
    mint_key,
    minted_postings,
    sale_key,
    sale_postings,
)
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payouts.payee import Payee, PayeeNamed
from domain.tickets.ticket import Ticket


class BooksActivities:
    """Posts to the books. Idempotent: a key that is posted already changes nothing."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @activity_on(PURCHASES, name="settle_sale")
    async def settle_sale(self, purchase: PurchaseRef) -> None:
        """Post the sale, captured or free: the venue is credited its share."""

        def decide(uow: UnitOfWork) -> None:
            order = uow.get(Order, purchase.purchase_id)
            if not order.is_sold or order.price is None or order.venue_id is None:
                raise EvidenceMissing(f"order is {order.state}; only a sold order can be settled", state=order.state)
            stripe_fee = _stripe_fee(uow, purchase) if order.price.charge_minor else 0
            count = sum(line.quantity for line in order.lines)
            postings = sale_postings(order.venue_id, order.price, stripe_fee, count)
            post(uow, purchase, sale_key(purchase.purchase_id), "sale", postings)
            if order.price.tender == "cash":
                owe_cash(uow, purchase, order, order.price.total_minor - order.price.venue_share_minor, "cash")

        key, payment_id = sale_key(purchase.purchase_id), f"{purchase.purchase_id}:{purchase.attempt}"
        reads = (BooksTransaction.stream(key), Order.stream(purchase.purchase_id), Payment.stream(payment_id))
        await self._store.commit(decide, reads)

    @activity_on(PURCHASES, name="settle_mint")
    async def settle_mint(self, mint: MintTicket) -> None:
        """Post the mint of one ticket, or its refund before the mint: the mint debt falls by one.

        A ticket that is minted when it is claimed is owed until then: nothing is posted.
        """
        reads = (BooksTransaction.stream(mint_key(mint.ticket_id)),)
        await self._store.commit(lambda uow: post_mint(uow, mint), reads)


def post_mint(uow: UnitOfWork, mint: MintTicket) -> None:
    """Post that a ticket's token is no longer owed, unless it waits for its claim; see `settle_mint`."""
    ticket = uow.get(Ticket, mint.ticket_id)
    is_void = ticket.state == "void"
    if not is_void and ticket.claim != "done" and uow.get(Show, ticket.show_id).mints_at_claim:
        return
    if not is_void and ticket.mint_address is None:
        raise EvidenceMissing(f"no mint of ticket {mint.ticket_id} is recorded", ticket_id=mint.ticket_id)
    post(uow, mint.purchase, mint_key(mint.ticket_id), "voided" if is_void else "minted", minted_postings())


def _stripe_fee(uow: UnitOfWork, purchase: PurchaseRef) -> int:
    """Return Stripe's actual fee for the capture; raise WrongState before the payment is captured."""
    payment = uow.get(Payment, f"{purchase.purchase_id}:{purchase.attempt}")
    if payment.state != "captured":
        raise WrongState(f"payment is {payment.state}; only a captured payment can be settled", state=payment.state)
    return payment.stripe_fee_minor


def owe_cash(uow: UnitOfWork, purchase: PurchaseRef, order: Order, amount_minor: int, key: str) -> None:
    """Record the cash takings that a venue owes us (negative: we owe it); deducted from its next transfers."""
    if order.price is None or order.venue_id is None or not amount_minor:
        return
    payee = payee_of(uow, purchase.tenant_id, order.venue_id)
    payee.note_shortfall(f"{purchase.purchase_id}:{key}", order.price.currency, amount_minor, uow.at)


def payee_of(uow: UnitOfWork, tenant_id: str, venue_id: str) -> Payee:
    """Return the venue's payee, creating it on first use."""
    return uow.find(Payee, venue_id) or uow.add(Payee.begin(PayeeNamed, venue_id, uow.at, tenant_id=tenant_id))


def loss_key(dispute_id: str) -> str:
    """Return the key of the venue's debt for a dispute lost after its share was transferred."""
    return f"{dispute_id}:lost"


def post(
    uow: UnitOfWork, purchase: PurchaseRef, key: str, kind: str, postings: tuple[Posting, ...], intent_id: str = ""
) -> None:
    """Post one balanced transaction under its key; a key that is posted already changes nothing.

    `intent_id` names the payment whose charge it is about, if that is not the purchase's own.
    """
    if uow.find(BooksTransaction, key) is None:
        uow.add(
            BooksTransaction.begin(
                TransactionPosted,
                key,
                uow.at,
                tenant_id=purchase.tenant_id,
                purchase_id=purchase.purchase_id,
                kind=kind,
                postings=[posting.plain() for posting in postings],
                intent_id=intent_id,
            )
        )
