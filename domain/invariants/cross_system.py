"""The invariants across several systems, judged for purchases at rest.

While a purchase runs, its systems differ on purpose; while they are read one after another, they may change. So an
owner is judged only if it has ended according to the events, its events did not change while the other systems were
read, and no workflow is processing it. The others are counted and reported.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.invariants.invariant import (
    ARRIVED,
    BALANCES,
    CAPTURES,
    CLEARING,
    DELIVERED,
    ENDS,
    MINTED,
    ONE_CAPTURE,
    PAID,
    SHARE,
    UNDONE,
    Findings,
    Invariant,
)
from domain.invariants.per_commit import History
from domain.invariants.state import LIVE, InvariantState, PurchaseSummary
from domain.money.books import (
    MINT_DEBT,
    STRIPE_CLEARING,
    TICKET_UNIT,
    buyer_refundable,
    cash_till,
    tax_payable,
    venue_payable,
)

CLOSED_PAYMENTS = {"cancelled", "refunded"}
Balances = Mapping[tuple[str, str], int]


class StripePayment(NamedTuple):
    """A payment as read from Stripe, in minor units; `net_minor` sums its balance transactions, less fees.

    Without a purchase it is not ours. One that is not labelled with our deployment is ours only if its purchase is.
    """

    intent_id: str
    purchase_id: str
    currency: str
    captured_minor: int
    refunded_minor: int
    net_minor: int
    is_open: bool
    is_labelled: bool = True

    def is_own(self, purchases: Container[str]) -> bool:
        """Return whether it belongs to this deployment, which has these purchases."""
        return bool(self.purchase_id) and (self.is_labelled or self.purchase_id in purchases)

    @property
    def kept_minor(self) -> int:
        """The captured amount less refunds."""
        return self.captured_minor - self.refunded_minor


class ExternalState(NamedTuple):
    """The state of the other systems: `running` are owners with a running workflow, `cases` are open cases by payment.

    None for one of these two: not queried. `patience` is the time allowed between a deadline and the end, and for a
    case of a live order to close.
    """

    intents: Sequence[StripePayment]
    supplies: Mapping[str, int]
    now: datetime
    running: frozenset[str] | None = None
    cases: Mapping[str, datetime] | None = None
    patience: timedelta = timedelta(0)


class Quiescence(NamedTuple):
    """The owners judged and not judged: without an end, changing during the reads, or with a running workflow."""

    judged: frozenset[str]
    open: frozenset[str]
    moving: frozenset[str]
    at_work: frozenset[str]


class _Case(NamedTuple):
    """One owner at rest, with its state in every system."""

    identity: str
    purchase: PurchaseSummary
    intents: Sequence[StripePayment]
    state: InvariantState
    outside: ExternalState


def judge_at_rest(history: History, outside: ExternalState, findings: Findings) -> Quiescence:
    """Judge every owner that is at rest, and the missing end of every other one."""
    purchases = history.state.purchases
    intents: defaultdict[str, list[StripePayment]] = defaultdict(list)
    for intent in outside.intents:
        if intent.is_own(purchases):
            intents[intent.purchase_id].append(intent)
    found: dict[str, set[str]] = {"judged": set(), "open": set(), "moving": set(), "at work": set()}
    for identity in sorted(purchases.keys() | intents.keys()):
        purchase = purchases.get(identity, PurchaseSummary())
        rest = _rest_of(identity, purchase, history, outside)
        if rest in {"open", "judged"} and purchase.deadline is not None:
            findings.judge(ENDS, identity, ends_fault(identity, purchase, outside))
        if rest == "judged":
            case = _Case(identity, purchase, intents[identity], history.state, outside)
            _judge_captures(case, findings)
            if any(intent.intent_id in (outside.cases or ()) for intent in case.intents):
                rest = "at work"  # the case is about to change the other figures
            else:
                _judge(case, findings)
        found[rest].add(identity)
    return Quiescence(*(frozenset(found[rest]) for rest in ("judged", "open", "moving", "at work")))


def judge_balances(books: Balances, shown: Balances, findings: Findings) -> None:
    """Compare displayed balances with the postings, at the same position."""
    for account, unit in sorted(books.keys() | shown.keys()):
        lines, balance = books.get((account, unit), 0), shown.get((account, unit), 0)
        fault = None if lines == balance else f"{balance} {unit} is displayed, its lines sum to {lines}"
        findings.judge(BALANCES, account, fault)


def _rest_of(identity: str, purchase: PurchaseSummary, history: History, outside: ExternalState) -> str:
    if identity in history.moving:
        return "moving"
    if purchase.end is None:
        return "open"
    # The end of an external hold only waits for its deadline: no workflow processes it.
    names = {identity, *purchase.refunds} if purchase.kind != "reservation" else set()
    return "at work" if names & (outside.running or set()) else "judged"


def ends_fault(identity: str, purchase: PurchaseSummary, outside: ExternalState) -> str | None:
    """Return the fault of an owner that is overdue and that no workflow is processing."""
    overdue = purchase.deadline is not None and purchase.deadline + outside.patience < outside.now
    if purchase.end is not None or not overdue or identity in (outside.running or ()):
        return None
    return f"{purchase.kind} is {purchase.state}, due {purchase.deadline}"


def _judge(case: _Case, findings: Findings) -> None:
    identity, purchase = case.identity, case.purchase
    for invariant, fault in _money_faults(case):
        findings.judge(invariant, identity, fault)
    if purchase.end == "unsold":
        findings.judge(UNDONE, identity, undone_fault(purchase, case.intents))
        return
    findings.judge(DELIVERED, identity, delivered_fault(purchase, case.state))
    findings.judge(ARRIVED, identity, arrived_fault(identity, purchase))
    if purchase.kind == "order":
        for ticket_id in purchase.tickets:
            findings.judge(MINTED, ticket_id, minted_fault(ticket_id, case.state, case.outside.supplies))


def _judge_captures(case: _Case, findings: Findings) -> None:
    kept = [intent for intent in case.intents if intent.kept_minor]
    many = f"{len(kept)} captures: {', '.join(intent.intent_id for intent in kept)}" if len(kept) > 1 else None
    findings.judge(ONE_CAPTURE, case.identity, many)
    for intent in kept:
        sold = case.purchase.end == "sold" and intent.intent_id in case.purchase.intents
        opened = (case.outside.cases or {}).get(intent.intent_id)
        figures = f"{intent.kept_minor} {intent.currency} of {case.identity} ({case.purchase.state})"
        if sold and opened is not None:  # a case opened before the sale closes by itself
            fault = f"{figures} has both a live order and a case, since {opened}"
            findings.judge(
                CAPTURES, intent.intent_id, fault if opened + case.outside.patience < case.outside.now else None
            )
        elif sold or opened is not None:
            findings.judge(CAPTURES, intent.intent_id, None)
        elif case.outside.cases is not None:
            findings.judge(CAPTURES, intent.intent_id, f"{figures} has neither a live order nor a case")


def _money_faults(case: _Case) -> list[tuple[Invariant, str | None]]:
    """Compare Stripe's net, the shares of venue and tax, and the kept money with the books and the price."""
    purchase, sold = case.purchase, case.purchase.end == "sold"
    faults: list[tuple[Invariant, str | None]] = [(CLEARING, clearing_fault(purchase, case.intents))]
    credited = _credited(purchase)
    given = purchase.refunds.values()
    share = purchase.share_minor - sum(refund.venue_minor for refund in given) - purchase.disputed_share_minor
    tax = purchase.tax_minor - sum(refund.tax_minor for refund in given) - purchase.disputed_tax_minor
    wanted = {venue_payable(purchase.venue_id): share, tax_payable(purchase.venue_id): tax}
    due = {(account, purchase.currency): amount for account, amount in wanted.items() if sold and amount}
    faults.append((SHARE, None if credited == due else f"credited {credited}, due {due} ({purchase.state})"))
    if sold:
        kept = sum(intent.kept_minor for intent in case.intents)
        back = sum(one.amount_minor for one in given if one.state == "succeeded" and not one.by_hand)
        is_cash = purchase.total_minor > purchase.charge_minor
        due_minor, in_cash = (0, purchase.total_minor - back) if is_cash else (purchase.charge_minor - back, 0)
        till = -purchase.books[cash_till(purchase.venue_id), purchase.currency]
        paid = None
        if (kept, till) != (due_minor, in_cash):
            paid = (
                f"Stripe keeps {kept} and the till {till}, the price less refunds is {due_minor} and {in_cash} in cash"
            )
        faults.append((PAID, paid))
    return faults


