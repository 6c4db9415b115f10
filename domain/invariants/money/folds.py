"""Folds of money into the summaries judged by the invariants: payments, disputes, transfers, and the books."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from domain.core.aggregate import DomainEvent
from domain.invariants.money.refund_folds import REFUND_FOLDS
from domain.invariants.state import DisputeSummary, InvariantState, PurchaseSummary
from domain.money.books import STRIPE_CLEARING, TransactionPosted
from domain.payments.dispute import DisputeLost, DisputeOpened, DisputeReturned, DisputeWon
from domain.payments.payment import (
    IntentCreated,
    PaymentCancelled,
    PaymentCaptured,
    PaymentOwed,
    PaymentRefunded,
    StrayIntentFound,
)
from domain.payouts.payee import AccountConnected
from domain.payouts.transfer import (
    ReversalRefused,
    ReversalRequested,
    TransferMade,
    TransferRefused,
    TransferRequested,
    TransferRequestedAgain,
    TransferReversed,
)

VENUE = "venue:"
MINTED_KEY = ":minted"


def _intended(all_of: InvariantState, event: IntentCreated) -> None:
    purchase = all_of.purchase(event.purchase_id)
    purchase.intents.add(event.intent_id)
    purchase.payments[event.identity] = "open"


def _strayed(all_of: InvariantState, event: StrayIntentFound) -> None:
    purchase = all_of.purchase(event.purchase_id)
    purchase.strays.add(event.intent_id)
    purchase.payments[event.identity] = "open"


def _payment(state: str) -> Callable[[InvariantState, DomainEvent], None]:
    """Return a fold that sets the state of one attempt's payment; its id is `{purchase}:{attempt or intent}`."""

    def fold(all_of: InvariantState, event: DomainEvent) -> None:
        name = event.identity
        all_of.purchase(name.rpartition(":")[0]).payments[name] = state

    return fold


def _disputed(all_of: InvariantState, event: DisputeOpened) -> None:
    summary = DisputeSummary(event.amount_minor, event.currency, Counter(event.parts))
    all_of.purchase(event.purchase_id).disputes[event.identity] = summary


def _won(all_of: InvariantState, event: DisputeWon) -> None:
    dispute = all_of.purchase(event.purchase_id).disputes[event.identity]
    dispute.state = "won"
    dispute.returned_minor = dispute.amount_minor if event.returned_minor is None else event.returned_minor


def _lost(all_of: InvariantState, event: DisputeLost) -> None:
    dispute = all_of.purchase(event.purchase_id).disputes[event.identity]
    dispute.state, dispute.parts = "lost", Counter(event.parts)


def _returned(all_of: InvariantState, event: DisputeReturned) -> None:
    dispute = all_of.purchase(event.purchase_id).disputes[event.identity]
    dispute.returned_minor += event.amount_minor
    dispute.parts.subtract(event.parts)


def _connected(all_of: InvariantState, event: AccountConnected) -> None:
    all_of.accounts[event.account_id] = event.identity


def _sending(all_of: InvariantState, event: TransferRequested) -> None:
    all_of.sending[event.venue_id].add(event.identity)
    all_of.purchase(event.identity).venue_id = event.venue_id


def _sent(all_of: InvariantState, event: TransferMade | TransferRefused) -> None:
    all_of.sending[all_of.purchase(event.identity).venue_id].discard(event.identity)


def _sending_again(all_of: InvariantState, event: TransferRequestedAgain) -> None:
    all_of.sending[all_of.purchase(event.identity).venue_id].add(event.identity)


def _reversing(all_of: InvariantState, event: ReversalRequested) -> None:
    all_of.sending[all_of.purchase(event.identity).venue_id].add(f"{event.identity}:{event.key}")


def _reversed(all_of: InvariantState, event: TransferReversed | ReversalRefused) -> None:
    all_of.sending[all_of.purchase(event.identity).venue_id].discard(f"{event.identity}:{event.key}")


def _posted(all_of: InvariantState, event: TransactionPosted) -> None:
    all_of.touched.add(("books", event.purchase_id))
    if event.identity.endswith(MINTED_KEY):
        all_of.minted_keys.add(event.identity)
    purchase = all_of.purchase(event.purchase_id)
    charge = _charge_of(purchase, event)
    for account, unit, amount in sides_of(event):
        purchase.books[account, unit] += amount
        all_of.books[account, unit] += amount
        purchase.sums[unit] += amount
        all_of.sums[unit] += amount
        if account == STRIPE_CLEARING:
            purchase.clearing[charge, unit] += amount
            if not event.purchase_id:
                all_of.entries[event.identity, unit] += amount
        if account.startswith(VENUE):
            all_of.touched.add(("venue", account.split(":")[1]))


def _charge_of(purchase: PurchaseSummary, event: TransactionPosted) -> str:
    """Return the stray payment that postings are about; empty for a payment of the purchase's own."""
    if event.intent_id:
        return event.intent_id if event.intent_id in purchase.strays else ""
    for part in event.identity.split(":"):
        refund = purchase.refunds.get(part)
        named = part if refund is None else refund.intent_id
        if named in purchase.strays:
            return named
    return ""


def sides_of(event: TransactionPosted) -> list[tuple[str, str, int]]:
    """Return (account, unit, credited amount) of each side of each posting; a debit is a negative credit."""
    return [
        (posting[side], posting["unit"], sign * posting["amount"])
        for posting in event.postings
        for side, sign in (("credit", 1), ("debit", -1))
        if posting.get(side)
    ]


MONEY_FOLDS: dict[type[DomainEvent], Callable[[InvariantState, Any], None]] = {
    IntentCreated: _intended,
    StrayIntentFound: _strayed,
    PaymentCaptured: _payment("captured"),
    PaymentCancelled: _payment("cancelled"),
    PaymentOwed: _payment("owed"),
    PaymentRefunded: _payment("refunded"),
    DisputeOpened: _disputed,
    DisputeWon: _won,
    DisputeLost: _lost,
    DisputeReturned: _returned,
    AccountConnected: _connected,
    TransferRequested: _sending,
    TransferMade: _sent,
    TransferRefused: _sent,
    TransferRequestedAgain: _sending_again,
    ReversalRequested: _reversing,
    ReversalRefused: _reversed,
    TransferReversed: _reversed,
    TransactionPosted: _posted,
    **REFUND_FOLDS,
}
