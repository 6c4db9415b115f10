"""The settlement steps: a venue's account at Stripe, its share of each order on the way there, and its payouts."""

from collections.abc import Sequence
from typing import Protocol

from temporalio import activity

from activities.books import post
from activities.commands import Command, PurchaseRef
from activities.ports import Ledger
from domain.books import payout_postings, reversal_postings, transfer_postings
from domain.catalog import Venue
from domain.connect import AccountState, DueQuery, PayoutStateSeen, TransferOrder
from domain.desk import Desk
from domain.order import Order
from domain.payee import Abilities, Payee, PayeeNamed
from domain.payment import Payment
from domain.payout import Payout, PayoutPaid
from domain.refusals import PaymentRefused, WrongState
from domain.transfer import Transfer, TransferRequested


class VenueRef(Command):
    """A venue."""

    tenant_id: str
    venue_id: str


class AccountSeen(Command):
    """How a venue's account stands: shares can be sent to it, and paid out of it to the venue's bank.

    `url` is a fresh link under which the venue tells Stripe who it is, where something is missing.
    """

    account_id: str
    may_receive: bool
    may_pay_out: bool
    asked_for: int
    url: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing."""
        return self.may_receive and self.may_pay_out


class Sent(Command):
    """What went to the venue for one order; nothing when it was netted or given back."""

    amount_minor: int
    currency: str


class ReverseTransfer(Command):
    """Take back a part of an order's transfer; `key` names why, once."""

    purchase: PurchaseRef
    key: str
    amount_minor: int


class Reversed(Command):
    """What came back, and what the venue owes now because its account did not have it."""

    reversed_minor: int
    short_minor: int


class PayoutRef(Command):
    """A payout of a connected account."""

    account_id: str
    payout_id: str


class ConnectGateway(Protocol):
    """Stripe Connect, as settlement needs it; weather and refusals are as of the payment gateway."""

    async def create_account(self, venue_id: str, name: str, key: str) -> AccountState:
        """Create the account of a venue, or return the one that this key made."""

    async def retrieve_account(self, account_id: str) -> AccountState:
        """Read an account."""

    async def onboarding_link(self, account_id: str) -> str:
        """Return a fresh link under which the venue tells Stripe who it is; it can be used once, for minutes."""

    async def transfer(self, order: TransferOrder, key: str) -> str:
        """Move a share out of its charge to the venue's account; returns the transfer's id, made now or before."""

    async def reverse_transfer(self, transfer_id: str, amount_minor: int, key: str) -> str:
        """Take a part back; returns the reversal's id, made now or before."""

    async def retrieve_payout(self, account_id: str, payout_id: str) -> PayoutStateSeen:
        """Read a payout of a connected account."""


class DueOrders(Protocol):
    """The read models, as settlement needs them."""

    async def due_transfers(self, due: DueQuery) -> Sequence[tuple[str, str, int]]:
        """Return (tenant, purchase, attempt) of orders whose share is due and was not sent, by their ids."""

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        """Return (tenant, venue) of a connected account."""


