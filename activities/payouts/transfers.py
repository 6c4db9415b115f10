"""The settlement steps: venues' accounts at Stripe, transfers of their shares, and payouts."""

from activities.books.post import payee_of, post
from activities.core.commands import PurchaseRef, RefundRef
from activities.core.follow_ups import close_follow_up
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, STRIPE, activity_on
from activities.payouts.ports import AccountStatus, ConnectGateway, DueOrders, PayoutRef, Reversed, Sent, VenueRef
from activities.payouts.shares import request_share, take_back
from domain.catalog.venue import Venue
from domain.core.errors import PaymentRefused, WrongState
from domain.core.evidence import EvidenceMissing
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import payout_postings, reversal_postings, transfer_postings
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payments.refunds import Refunds
from domain.payouts.connected_account import (
    ACCOUNT_GONE,
    AccountRequest,
    AccountState,
    DueQuery,
    PayoutStatus,
    TransferOrder,
)
from domain.payouts.payee import Capabilities, Payee
from domain.payouts.payout import Payout, PayoutPaid
from domain.payouts.transfer import Transfer


class PayoutActivities:
    """Accounts, transfers and payouts. Every effect has a key, and is repeated under it when its outcome is unknown."""

    def __init__(self, store: EventStore, gateway: ConnectGateway, due: DueOrders) -> None:
        self._store = store
        self._gateway = gateway
        self._due = due

    @activity_on(STRIPE, name="connect_account")
    async def connect_account(self, venue: VenueRef) -> AccountStatus:
        """Create the venue's account at Stripe, or read the existing one; one that is gone is replaced."""
        known = await self._store.read(lambda uow: (uow.get(Venue, venue.venue_id), uow.find(Payee, venue.venue_id)))
        found, payee = known
        key = f"{venue.venue_id}:account"
        if payee is None or payee.account_id is None:
            return await self._record_account(venue, await self._gateway.create_account(_request(venue, found), key))
        seen = await self._record_account(venue, await self._gateway.retrieve_account(payee.account_id))
        if not seen.is_gone:
            return seen
        new = await self._gateway.create_account(_request(venue, found), f"{key}:after:{seen.account_id}")
        return await self._record_account(venue, new)

    @activity_on(STRIPE, name="look_at_account")
    async def look_at_account(self, venue: VenueRef) -> AccountStatus:
        """Read the account's status; add a fresh onboarding link when Stripe needs information."""
        payee = await self._store.read(lambda uow: uow.find(Payee, venue.venue_id))
        if payee is None or payee.account_id is None:
            raise EvidenceMissing("no Stripe account of the venue is recorded", venue_id=venue.venue_id)
        seen = await self._record_account(venue, await self._gateway.retrieve_account(payee.account_id))
        if seen.is_ready or seen.is_gone:
            await close_follow_up(self._store, "onboarding", venue.venue_id, "gone" if seen.is_gone else "ready")
            return seen
        return seen.model_copy(update={"url": await self._gateway.onboarding_link(seen.account_id)})

    @activity_on(PURCHASES, name="list_due_transfers")
    async def list_due_transfers(self, due: DueQuery) -> list[PurchaseRef]:
        """Return orders whose share is due and not transferred."""
        found = await self._due.due_transfers(due)
        return [PurchaseRef(tenant_id=tenant, purchase_id=name, attempt=attempt) for tenant, name, attempt in found]

    @activity_on(STRIPE, name="transfer_share")
    async def transfer_share(self, purchase: PurchaseRef) -> Sent:
        """Transfer the venue's share of an order: decide, call Stripe, post.

        A refusal by Stripe is recorded and raised; the next run tries again.
        """
        payment_id = f"{purchase.purchase_id}:{purchase.attempt}"
        reads = (Order.stream(purchase.purchase_id), Payment.stream(payment_id), Transfer.stream(purchase.purchase_id))
        transfer: Transfer = (await self._store.commit(lambda uow: request_share(uow, purchase), reads)).value
        sent = Sent(amount_minor=transfer.amount_minor, currency=transfer.currency)
        if transfer.state == "made":
            return sent
        transfer_id = ""
        if transfer.amount_minor:
            order = TransferOrder(
                purchase_id=purchase.purchase_id,
                account_id=transfer.account_id,
                charge_id=transfer.charge_id,
                amount_minor=transfer.amount_minor,
                currency=transfer.currency,
            )
            try:
                transfer_id = await self._gateway.transfer(order, f"{purchase.purchase_id}:transfer:{transfer.turn}")
            except PaymentRefused as refusal:
                reason = str(refusal.data.get("reason"))
                await self._store.commit(lambda uow: _refused(uow, purchase, reason))
                raise
        await self._store.commit(lambda uow: _made(uow, purchase, transfer_id))
        return sent

    @activity_on(STRIPE, name="reverse_share")
    async def reverse_share(self, refund: RefundRef) -> Reversed:
        """Reverse the venue's part of a refund, if it was transferred; the venue owes any shortfall."""
        purchase_id, key = refund.purchase.purchase_id, refund.refund_id
        reads = (Transfer.stream(purchase_id), Refunds.stream(purchase_id))
        wanted = (await self._store.commit(lambda uow: take_back(uow, refund), reads)).value
        if wanted is None:
            return Reversed(reversed_minor=0, short_minor=0)
        transfer_id, amount, reversal = wanted
        if reversal is None:
            return Reversed(reversed_minor=0, short_minor=amount)
        state = reversal.state
        if state == "requested":
            stripe_key = f"{purchase_id}:reversal:{key}"
            try:
                made = await self._gateway.reverse_transfer(transfer_id, reversal.amount_minor, stripe_key)
            except PaymentRefused as refusal:
                reason = str(refusal.data.get("reason"))
                await self._store.commit(lambda uow: _short(uow, refund, reason))
                state = "refused"
            else:
                await self._store.commit(lambda uow: _reversed(uow, refund, made))
                state = "made"
        back = reversal.amount_minor if state == "made" else 0
        return Reversed(reversed_minor=back, short_minor=amount - back)

    @activity_on(STRIPE, name="follow_payout")
    async def follow_payout(self, payout: PayoutRef) -> str:
        """Read a payout's status and post it, and that of the payout that reverses it, in whatever order they come."""
        owner = await self._due.venue_of(payout.account_id)
        if owner is None:
            raise WrongState("the Stripe account belongs to no venue", account_id=payout.account_id)
        venue = VenueRef(tenant_id=owner[0], venue_id=owner[1])
        try:
            seen = await self._gateway.retrieve_payout(payout.account_id, payout.payout_id)
        except PaymentRefused:
            await close_follow_up(self._store, "payout", payout.subject_id, "lost")
            raise
        await self._store.commit(lambda uow: _follow(uow, venue, seen))
        if seen.reversed_by is not None:
            back = await self._gateway.retrieve_payout(payout.account_id, seen.reversed_by)
            await self._store.commit(lambda uow: _follow(uow, venue, back))
        await close_follow_up(self._store, "payout", payout.subject_id, seen.status)
        return seen.status

    async def _record_account(self, venue: VenueRef, state: AccountState) -> AccountStatus:
        abilities = Capabilities(**state.model_dump(exclude={"account_id"}))

        def decide(uow: UnitOfWork) -> None:
            payee = payee_of(uow, venue.tenant_id, venue.venue_id)
            payee.connect(state.account_id, uow.at)
            payee.record_capabilities(abilities, uow.at)

        await self._store.commit(decide, (Payee.stream(venue.venue_id),))
        return AccountStatus.model_validate(state.model_dump())


