"""`python -m tests.docs.states > docs/states.md`: state diagrams that are explored, not drawn.

From its first event on, every act is tried on an aggregate in every state that it can reach; what the aggregate then
records is an arrow. So a diagram shows what the code does, and an event that no act reaches fails the page.
"""

import inspect
import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import ModuleType
from typing import Any

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.end_reasons import END_REASONS
from domain.core.errors import FREES_KEY, Refusal
from domain.money.breakdown import AmountBreakdown, breakdown_of
from domain.money.money import FeeRates, price_of
from domain.orders import order, reopening
from domain.orders.reopening import reopen
from domain.payments import dispute, disputed_refunds, payment, refunds
from domain.payments.dispute import Dispute, DisputeOpened
from domain.payments.disputed_refunds import owe_again, pay_by_bank
from domain.payments.holdings import Taken
from domain.payments.payment import Payment, StrayIntentFound
from domain.payments.payment_intent import IntentState, StripeRefund
from domain.payments.refund import NOTHING, Refund
from domain.payments.refunds import Refunds, RefundsOpened
from domain.tickets import ticket
from domain.tickets.admission import DoorEntry, ShowAtDoor
from domain.tickets.has_token import TokenMinted, TokenSigned
from domain.tickets.leaf import Leaf
from domain.tickets.ticket import LeafEnded, LeafRecorded, Ticket
from tests.fakes.samples import (
    AT,
    LATER,
    LINES,
    PRICE,
    REQUEST,
    SIGNED,
    new_order,
    new_payment,
    new_ticket,
)

DOOR = ShowAtDoor("sh")
Act = Callable[[Any], object]
START = "[*]"
FREE = price_of("eur", ((2, 0),), FeeRates())
PAID = IntentState(
    intent_id="pi_late",
    purchase_id="pu",
    status="requires_capture",
    amount_minor=PRICE.total_minor,
    received_minor=0,
    currency="eur",
    client_secret="",
)


@dataclass(frozen=True)
class Axis:
    """One diagram: how aggregates begin, what may be asked of them, and the state that is shown."""

    title: str
    text: str
    begin: tuple[Callable[[], Aggregate], ...]
    acts: tuple[Act, ...]
    state: Callable[[Any], str]
    events: frozenset[type[DomainEvent]]


@dataclass(frozen=True)
class Arrow:
    """A step from one state to another, and the event that makes it."""

    source: str
    target: str
    event: str


def events_of(*modules: ModuleType) -> frozenset[type[DomainEvent]]:
    """Return the events that modules define."""
    found = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, DomainEvent) and kind.TOPIC
    }
    own = {module.__name__ for module in modules}
    return frozenset(kind for kind in found if kind.__module__ in own and not issubclass(kind, CreatedEvent))


def explored(axis: Axis) -> list[Arrow]:
    """Return every arrow of a diagram; an event of the aggregate that nothing reaches is an error."""
    arrows: set[Arrow] = set()
    met: set[type[DomainEvent]] = set()
    for before, after, event in steps(axis.begin, axis.acts):
        source, target = START if before is None else axis.state(before), axis.state(after)
        if before is not None:
            met.add(event)
        if source != target or before is None:
            arrows.add(Arrow(source, target, event.__name__))
    if missing := axis.events - met:
        raise AssertionError(f"{axis.title}: no act reaches {', '.join(sorted(kind.__name__ for kind in missing))}")
    return sorted(arrows, key=lambda arrow: (arrow.source != START, arrow.source, arrow.target, arrow.event))


@cache
def steps(
    begin: tuple[Callable[[], Aggregate], ...], acts: tuple[Act, ...]
) -> list[tuple[Any, Any, type[DomainEvent]]]:
    """Return each event of every act on every aggregate in reach, with the aggregate before (none) and after it."""
    found: list[tuple[Any, Any, type[DomainEvent]]] = []
    seen: set[str] = set()
    waiting: list[Any] = []
    for first in begin:
        aggregate: Any = first()
        found += [(None, aggregate, type(event)) for event in aggregate.collect_events()]
        waiting.append(aggregate)
    while waiting:
        aggregate = waiting.pop()
        for after, events in tried(aggregate, acts):
            found += [(aggregate, after, type(event)) for event in events]
            if (known := without_history(after)) not in seen:
                seen.add(known)
                waiting.append(after)
    return found


def tried(aggregate: Any, acts: tuple[Act, ...]) -> Iterator[tuple[Any, list[Any]]]:
    """Yield a copy of an aggregate after each act that records something, with what it recorded."""
    kept = pickle.dumps(aggregate)  # an eighth of the time of a deep copy
    for act in acts:
        after = pickle.loads(kept)  # noqa: S301 - our own bytes
        try:
            act(after)
        except Refusal:
            continue
        if events := list(after.collect_events()):
            yield after, events


def without_history(aggregate: Any) -> str:
    """Return everything that decides what an aggregate does next: not its version, and attempts up to the second."""
    values = {name: value for name, value in vars(aggregate).items() if name not in HISTORY}
    return repr(sorted(values.items()))