class SettlementActivities:
    """Every effect has a key; what is unknown is asked again under the same one."""

    def __init__(self, ledger: Ledger, gateway: ConnectGateway, due: DueOrders) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._due = due

    @activity.defn(name="connect_account")
    async def connect_account(self, venue: VenueRef) -> AccountSeen:
        """Make the venue's account at Stripe, or find it."""
        known = await self._ledger.read(
            lambda desk: (desk.get(Venue, venue.venue_id), desk.find(Payee, venue.venue_id))
        )
        found, payee = known
        if payee is None or payee.account_id is None:
            state = await self._gateway.create_account(venue.venue_id, found.name, f"{venue.venue_id}:account")
        else:
            state = await self._gateway.retrieve_account(payee.account_id)
        return await self._saw(venue, state)

    @activity.defn(name="look_at_account")
    async def look_at_account(self, venue: VenueRef) -> AccountSeen:
        """Ask Stripe what the account may do, and for a fresh link where something is missing."""
        payee = await self._ledger.read(lambda desk: desk.get(Payee, venue.venue_id))
        if payee.account_id is None:
            raise WrongState("the venue has no account yet")
        seen = await self._saw(venue, await self._gateway.retrieve_account(payee.account_id))
        if seen.is_ready:
            return seen
        return seen.model_copy(update={"url": await self._gateway.onboarding_link(seen.account_id)})

    @activity.defn(name="list_due_transfers")
    async def list_due_transfers(self, due: DueQuery) -> list[PurchaseRef]:
        """Return orders whose share is due."""
        found = await self._due.due_transfers(due)
        return [PurchaseRef(tenant_id=tenant, purchase_id=name, attempt=attempt) for tenant, name, attempt in found]

    @activity.defn(name="transfer_share")
    async def transfer_share(self, purchase: PurchaseRef) -> Sent:
        """Send the venue's share of an order to its account: decided first, then sent, then posted.

        A no of Stripe's is recorded and raised; the next run tries again.
        """
        payment_id = f"{purchase.purchase_id}:{purchase.attempt}"
        reads = (Order.stream(purchase.purchase_id), Payment.stream(payment_id), Transfer.stream(purchase.purchase_id))
        transfer: Transfer = (await self._ledger.commit(lambda desk: _request(desk, purchase), reads)).value
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
                await self._ledger.commit(lambda desk: desk.get(Transfer, purchase.purchase_id).refuse(reason, desk.at))
                raise
        await self._ledger.commit(lambda desk: _made(desk, purchase, transfer_id))
        return sent

    @activity.defn(name="reverse_transfer")
    async def reverse_transfer(self, wanted: ReverseTransfer) -> Reversed:
        """Take a part of an order's transfer back; what the venue's account does not have, the venue owes."""
        purchase_id = wanted.purchase.purchase_id

        def request(desk: Desk) -> tuple[str, int, str] | None:
            transfer = desk.find(Transfer, purchase_id)
            reversal = transfer and transfer.request_reversal(wanted.key, wanted.amount_minor, desk.at)
            if not transfer or not reversal:
                return None
            return transfer.transfer_id or "", reversal.amount_minor, reversal.state

        requested = (await self._ledger.commit(request, (Transfer.stream(purchase_id),))).value
        if requested is None:
            return Reversed(reversed_minor=0, short_minor=0)
        transfer_id, amount, state = requested
        if state == "requested":
            key = f"{purchase_id}:reversal:{wanted.key}"
            try:
                reversal_id = await self._gateway.reverse_transfer(transfer_id, amount, key)
            except PaymentRefused as refusal:
                reason = str(refusal.data.get("reason"))
                await self._ledger.commit(lambda desk: _short(desk, wanted, reason))
                state = "refused"
            else:
                await self._ledger.commit(lambda desk: _reversed(desk, wanted, reversal_id))
                state = "made"
        back = amount if state == "made" else 0
        return Reversed(reversed_minor=back, short_minor=amount - back)

    @activity.defn(name="follow_payout")
    async def follow_payout(self, payout: PayoutRef) -> str:
        """Ask Stripe how a payout stands and post it: whatever the order in which its events come."""
        owner = await self._due.venue_of(payout.account_id)
        if owner is None:
            raise WrongState("this account is no venue's", account_id=payout.account_id)
        seen = await self._gateway.retrieve_payout(payout.account_id, payout.payout_id)
        await self._ledger.commit(lambda desk: _follow(desk, VenueRef(tenant_id=owner[0], venue_id=owner[1]), seen))
        return seen.status

    async def _saw(self, venue: VenueRef, state: AccountState) -> AccountSeen:
        abilities = Abilities(state.may_receive, state.may_pay_out, state.asked_for)

        def decide(desk: Desk) -> None:
            payee = desk.find(Payee, venue.venue_id)
            if payee is None:
                payee = desk.add(Payee.begin(PayeeNamed, venue.venue_id, desk.at, tenant_id=venue.tenant_id))
            payee.connect(state.account_id, desk.at)
            payee.see(abilities, desk.at)

        await self._ledger.commit(decide, (Payee.stream(venue.venue_id),))
        return AccountSeen(
            account_id=state.account_id,
            may_receive=state.may_receive,
            may_pay_out=state.may_pay_out,
            asked_for=state.asked_for,
        )


