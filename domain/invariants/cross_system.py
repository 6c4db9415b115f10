"""The invariants across several systems, judged for purchases at rest.

While a purchase runs, its systems differ on purpose; while they are read one after another, they may change. So an
owner is judged only if it has ended according to the events, its events did not change while the other systems were
read, and no workflow is processing it. The others are counted and reported.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.invariants.invariant import (
    ARRIVED,
    BALANCES,
    CAPTURES,
    DELIVERED,
    ENDS,
    MINTED,
    ONE_CAPTURE,
    UNDONE,
    Findings,
)
from domain.invariants.leaves import judge_roots, owed_leaves
from domain.invariants.money.faults import difference, held_minor, money_faults
from domain.invariants.outside import ExternalState, StripePayment
from domain.invariants.own_balance import judge_balances_at_stripe
from domain.invariants.per_commit import History
from domain.invariants.state import LIVE, InvariantState, PurchaseSummary, TicketSummary
from domain.money.books import MINT_DEBT, TICKET_UNIT, buyer_refundable

CLOSED_PAYMENTS = {"cancelled", "owed", "refunded"}  # what is owed is a refund's to bring
Balances = Mapping[tuple[str, str], int]


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
    for identity in sorted((purchases.keys() | intents.keys()) - {""}):  # postings may belong to no purchase
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
    judge_balances_at_stripe(history.state, outside, history.moving, found["judged"], findings)
    _judge_groups(history.state, outside.supplies, findings)
    judge_roots(history.state, outside, history.moving, findings)
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
    names = {identity, *purchase.refunds, *purchase.tickets} if purchase.kind != "reservation" else set()
    if names & (outside.running or set()):
        return "at work"
    decided = [one.at for one in purchase.refunds.values() if one.state == "requested" and not one.at_till]
    # The relay is about to start the refunds that were just decided.
    return "at work" if any(outside.now - at < outside.patience for at in decided) else "judged"


def ends_fault(identity: str, purchase: PurchaseSummary, outside: ExternalState) -> str | None:
    """Return the fault of an owner that is overdue and that no workflow is processing."""
    overdue = purchase.deadline is not None and purchase.deadline + outside.patience < outside.now
    if purchase.end is not None or not overdue or identity in (outside.running or ()):
        return None
    return f"{purchase.kind} is {purchase.state}, due {purchase.deadline}"


def _judge(case: _Case, findings: Findings) -> None:
    identity, purchase = case.identity, case.purchase
    for invariant, subject, fault in money_faults(identity, purchase, case.intents):
        findings.judge(invariant, subject, fault)
    findings.judge(ARRIVED, identity, arrived_fault(identity, purchase))
    is_sold_order = purchase.kind == "order" and purchase.end == "sold"
    for ticket_id in purchase.tickets:
        if is_sold_order or case.state.tickets[ticket_id].signed or case.state.tickets[ticket_id].leaf:
            fault = minted_fault(ticket_id, case.state, case.outside.supplies, is_sold=is_sold_order)
            findings.judge(MINTED, ticket_id, fault)
    if purchase.end == "unsold":
        findings.judge(UNDONE, identity, undone_fault(purchase, case.intents))
        return
    findings.judge(DELIVERED, identity, delivered_fault(purchase, case.state))


def _judge_captures(case: _Case, findings: Findings) -> None:
    kept = [intent for intent in case.intents if held_minor(case.purchase, intent)]
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
    waiting = sum(_waits_for_claim(state.tickets[one]) for one in kinds if state.tickets[one].state == "issued")
    waiting += owed_leaves(state, purchase)
    return f"the books still owe {debt} tokens, {waiting} wait for their claim or root" if debt != waiting else None


def _waits_for_claim(ticket: TicketSummary) -> bool:
    return ticket.at_claim and ticket.leaf is None and ticket.claim != "done"


def minted_fault(
    ticket_id: str, state: InvariantState, supplies: Mapping[str, int], *, is_sold: bool = True
) -> str | None:
    """Return the fault of a sold ticket without its mint or with two tokens, or of a void one with a token.

    It looks at every address signed for the ticket: a mint that was read as absent may have landed. A supply of 0 at
    the mint of a sold ticket is no fault: we burn none of those, its holder did.
    """
    ticket = state.tickets[ticket_id]
    found = {address: supplies.get(address) for address in (*ticket.addresses, *ticket.signed)}
    is_leaf = ticket.leaf is not None and ticket.leaf_end is None
    if ticket.state == "void" or not is_sold:
        left = f"is {ticket.state}, supplies on chain: {found}"
        return f"{left}, is a leaf: {is_leaf}" if any(found.values()) or is_leaf else None
    if not ticket.addresses and (is_leaf or ticket.claim == "requested"):
        return None
    if not ticket.addresses:
        return None if ticket.at_claim else "is sold and not minted"
    recorded = set(ticket.addresses)
    strays = [address for address, supply in found.items() if supply and address not in recorded]
    is_whole = len(recorded) == 1 and found[ticket.addresses[0]] in {0, 1} and not strays
    return None if is_whole else f"supplies on chain: {found}"


def _judge_groups(state: InvariantState, supplies: Mapping[str, int], findings: Findings) -> None:
    for address, stream in state.signed.items():
        if address in state.minted_groups:
            fault = None if address in supplies else f"is recorded at {address} and not on chain"
            findings.judge(MINTED, stream, fault)


def arrived_fault(identity: str, purchase: PurchaseSummary) -> str | None:
    """Return the refunds that have not arrived without any workflow, and the amount owed to the buyer beside cash.

    With all of them arrived no payment is owed either.
    """
    given = purchase.refunds.items()
    late = [f"{name} is {refund.state}" for name, refund in given if refund.state != "succeeded" and not refund.at_till]
    owed = buyer_refundable(identity)
    at_till = sum(refund.amount_minor for _, refund in given if refund.at_till)
    due = {(owed, purchase.currency): at_till} if at_till else {}
    owing = difference({key: amount for key, amount in purchase.books.items() if key[0] == owed}, due)
    unpaid = [f"payment {name} is owed" for name, state in purchase.payments.items() if state == "owed" and not late]
    return "; ".join([*late, *([owing] if owing else []), *unpaid]) or None


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
