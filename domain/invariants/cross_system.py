"""The laws over several systems, judged for whatever has ended and stands still: at rest.

While a purchase runs, its systems differ on purpose; while they are read one after another, they may change. So an
owner is judged only when the facts have its end, nothing of it changed while the other systems were read, and the
engine does not work on it. Who is left out is counted, and told.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
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
    Law,
)
from domain.invariants.per_commit import History
from domain.invariants.state import LIVE, Owner, Standing
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


class IntentSaid(NamedTuple):
    """What Stripe says of one payment, in minor units; `net_minor` sums its balance transactions, fees taken off."""

    intent_id: str
    purchase_id: str
    currency: str
    captured_minor: int
    refunded_minor: int
    net_minor: int
    is_open: bool

    @property
    def kept_minor(self) -> int:
        """What was taken and not given back."""
        return self.captured_minor - self.refunded_minor


class Outside(NamedTuple):
    """What the other systems say. `running` are owners that the engine works on, `cases` since when a payment has one.

    None for one of these two is: not asked. `patience` is how long after its deadline an end may take, and how long a
    case may stay open for an order that is live.
    """

    intents: Sequence[IntentSaid]
    supplies: Mapping[str, int]
    now: datetime
    running: frozenset[str] | None = None
    cases: Mapping[str, datetime] | None = None
    patience: timedelta = timedelta(0)


class Stillness(NamedTuple):
    """Who was judged, and who not: without an end, changing while it was read, or with somebody at work on it."""

    judged: frozenset[str]
    open: frozenset[str]
    moving: frozenset[str]
    at_work: frozenset[str]


class _Case(NamedTuple):
    """One owner at rest, with everything that is said of it."""

    identity: str
    owner: Owner
    intents: Sequence[IntentSaid]
    standing: Standing
    outside: Outside


def judge_at_rest(history: History, outside: Outside, findings: Findings) -> Stillness:
    """Judge every owner that is at rest, and the end of every other one."""
    owners = history.standing.owners
    intents: defaultdict[str, list[IntentSaid]] = defaultdict(list)
    for said in outside.intents:
        if said.purchase_id:  # a payment that is not ours has no purchase
            intents[said.purchase_id].append(said)
    found: dict[str, set[str]] = {"judged": set(), "open": set(), "moving": set(), "at work": set()}
    for identity in sorted(owners.keys() | intents.keys()):
        owner = owners.get(identity, Owner())
        rest = _rest_of(identity, owner, history, outside)
        if rest in {"open", "judged"} and owner.deadline is not None:
            findings.judge(ENDS, identity, ends_fault(identity, owner, outside))
        if rest == "judged":
            case = _Case(identity, owner, intents[identity], history.standing, outside)
            _judge_captures(case, findings)
            if any(said.intent_id in (outside.cases or ()) for said in case.intents):
                rest = "at work"  # the case is about to change what the rest is about
            else:
                _judge(case, findings)
        found[rest].add(identity)
    return Stillness(*(frozenset(found[rest]) for rest in ("judged", "open", "moving", "at work")))


def judge_balances(books: Balances, shown: Balances, findings: Findings) -> None:
    """Hold the balances that are shown against the postings, at one and the same position."""
    for account, unit in sorted(books.keys() | shown.keys()):
        lines, balance = books.get((account, unit), 0), shown.get((account, unit), 0)
        fault = None if lines == balance else f"{balance} {unit} is shown, its lines sum to {lines}"
        findings.judge(BALANCES, account, fault)


def _rest_of(identity: str, owner: Owner, history: History, outside: Outside) -> str:
    if identity in history.moving:
        return "moving"
    if owner.end is None:
        return "open"
    # The end of an outside hold only waits for its time: nobody works on it.
    names = {identity, *owner.refunds} if owner.kind != "reservation" else set()
    return "at work" if names & (outside.running or set()) else "judged"


def ends_fault(identity: str, owner: Owner, outside: Outside) -> str | None:
    """Say that nobody will end what should have ended; what the engine still works on has somebody."""
    overdue = owner.deadline is not None and owner.deadline + outside.patience < outside.now
    if owner.end is not None or not overdue or identity in (outside.running or ()):
        return None
    return f"{owner.kind} is {owner.state}, due {owner.deadline}"


def _judge(case: _Case, findings: Findings) -> None:
    identity, owner = case.identity, case.owner
    for law, fault in _money_faults(case):
        findings.judge(law, identity, fault)
    if owner.end == "unsold":
        findings.judge(UNDONE, identity, undone_fault(owner, case.intents))
        return
    findings.judge(DELIVERED, identity, delivered_fault(owner, case.standing))
    findings.judge(ARRIVED, identity, arrived_fault(identity, owner))
    if owner.kind == "order":
        for ticket_id in owner.tickets:
            findings.judge(MINTED, ticket_id, minted_fault(ticket_id, case.standing, case.outside.supplies))


def _judge_captures(case: _Case, findings: Findings) -> None:
    kept = [said for said in case.intents if said.kept_minor]
    many = f"{len(kept)} captures: {', '.join(said.intent_id for said in kept)}" if len(kept) > 1 else None
    findings.judge(ONE_CAPTURE, case.identity, many)
    for said in kept:
        sold = case.owner.end == "sold" and said.intent_id in case.owner.intents
        opened = (case.outside.cases or {}).get(said.intent_id)
        figures = f"{said.kept_minor} {said.currency} of {case.identity} ({case.owner.state})"
        if sold and opened is not None:  # it may have been opened before the sale: then it looks, and closes
            fault = f"{figures} has both a live order and a case, since {opened}"
            findings.judge(
                CAPTURES, said.intent_id, fault if opened + case.outside.patience < case.outside.now else None
            )
        elif sold or opened is not None:
            findings.judge(CAPTURES, said.intent_id, None)
        elif case.outside.cases is not None:
            findings.judge(CAPTURES, said.intent_id, f"{figures} has neither a live order nor a case")


def _money_faults(case: _Case) -> list[tuple[Law, str | None]]:
    """Hold Stripe's net against the books, venue and tax against their parts, and kept money against the price."""
    owner, sold = case.owner, case.owner.end == "sold"
    faults: list[tuple[Law, str | None]] = [(CLEARING, clearing_fault(owner, case.intents))]
    credited = _credited(owner)
    given = owner.refunds.values()
    share = owner.share_minor - sum(refund.venue_minor for refund in given) - owner.disputed_share_minor
    tax = owner.tax_minor - sum(refund.tax_minor for refund in given) - owner.disputed_tax_minor
    wanted = {venue_payable(owner.venue_id): share, tax_payable(owner.venue_id): tax}
    due = {(account, owner.currency): amount for account, amount in wanted.items() if sold and amount}
    faults.append((SHARE, None if credited == due else f"credited {credited}, due {due} ({owner.state})"))
    if sold:
        kept = sum(said.kept_minor for said in case.intents)
        back = sum(one.amount_minor for one in given if one.state == "succeeded" and not one.by_hand)
        is_cash = owner.total_minor > owner.charge_minor
        due_minor, in_cash = (0, owner.total_minor - back) if is_cash else (owner.charge_minor - back, 0)
        till = -owner.books[cash_till(owner.venue_id), owner.currency]
        paid = None
        if (kept, till) != (due_minor, in_cash):
            paid = (
                f"Stripe keeps {kept} and the till {till}, the price less refunds is {due_minor} and {in_cash} in cash"
            )
        faults.append((PAID, paid))
    return faults