def share_left(order: Order) -> int:
    """Return what of an order's share is the venue's: below nothing when it gave back more than it got."""
    if order.price is None or not order.is_sold:
        raise WrongState("only a sold order has a share", state=order.state)
    return order.price.venue_share_minor


def _request(desk: Desk, purchase: PurchaseRef) -> Transfer:
    """Decide an order's transfer, once; what the venue owes is taken out of it first."""
    order = desk.get(Order, purchase.purchase_id)
    payee = desk.get(Payee, str(order.venue_id))
    if payee.account_id is None or not payee.abilities.may_receive:
        raise WrongState("the venue's account cannot receive money yet")
    known = desk.find(Transfer, purchase.purchase_id)
    if known is not None:
        known.try_again(payee.account_id, desk.at)
        return known
    share = share_left(order)
    payment = desk.get(Payment, f"{purchase.purchase_id}:{purchase.attempt}")
    currency = order.price.currency if order.price else ""
    if share < 0:
        payee.note_shortfall(f"{purchase.purchase_id}:share", currency, -share, desk.at)
    amount = payee.net(f"{purchase.purchase_id}:netted", currency, max(share, 0), desk.at)
    return desk.add(
        Transfer.begin(
            TransferRequested,
            purchase.purchase_id,
            desk.at,
            tenant_id=purchase.tenant_id,
            venue_id=order.venue_id,
            account_id=payee.account_id,
            charge_id=payment.charge_id or "",
            amount_minor=amount,
            currency=currency,
        )
    )


def _made(desk: Desk, purchase: PurchaseRef, transfer_id: str) -> None:
    transfer = desk.get(Transfer, purchase.purchase_id)
    if transfer.make(transfer_id, desk.at) and transfer.amount_minor:
        postings = transfer_postings(transfer.venue_id, transfer.currency, transfer.amount_minor)
        post(desk, purchase, f"{purchase.purchase_id}:transfer", "transfer", postings)


def _reversed(desk: Desk, wanted: ReverseTransfer, reversal_id: str) -> None:
    transfer = desk.get(Transfer, wanted.purchase.purchase_id)
    if transfer.reverse(wanted.key, reversal_id, desk.at):
        amount = transfer.reversals[wanted.key].amount_minor
        postings = reversal_postings(transfer.venue_id, transfer.currency, amount)
        post(desk, wanted.purchase, f"{transfer.identity}:reversal:{wanted.key}", "transfer-reversed", postings)


def _short(desk: Desk, wanted: ReverseTransfer, reason: str) -> None:
    transfer = desk.get(Transfer, wanted.purchase.purchase_id)
    if transfer.refuse_reversal(wanted.key, reason, desk.at):
        amount = transfer.reversals[wanted.key].amount_minor
        key = f"{transfer.identity}:reversal:{wanted.key}"
        desk.get(Payee, transfer.venue_id).note_shortfall(key, transfer.currency, amount, desk.at)


def _follow(desk: Desk, venue: VenueRef, seen: PayoutStateSeen) -> None:
    known = desk.find(Payout, seen.payout_id)
    nobody = PurchaseRef(tenant_id=venue.tenant_id, purchase_id="", attempt=0)
    if known is None and seen.status == "paid":
        facts = {"tenant_id": venue.tenant_id, "venue_id": venue.venue_id}
        money = {"amount_minor": seen.amount_minor, "currency": seen.currency}
        desk.add(Payout.begin(PayoutPaid, seen.payout_id, desk.at, **facts, **money))
        postings = payout_postings(venue.venue_id, seen.currency, seen.amount_minor, returned=False)
        post(desk, nobody, f"{seen.payout_id}:paid", "payout", postings)
    elif known is not None and seen.status in {"failed", "canceled"} and known.come_back(seen.failure or "", desk.at):
        postings = payout_postings(venue.venue_id, known.currency, known.amount_minor, returned=True)
        post(desk, nobody, f"{seen.payout_id}:returned", "payout-returned", postings)