HISTORY = {"_version", "_modified_on", "_digest", "_pending_events", "attempt", "declines"}
ORDER = Axis(
    "Purchase",
    "The `state` of a purchase, as clients see it. `cancelled` and `refused` have an `end_reason`.",
    (new_order,),
    (
        lambda one: one.ask_again("body", AT, **REQUEST),
        lambda one: one.place("ve", PRICE, LINES, AT),
        lambda one: one.place("ve", FREE, LINES, AT),
        lambda one: one.open_checkout(AT),
        lambda one: one.request_cancel(AT),
        lambda one: one.give_up(AT),
        lambda one: one.request_capture(AT),
        lambda one: one.refuse_payment("amount_too_large", AT),
        lambda one: one.extend_hold(LATER + timedelta(minutes=20), AT),
        lambda one: one.confirm(AT),
        lambda one: one.fulfil(AT),
        lambda one: one.end("sold-out", AT),
        lambda one: one.end("hold-expired", AT),
        lambda one: one.erase_buyer(AT),
        lambda one: one.correct_buyer(["name"], AT),
        lambda one: reopen(one, PAID, AT),
    ),
    lambda one: str(one.state),
    events_of(order, reopening),
)
TICKET_ACTS: tuple[Act, ...] = (
    lambda one: one.issue(AT),
    lambda one: one.void(AT),
    lambda one: one.enter(DOOR, DoorEntry(AT, "", "ci"), AT),
    lambda one: one.undo_entry("ci", AT),
    lambda one: one.issue_code_anew(0, AT),
    lambda one: one.give_back(AT, even_redeemed=True),
    lambda one: one.block("dp", AT),
    lambda one: one.unblock("dp", AT),
    lambda one: one.sign_token(SIGNED, AT),
    lambda one: one.mint_token("mint", "signature", AT),
    lambda one: one.sign_burn(SIGNED, AT),
    lambda one: one.burn_token("burn", AT),
    lambda one: one.forgo_token(AT),
    lambda one: one.record_leaf(Leaf(index=0, hash="00" * 32, cid="cid"), AT),
    lambda one: one.end_leaf("refund", AT),
    lambda one: one.end_leaf("claim", AT),
)
RIGHT = Axis(
    "Ticket",
    "The right to enter. A dispute of its payment blocks a ticket in any state, until the dispute is won.",
    (new_ticket,),
    TICKET_ACTS,
    lambda one: str(one.state),
    events_of(ticket),
)


def _token(one: Ticket) -> str:
    if one.ended_as is not None:
        return one.ended_as
    if one.mint_address or one.signed:
        return "minted" if one.mint_address else "signed"
    return "leaf" if one.is_leaf else "none" if one.leaf is None else "nullified"


TOKEN = Axis(
    "Token of a ticket",
    "The token on chain. A forgone token was signed and can no longer be minted. A leaf takes a token's place until"
    " a refund or a claim nullifies it.",
    (new_ticket,),
    TICKET_ACTS,
    _token,
    frozenset({TokenSigned, TokenMinted, LeafRecorded, LeafEnded}),
)


def stray() -> Payment:
    """Return a payment that was found at Stripe and not opened by a purchase."""
    events = {"tenant_id": "default", "purchase_id": "pu", "intent_id": "pi_stray", "currency": "eur"}
    return Payment.begin(StrayIntentFound, "pu:stray", AT, amount_minor=2208, **events)


PAYMENT = Axis(
    "Payment",
    "The money of one attempt at a purchase, or of a stray payment. `owed` bought nothing, and refunds return it.",
    (new_payment, stray),
    (
        lambda one: one.decline("card_declined", AT),
        lambda one: one.process(AT),
        lambda one: one.authorise(AT),
        lambda one: one.capture("ch", one.amount_minor, 94, AT),
        lambda one: one.cancel(AT),
        lambda one: one.owe(AT),
        lambda one: one.refund("re", AT),
    ),
    lambda one: str(one.state),
    events_of(payment),
)
WANTED = Refund(
    refund_id="rf",
    body_digest="d",
    reason="goodwill",
    fees="venue",
    ticket_ids=("ti",),
    given=AmountBreakdown(venue_minor=1000),
)


def no_refunds() -> Refunds:
    """Return the refunds of an order, with none yet."""
    return Refunds.begin(RefundsOpened, "pu", AT, tenant_id="default", price=PRICE.model_dump())


def _refund(one: Refunds) -> str:
    if not one.refunds:
        return START
    return "owed-at-till" if one.get("rf").at_till else one.get("rf").state


def _in_part(one: Refunds) -> None:
    """Make a refund of a part at Stripe, once."""
    if len(one.refunds) == 1:
        made = {"refund_id": "re_2", "intent_id": "pi", "amount_minor": 1, "status": "succeeded"}
        one.take_place(StripeRefund.model_validate(made), "", AT)