def _request(venue: VenueRef, found: Venue) -> AccountRequest:
    terms = {"name": found.name, "country": found.country, "agreement": found.agreement}
    return AccountRequest.model_validate({"venue_id": venue.venue_id, **terms})


def _refused(uow: UnitOfWork, purchase: PurchaseRef, reason: str) -> None:
    """Record a refused transfer; shares of an account that is gone are not due until the venue has another."""
    transfer = uow.get(Transfer, purchase.purchase_id)
    transfer.refuse(reason, uow.at)
    payee = uow.get(Payee, transfer.venue_id)
    if reason == ACCOUNT_GONE and payee.account_id == transfer.account_id:
        payee.record_capabilities(Capabilities(is_gone=True), uow.at)


def _made(uow: UnitOfWork, purchase: PurchaseRef, transfer_id: str) -> None:
    transfer = uow.get(Transfer, purchase.purchase_id)
    if transfer.make(transfer_id, uow.at) and transfer.amount_minor:
        postings = transfer_postings(transfer.venue_id, transfer.currency, transfer.amount_minor)
        post(uow, purchase, f"{purchase.purchase_id}:transfer", "transfer", postings)


def _reversed(uow: UnitOfWork, refund: RefundRef, reversal_id: str) -> None:
    transfer = uow.get(Transfer, refund.purchase.purchase_id)
    if transfer.reverse(refund.refund_id, reversal_id, uow.at):
        amount = transfer.reversals[refund.refund_id].amount_minor
        postings = reversal_postings(transfer.venue_id, transfer.currency, amount)
        post(uow, refund.purchase, f"{transfer.identity}:reversal:{refund.refund_id}", "transfer-reversed", postings)


def _short(uow: UnitOfWork, refund: RefundRef, reason: str) -> None:
    transfer = uow.get(Transfer, refund.purchase.purchase_id)
    if transfer.refuse_reversal(refund.refund_id, reason, uow.at):
        amount = transfer.reversals[refund.refund_id].amount_minor
        key = f"{transfer.identity}:reversal:{refund.refund_id}"
        uow.get(Payee, transfer.venue_id).note_shortfall(key, transfer.currency, amount, uow.at)


def _follow(uow: UnitOfWork, venue: VenueRef, seen: PayoutStatus) -> None:
    known = uow.find(Payout, seen.payout_id)
    no_purchase = PurchaseRef(tenant_id=venue.tenant_id, purchase_id="", attempt=0)
    if known is None and seen.status == "paid":
        events = {"tenant_id": venue.tenant_id, "venue_id": venue.venue_id}
        money = {"amount_minor": seen.amount_minor, "currency": seen.currency, "original": seen.original or ""}
        uow.add(Payout.begin(PayoutPaid, seen.payout_id, uow.at, **events, **money))
        postings = payout_postings(venue.venue_id, seen.currency, seen.amount_minor, returned=False)
        kind = "payout" if seen.amount_minor > 0 else "payout-reversed"
        post(uow, no_purchase, f"{seen.payout_id}:paid", kind, postings)
    elif known is not None and seen.status in {"failed", "canceled"} and known.come_back(seen.failure or "", uow.at):
        postings = payout_postings(venue.venue_id, known.currency, known.amount_minor, returned=True)
        kind = "payout-returned" if known.amount_minor > 0 else "payout-reversal-returned"
        post(uow, no_purchase, f"{seen.payout_id}:returned", kind, postings)