def _credited(purchase: PurchaseSummary) -> dict[tuple[str, str], int]:
    """Sum the shares of venue and tax of a purchase; a venue's share counts in any of its accounts."""
    credited: Counter[tuple[str, str]] = Counter()
    for (account, unit), amount in purchase.books.items():
        if account.startswith("venue:"):
            credited[venue_payable(account.split(":")[1]), unit] += amount
        elif account.startswith("tax:"):
            credited[account, unit] += amount
    return {key: amount for key, amount in credited.items() if amount}


def clearing_fault(purchase: PurchaseSummary, intents: Sequence[StripePayment]) -> str | None:
    """Return the differences between Stripe's net and the books of one purchase; assets are negative in the books."""
    nets: Counter[str] = Counter()
    for intent in intents:
        nets[intent.currency] += intent.net_minor
    books = {unit: -amount for (account, unit), amount in purchase.books.items() if account == STRIPE_CLEARING}
    off = [
        f"Stripe's net is {nets[unit]} {unit}, the books have {books.get(unit, 0)}"
        for unit in sorted(nets.keys() | books.keys())
        if nets[unit] != books.get(unit, 0)
    ]
    return "; ".join(off) or None


def delivered_fault(purchase: PurchaseSummary, state: InvariantState) -> str | None:
    """Return the fault of a sale with missing or extra seats or tickets, or with tickets owed by the books."""
    seats = {key: count for key, count in purchase.seats.items() if count}
    kept = Counter(purchase.wanted) - purchase.returned_seats
    if seats != {(kind, "confirmed"): count for kind, count in kept.items()}:
        return f"has seats {seats}, ordered {purchase.wanted}, back on sale {dict(purchase.returned_seats)}"
    kinds = {ticket_id: state.tickets[ticket_id].ticket_type_id for ticket_id in purchase.tickets}
    issued = Counter(kinds[ticket_id] for ticket_id in kinds if state.tickets[ticket_id].state == "issued")
    refunded = Counter(kinds[ticket_id] for ticket_id in purchase.refunded_tickets & kinds.keys())
    if issued + refunded != purchase.wanted or issued.total() != purchase.live_tickets.total():
        return (
            f"has {issued.total()} issued of {purchase.live_tickets.total()} live tickets, {refunded.total()} refunded,"
            f" ordered {purchase.wanted}"
        )
    debt = purchase.books[MINT_DEBT, TICKET_UNIT]
    return f"the books still owe {debt} tickets" if debt else None