def _in_excess(one: Refunds) -> None:
    """Record a refund at Stripe of money that nobody owed, as the first one."""
    if not one.refunds:
        one.request(WANTED.model_copy(update={"given": NOTHING, "ticket_ids": (), "excess_minor": 1000}), AT)


def unpriced() -> Refunds:
    """Return the refunds of an order without a price, with none yet."""
    nothing = price_of("eur", (), FeeRates())
    return Refunds.begin(RefundsOpened, "pu", AT, tenant_id="default", price=nothing.model_dump())


def _fail(one: Refunds) -> None:
    if one.get("rf").turn == 1:  # each further failure is the same step
        one.fail("rf", "re", "expired_or_canceled_card", AT)


REFUND = Axis(
    "Refund",
    "One refund of a purchase. A failed one is still owed and tried again; one that succeeded can still fail. Cash is"
    " owed at the till, in the state `requested`, until a clerk has handed it out. A bank that takes the money of a"
    " refund by a dispute has paid it; what it gives back is a refund of its own. One that a person made at Stripe and"
    " nobody owed is over when it fails.",
    (no_refunds, unpriced),
    (
        lambda one: one.request(WANTED, AT) if not one.refunds else None,
        lambda one: one.pend("rf", "re", AT),
        lambda one: one.succeed("rf", "re", AT),
        lambda one: one.pay_by_hand("rf", "transfer 7", AT),
        lambda one: one.set_price(price_of("eur", ((1, 1000),), FeeRates()), AT),
        _in_part,
        _in_excess,
        lambda one: one.return_excess("rf", AT),
        lambda one: one.owe_at_till("rf", AT),
        lambda one: one.hand_out("rf", AT),
        lambda one: pay_by_bank(one, "du", [""], 1000, AT),
        lambda one: owe_again(one, "du", "du:returned:1000", ["", "pi"], 1000, AT) if len(one.refunds) == 1 else None,
        _fail,
    ),
    _refund,
    events_of(refunds, disputed_refunds),
)


def _opened() -> Dispute:
    """Return a dispute of a sale."""
    parts = Taken(parties=breakdown_of(PRICE)).plain()
    names = {"tenant_id": "default", "purchase_id": "pu", "venue_id": "ve", "currency": "eur"}
    return Dispute.begin(DisputeOpened, "du", AT, amount_minor=PRICE.total_minor, parts=parts, **names)


def _decide(one: Dispute, *, won: bool) -> None:
    if one.state == "open":
        one.win(PRICE.total_minor - 1, AT) if won else one.lose(0, AT)


def _take_back(one: Dispute) -> None:
    if one.state != "open" and one.returned_minor in {0, PRICE.total_minor - 1}:
        one.take_back(1, AT, venue_is_owed=False)


DISPUTE = Axis(
    "Dispute",
    "A bank's claim on one charge; a purchase shows the worst of its disputes as `dispute_state`, `none` without any."
    " What Stripe returns after the decision changes the money, not the state. An inquiry is none of these: it takes"
    " nothing.",
    (_opened,),
    (lambda one: _decide(one, won=True), lambda one: _decide(one, won=False), _take_back),
    lambda one: str(one.state),
    events_of(dispute),
)
HEAD = """# States

Written by `make docs` from the aggregates; do not edit. Each diagram is explored: every act is tried on the aggregate
in every state that it can reach, and each arrow is the domain event that it then records. It is what an aggregate
allows; the workflows take fewer of these steps.
"""


def page() -> str:
    """Return the page."""
    sections = [_section(axis) for axis in (ORDER, RIGHT, TOKEN, PAYMENT, REFUND, DISPUTE)]
    sections.insert(1, _end_reasons())
    return "\n".join([HEAD, *sections])


def _section(axis: Axis) -> str:
    arrows = [arrow for arrow in explored(axis) if arrow.target != START]
    lines = [f"    {_name(arrow.source)} --> {_name(arrow.target)} : {arrow.event}" for arrow in arrows]
    sources = {arrow.source for arrow in arrows}
    ends = sorted({arrow.target for arrow in arrows} - sources)
    lines += [f"    {_name(end)} --> {START}" for end in ends]
    chart = "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])
    return f"## {axis.title}\n\n{axis.text}\n\n{chart}"


def _name(state: str) -> str:
    return state.replace("-", "_")  # mermaid reads a hyphen as a part of an arrow


def _end_reasons() -> str:
    rows = [f"| `{reason}` | {meaning} |" for reason, meaning in END_REASONS.items()]
    codes = ", ".join(f"`{code}`" for code in sorted(FREES_KEY))
    text = f"""### End reasons

A purchase that a refusal ended has the code of the refusal as its `end_reason` (see [problem types](problems.md)).
With one of {codes},
and before the price was locked, it is `refused`: its Idempotency-Key is free again. Otherwise it is `cancelled`.
Ends that are no refusal:

| end reason | meaning |
|---|---|
"""
    return text + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
