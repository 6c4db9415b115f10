"""The faults of whole balances at Stripe: the venues' own, and the platform's with its payouts and top-ups."""

from collections import Counter
from collections.abc import Collection, Container

from domain.invariants.invariant import OWN_MONEY, VENUE_BALANCE, WHOLE_BALANCE, Findings
from domain.invariants.outside import ExternalState
from domain.invariants.state import InvariantState
from domain.money.books import STRIPE_CLEARING, venue_account

ANY_PAYOUT = "a payout"  # among the running: some payout is being followed


def judge_balances_at_stripe(
    state: InvariantState,
    outside: ExternalState,
    moving: Container[str],
    judged: Collection[str],
    findings: Findings,
) -> None:
    """Judge the venues' balances at rest, each movement of our own, and our whole balance.

    `moving` changed while the other systems were read; `judged` are the purchases at rest.
    """
    _judge_venues(state, outside, moving, findings)
    late = _judge_entries(state, outside, findings)
    if outside.balance_minor is not None:
        _judge_whole(state, outside, judged, late, findings)


def _judge_venues(state: InvariantState, outside: ExternalState, moving: Container[str], findings: Findings) -> None:
    """Compare each venue's account; one with an undecided transfer, or a payout that is followed, is not at rest."""
    running = outside.running or frozenset()
    if ANY_PAYOUT in running:
        return
    for account_id, read in sorted((outside.accounts or {}).items()):
        venue_id = state.accounts.get(account_id)
        if venue_id is None or venue_id in moving or state.sending[venue_id] or account_id in running:
            continue
        account = venue_account(venue_id, "available")
        for unit in sorted({unit for name, unit in state.books if name == account} | read.balance_minor.keys()):
            at_stripe = read.balance_minor.get(unit, 0) + read.under_way_minor.get(unit, 0)
            fault = _fault(at_stripe, state.books[account, unit], unit)
            findings.judge(VENUE_BALANCE, f"{account} {unit}", fault)


def _judge_entries(state: InvariantState, outside: ExternalState, findings: Findings) -> Counter[str]:
    """Compare each movement of our own balance with its postings; return the sums of those that may still be booked."""
    late: Counter[str] = Counter()
    if outside.entries is None:
        return late
    for entry in outside.entries:
        posted = -state.entries[entry.entry_id, entry.currency]
        if not posted and entry.at + outside.patience > outside.now:
            late[entry.currency] += entry.net_minor
            continue
        fault = _fault(entry.net_minor, posted, entry.currency)
        findings.judge(OWN_MONEY, entry.entry_id, f"{entry.kind}: {fault}" if fault else None)
    known = {entry.entry_id for entry in outside.entries}
    for (key, unit), amount in sorted(state.entries.items()):
        if key not in known and amount:
            findings.judge(OWN_MONEY, key, _fault(0, -amount, unit))
    return late


def _judge_whole(
    state: InvariantState, outside: ExternalState, judged: Collection[str], late: Counter[str], findings: Findings
) -> None:
    """Compare our whole balance with the clearing account, both without the payments that are not judged."""
    at_rest, left_out = {*judged, ""}, Counter(late)
    for intent in outside.intents:
        if intent.purchase_id not in at_rest or not intent.is_own(state.purchases):
            left_out[intent.currency] += intent.net_minor
    books: Counter[str] = Counter()
    for (account, unit), amount in state.books.items():
        books[unit] -= amount if account == STRIPE_CLEARING else 0
    for identity, purchase in state.purchases.items():
        if identity not in at_rest:
            for (account, unit), amount in purchase.books.items():
                books[unit] += amount if account == STRIPE_CLEARING else 0
    balance = outside.balance_minor or {}
    for unit in sorted(balance.keys() | {unit for unit, amount in books.items() if amount}):
        at_stripe = balance.get(unit, 0) - left_out[unit]
        findings.unexplained_minor[unit] = books[unit] - at_stripe
        findings.judge(WHOLE_BALANCE, f"{STRIPE_CLEARING} {unit}", _fault(at_stripe, books[unit], unit))


def _fault(at_stripe: int, in_books: int, unit: str) -> str | None:
    if at_stripe == in_books:
        return None
    return f"Stripe has {at_stripe} {unit}, the books have {in_books}: {in_books - at_stripe:+d}"