def _credited(owner: Owner) -> dict[tuple[str, str], int]:
    """Sum what venue and tax have of a purchase: a venue's share is its own wherever it lies, with us or sent to it."""
    credited: Counter[tuple[str, str]] = Counter()
    for (account, unit), amount in owner.books.items():
        if account.startswith("venue:"):
            credited[venue_payable(account.split(":")[1]), unit] += amount
        elif account.startswith("tax:"):
            credited[account, unit] += amount
    return {key: amount for key, amount in credited.items() if amount}


def clearing_fault(owner: Owner, intents: Sequence[IntentSaid]) -> str | None:
    """Say where Stripe's net is not what the books have of one purchase; what we have is negative in the books."""
    nets: Counter[str] = Counter()
    for said in intents:
        nets[said.currency] += said.net_minor
    books = {unit: -amount for (account, unit), amount in owner.books.items() if account == STRIPE_CLEARING}
    off = [
        f"Stripe's net is {nets[unit]} {unit}, the books have {books.get(unit, 0)}"
        for unit in sorted(nets.keys() | books.keys())
        if nets[unit] != books.get(unit, 0)
    ]
    return "; ".join(off) or None


def delivered_fault(owner: Owner, standing: Standing) -> str | None:
    """Say what of a sale is missing or too much: seats, tickets, or a ticket that the books still owe."""
    seats = {key: count for key, count in owner.seats.items() if count}
    kept = Counter(owner.wanted) - owner.returned_seats
    if seats != {(kind, "confirmed"): count for kind, count in kept.items()}:
        return f"has seats {seats}, wanted {owner.wanted}, of which are on sale again {dict(owner.returned_seats)}"
    kinds = {ticket_id: standing.tickets[ticket_id].ticket_type_id for ticket_id in owner.tickets}
    issued = Counter(kinds[ticket_id] for ticket_id in kinds if standing.tickets[ticket_id].state == "issued")
    refunded = Counter(kinds[ticket_id] for ticket_id in owner.refunded_tickets & kinds.keys())
    if issued + refunded != owner.wanted or issued.total() != owner.live_tickets.total():
        return (
            f"has {issued.total()} issued of {owner.live_tickets.total()} live tickets and {refunded.total()} refunded,"
            f" wanted {owner.wanted}"
        )
    debt = owner.books[MINT_DEBT, TICKET_UNIT]
    return f"the books still owe {debt} tickets" if debt else None