def minted_fault(ticket_id: str, state: InvariantState, supplies: Mapping[str, int]) -> str | None:
    """Return the fault of a sold ticket without its mint or with two tokens, or of a refunded one with a token.

    A supply of 0 at the mint of a sold ticket is no fault: we burn none of those, its holder did.
    """
    ticket = state.tickets[ticket_id]
    found = {address: supplies.get(address) for address in ticket.addresses}
    if ticket.state == "void":
        return f"was refunded, supplies on chain: {found}" if any(found.values()) else None
    if not found:
        return "is sold and not minted"
    return None if list(found.values()) in ([1], [0]) else f"supplies on chain: {found}"


def arrived_fault(identity: str, purchase: PurchaseSummary) -> str | None:
    """Return the refunds that have not arrived without any workflow, and the amount owed to the buyer."""
    late = [f"{name} is {refund.state}" for name, refund in purchase.refunds.items() if refund.state != "succeeded"]
    owed = purchase.books[buyer_refundable(identity), purchase.currency]
    return "; ".join([*late, *([f"the buyer is owed {owed}"] if owed else [])]) or None


def undone_fault(purchase: PurchaseSummary, intents: Sequence[StripePayment]) -> str | None:
    """Return the leftovers of a purchase or hold that ended without a sale."""
    seats = sum(count for (_, state), count in purchase.seats.items() if state in LIVE)
    payments = [f"{name} is {state}" for name, state in purchase.payments.items() if state not in CLOSED_PAYMENTS]
    left = {
        "seats": seats,
        "live tickets": purchase.live_tickets.total(),
        "discounts": sorted(purchase.discounts),
        "payments": payments,
        "open at Stripe": [intent.intent_id for intent in intents if intent.is_open],
    }
    remaining = {name: value for name, value in left.items() if value}
    return f"{purchase.state}, and still has {remaining}" if remaining else None
