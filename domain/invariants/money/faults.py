"""The faults of one purchase's money: Stripe's balance transactions beside the books, party by party."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from domain.invariants.invariant import CLEARING, PAID, PARTIES, SHARE, Invariant
from domain.invariants.outside import StripePayment
from domain.invariants.state import PurchaseSummary
from domain.money.books import (
    DISPUTE_LOSSES,
    PLATFORM_BANK,
    PLATFORM_FEES,
    PROCESSING_FEES,
    REFUND_LOSSES,
    cash_till,
    tax_payable,
    venue_payable,
)
from domain.payments.dispute import DISPUTE_RESERVE

PLATFORM = (PLATFORM_FEES, PROCESSING_FEES, PLATFORM_BANK, DISPUTE_RESERVE, DISPUTE_LOSSES, REFUND_LOSSES)


def money_faults(
    identity: str, purchase: PurchaseSummary, intents: Sequence[StripePayment]
) -> Iterator[tuple[Invariant, str, str | None]]:
    """Yield (invariant, subject, fault) of a purchase's charges, of its parties, and of what Stripe and till keep."""
    yield from _clearing_faults(identity, purchase, intents)
    due = _due(purchase)
    yield SHARE, identity, difference(_credited(purchase), due)
    held = {key: amount for key, amount in purchase.books.items() if key[0] in PLATFORM and amount}
    yield PARTIES, identity, difference(held, _due_of_platform(purchase, intents))
    if purchase.end == "sold":
        yield PAID, identity, _paid_fault(purchase, intents)


def held_minor(purchase: PurchaseSummary, intent: StripePayment) -> int:
    """Return the money that a payment keeps for its purchase, or (it bought nothing) that nobody has had back.

    Of the latter a bank may have taken some, and what was paid back by hand is the platform's own.
    """
    if purchase.end == "sold" and intent.intent_id in purchase.intents:
        return intent.kept_minor
    given = purchase.refunds.values()
    return max(intent.left_minor - sum(one.by_hand_minor for one in given if one.intent_id == intent.intent_id), 0)


def difference(has: Mapping[tuple[str, str], int], due: Mapping[tuple[str, str], int]) -> str | None:
    """Return each account that differs from what is due, with the amount that it has too much or too little."""
    off = [
        f"{account} has {has.get((account, unit), 0)} {unit}, due {due.get((account, unit), 0)}:"
        f" {has.get((account, unit), 0) - due.get((account, unit), 0):+d}"
        for account, unit in sorted(has.keys() | due.keys())
        if has.get((account, unit), 0) != due.get((account, unit), 0)
    ]
    return "; ".join(off) or None


def _clearing_faults(
    identity: str, purchase: PurchaseSummary, intents: Sequence[StripePayment]
) -> Iterator[tuple[Invariant, str, str | None]]:
    """Compare the net of each charge with the books; the payments of the purchase's attempts are one subject."""
    nets: Counter[tuple[str, str]] = Counter()
    for intent in intents:
        is_own = intent.intent_id in purchase.intents
        nets["" if is_own else intent.intent_id, intent.currency] += intent.net_minor
    for charge in sorted({"", *(charge for charge, _ in (*nets, *purchase.clearing))}):
        units = {unit for one, unit in (*nets, *purchase.clearing) if one == charge}
        off = [
            f"Stripe's net is {nets[charge, unit]} {unit}, the books have {-purchase.clearing[charge, unit]}:"
            f" {-purchase.clearing[charge, unit] - nets[charge, unit]:+d}"
            for unit in sorted(units)
            if nets[charge, unit] != -purchase.clearing[charge, unit]
        ]
        yield CLEARING, charge or identity, "; ".join(off) or None


def _due(purchase: PurchaseSummary) -> dict[tuple[str, str], int]:
    """Return what venue and tax keep of a live order: their parts less refunds and what banks took for good."""
    given = purchase.refunds.values()
    share = purchase.share_minor - sum(refund.venue_minor for refund in given) - purchase.lost("venue_minor")
    tax = purchase.tax_minor - sum(refund.tax_minor for refund in given) - purchase.lost("tax_minor")
    wanted = {venue_payable(purchase.venue_id): share, tax_payable(purchase.venue_id): tax}
    sold = purchase.end == "sold"
    return {(account, purchase.currency): amount for account, amount in wanted.items() if sold and amount}


def _due_of_platform(purchase: PurchaseSummary, intents: Sequence[StripePayment]) -> dict[tuple[str, str], int]:
    """Return what the platform's accounts keep: fees less refunds, losses and Stripe's fees, and the disputes.

    Stripe takes its fees in the currency of the payment, which need not be that of the price.
    """
    given, sold, unit = purchase.refunds.values(), purchase.end == "sold", purchase.currency
    due: Counter[tuple[str, str]] = Counter()
    for refund in given:
        due[PLATFORM_BANK, refund.currency or unit] += refund.by_hand_minor
        due[REFUND_LOSSES, refund.currency or unit] -= refund.excess_minor
    if sold:
        due[PLATFORM_FEES, unit] = purchase.platform_minor - sum(refund.platform_minor for refund in given)
        due[PROCESSING_FEES, unit] = purchase.processing_minor - sum(refund.processing_minor for refund in given)
    for dispute in purchase.disputes.values():
        missing = dispute.amount_minor - (dispute.returned_minor if dispute.state == "won" else 0)
        if dispute.state == "lost":
            due[PLATFORM_FEES, dispute.currency] -= dispute.parts["platform_minor"]
            due[PROCESSING_FEES, dispute.currency] -= dispute.parts["processing_minor"]
            due[DISPUTE_LOSSES, dispute.currency] -= dispute.parts["loss_minor"]
        else:
            due[DISPUTE_RESERVE, dispute.currency] -= max(missing, 0)
            due[DISPUTE_LOSSES, dispute.currency] -= min(missing, 0)
    for intent in intents:
        due[PROCESSING_FEES, intent.currency] -= intent.fees_minor
    return {key: amount for key, amount in due.items() if amount}


def _paid_fault(purchase: PurchaseSummary, intents: Sequence[StripePayment]) -> str | None:
    """Compare what Stripe and the till keep of a sale with its price less its refunds."""
    kept = sum(held_minor(purchase, intent) for intent in intents)
    of_sale = [one for one in purchase.refunds.values() if not one.intent_id or one.intent_id in purchase.intents]
    arrived = [one for one in of_sale if one.state == "succeeded"]
    back = sum(one.amount_minor - one.by_bank_minor - one.by_hand_minor for one in arrived)
    is_cash = purchase.total_minor > purchase.charge_minor
    due_minor, in_cash = (0, purchase.total_minor - back) if is_cash else (purchase.charge_minor - back, 0)
    till = -purchase.books[cash_till(purchase.venue_id), purchase.currency]
    if (kept, till) == (due_minor, in_cash):
        return None
    return (
        f"Stripe keeps {kept} and the till {till}, the price less refunds is {due_minor} and {in_cash} in cash:"
        f" {kept + till - due_minor - in_cash:+d}"
    )


def _credited(purchase: PurchaseSummary) -> dict[tuple[str, str], int]:
    """Sum the shares of venue and tax of a purchase; a venue's share counts in any of its accounts."""
    credited: Counter[tuple[str, str]] = Counter()
    for (account, unit), amount in purchase.books.items():
        if account.startswith("venue:"):
            credited[venue_payable(account.split(":")[1]), unit] += amount
        elif account.startswith("tax:"):
            credited[account, unit] += amount
    return {key: amount for key, amount in credited.items() if amount}