def minted_fault(ticket_id: str, standing: Standing, supplies: Mapping[str, int]) -> str | None:
    """Say that a sold ticket is not exactly one token on chain, or that a refunded one still is."""
    ticket = standing.tickets[ticket_id]
    found = {address: supplies.get(address, 0) for address in ticket.addresses}
    if ticket.state == "void":
        return f"was refunded, supplies on chain: {found}" if any(found.values()) else None
    if not found:
        return "is sold and not minted"
    return None if list(found.values()) == [1] else f"supplies on chain: {found}"


def arrived_fault(identity: str, owner: Owner) -> str | None:
    """Say which refund has not arrived although nobody works on it, or what a buyer is still owed."""
    late = [f"{name} is {refund.state}" for name, refund in owner.refunds.items() if refund.state != "succeeded"]
    owed = owner.books[buyer_refundable(identity), owner.currency]
    return "; ".join([*late, *([f"the buyer is owed {owed}"] if owed else [])]) or None


def undone_fault(owner: Owner, intents: Sequence[IntentSaid]) -> str | None:
    """Say what is left of something that ended without a sale."""
    seats = sum(count for (_, state), count in owner.seats.items() if state in LIVE)
    payments = [f"{name} is {state}" for name, state in owner.payments.items() if state not in CLOSED_PAYMENTS]
    left = {
        "seats": seats,
        "live tickets": owner.live_tickets.total(),
        "discounts": sorted(owner.discounts),
        "payments": payments,
        "open at Stripe": [said.intent_id for said in intents if said.is_open],
    }
    found = {name: what for name, what in left.items() if what}
    return f"{owner.state}, and has still {found}" if found else None
