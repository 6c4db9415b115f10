"""The invariants: they hold for a valid history, and each one is broken by a corrupted history."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.core.aggregate import DomainEvent
from domain.invariants.cross_system import judge_at_rest, judge_balances
from domain.invariants.folds import FOLDS
from domain.invariants.invariant import BALANCES, HISTORY, INVARIANTS, Findings
from domain.invariants.outside import StripePayment
from domain.invariants.per_commit import History
from domain.orders.order import (
    HoldExtended,
    OrderFulfilled,
)
from domain.payments.refunds import RefundRequested, RefundSucceeded
from domain.tickets.ticket import (
    TicketVoided,
)
from tests.architecture.test_persisted_names import stored_events
from tests.domain.invariants.unjudged import UNJUDGED
from tests.fakes.corrupted_history import DOCTORED, LATE, SOLD, Day, with_outside, with_payment, without
from tests.fakes.evidence import findings_of
from tests.fakes.sample_history import sample_history
from tests.fakes.samples import AT
from tests.fakes.stored import forged, rechained, recorded


@pytest.fixture(scope="module")
def day() -> Day:
    return Day(*asyncio.run(sample_history()))


def test_a_good_day_breaks_no_invariant(day: Day) -> None:
    """Sales, a cancel, a refund, a refusal and external orders: each invariant is judged, and holds."""
    findings = findings_of(*day)
    assert findings.violations == []
    assert {invariant.name for invariant in INVARIANTS} - findings.checked.keys() == {BALANCES.name}


@pytest.mark.parametrize("name", DOCTORED)
def test_a_doctored_day_breaks_the_invariant(day: Day, name: str) -> None:
    """Each corrupted history breaks exactly its invariants."""
    doctor, broken = DOCTORED[name]
    assert {violation.invariant for violation in findings_of(*doctor(day)).violations} == broken


def test_every_invariant_has_a_doctored_case() -> None:
    """Each invariant is broken by a corrupted history; the one about displayed balances has its own test."""
    broken = {BALANCES.name}.union(*(broken for _, broken in DOCTORED.values()))
    assert broken ^ {invariant.name for invariant in INVARIANTS} == set(), (
        "tests/fakes/corrupted_history.py breaks other invariants"
    )
    assert len({invariant.name for invariant in INVARIANTS}) == len(INVARIANTS)


def test_no_event_is_left_out_by_oversight() -> None:
    """Every stored event is folded, or declared as irrelevant to the invariants."""
    astray = stored_events() ^ (FOLDS.keys() | UNJUDGED)
    assert astray == set(), "fold each in domain/invariants/folds.py, or give the reason in unjudged.py beside this"
    assert FOLDS.keys() & UNJUDGED == set()


def test_a_shown_balance_is_the_sum_of_its_lines() -> None:
    """Each account is compared with its postings, even if only one side has it."""
    findings, lines = Findings(), {("a", "eur"): 5, ("b", "eur"): -5}
    judge_balances(lines, dict(lines), findings)
    assert (findings.violations, findings.checked[BALANCES.name]) == ([], 2)
    judge_balances(lines, {("a", "eur"): 5, ("b", "eur"): -4, ("c", "eur"): 1}, findings)
    assert [(invariant, account) for invariant, account, _ in findings.violations] == [
        (BALANCES.name, "b"),
        (BALANCES.name, "c"),
    ]


def judged(day: Day, tail: list[DomainEvent] | None = None) -> tuple[Findings, Any]:
    """Judge a history whose last events (`tail`) were recorded while the other systems were read."""
    findings = Findings()
    history = History(findings)
    history.take(recorded(day.events))
    history.mark()
    history.take(recorded(tail or []))
    history.settle()
    return findings, judge_at_rest(history, day.outside, findings)


def test_a_look_that_goes_on_finds_what_one_of_all_events_finds(day: Day) -> None:
    """What moved during the earlier look is judged by the later one; what its events broke stays broken."""
    whole, rest = judged(day)
    ends = [at for at, event in enumerate(day.events) if at and event.timestamp != day.events[at - 1].timestamp]
    findings, events = Findings(), recorded(day.events)
    history = History(findings)
    for start, moving, end in zip([0, *ends[1::2]], ends[::2], [*ends[1::2], len(events)], strict=False):
        history.unmark()
        history.take(events[start:moving])
        history.mark()
        history.take(events[moving:end])
        history.settle()
    assert history.moving
    history.unmark()
    history.mark()
    outside = Findings()
    assert judge_at_rest(history, day.outside, outside) == rest
    both = findings | outside
    assert (both.checked, both.violations, both.unexplained_minor) == (whole.checked, [], whole.unexplained_minor)
    broken = Findings()
    broken.judge(HISTORY, "of an event", "a fault")
    broken.judge(BALANCES, "of both", "the first fault")
    later = Findings()
    later.judge(BALANCES, "of both", "another fault")
    assert [(one.subject, one.detail) for one in (broken | later).violations] == [
        ("of both", "the first fault"), ("of an event", "a fault"),
    ]  # fmt: skip


def test_who_moves_or_is_worked_on_is_not_judged(day: Day) -> None:
    """An owner that changed during the reads causes no false alarm; it is counted instead."""
    wrong = with_payment(day, LATE, is_open=True)
    findings, rest = judged(wrong)
    assert [violation.subject for violation in findings.violations] == [LATE]
    assert rest.moving | rest.at_work | rest.open == set()
    cut = next(at for at, event in enumerate(day.events) if LATE in event.originator_id)
    findings, moving = judged(Day(day.events[:cut], wrong.outside), day.events[cut:])
    assert findings.violations == []
    assert LATE in moving.moving
    assert moving.judged | moving.moving == rest.judged
    findings, worked_on = judged(with_outside(wrong, running=frozenset({LATE, "outside"})))
    assert (findings.violations, worked_on.at_work) == ([], {LATE})


def test_an_end_is_due_after_its_deadline_and_patience(day: Day) -> None:
    """An owner is overdue without a running workflow; if the engine was not queried, every late one is."""
    open_day = Day(without(day.events, OrderFulfilled), day.outside)
    due = next(event for event in day.events if isinstance(event, HoldExtended)).hold_until
    for now, running, broken in (
        (due, frozenset(), []),
        (due + timedelta(seconds=61), frozenset(), [SOLD]),
        (due + timedelta(seconds=61), None, [SOLD]),
        (due + timedelta(seconds=61), frozenset({SOLD}), []),
    ):
        outside = open_day.outside._replace(now=now, running=running, patience=timedelta(seconds=60))
        findings, rest = judged(Day(open_day.events, outside))
        assert [violation.subject for violation in findings.violations] == broken
        assert rest.open == {SOLD}


@pytest.mark.parametrize(("patience_seconds", "broken"), [(60, set()), (10, {"refund-arrives"})])
def test_a_refund_that_was_just_decided_is_about_to_be_started(
    day: Day, patience_seconds: int, broken: set[str]
) -> None:
    """Nobody works on it for a moment, until the relay has found it."""
    events = without(day.events, RefundSucceeded)
    (decided,) = [event.timestamp for event in events if isinstance(event, RefundRequested) and event.intent_id]
    now, patience = decided + timedelta(seconds=30), timedelta(seconds=patience_seconds)
    outside = day.outside._replace(now=now, patience=patience)
    assert {violation.invariant for violation in findings_of(events, outside).violations} == broken


def test_an_open_case_owns_late_money(day: Day) -> None:
    """Money that arrived after the end is fine while its case is open; without queried cases it is not judged."""
    late = with_payment(day, LATE, captured_minor=500, net_minor=480, is_open=True)
    findings, rest = judged(with_outside(late, cases={day.payment_of(LATE).intent_id: AT}))
    assert (findings.violations, rest.at_work) == ([], {LATE})
    unasked = with_payment(with_outside(day, cases=None), LATE, captured_minor=500)
    assert judged(unasked)[0].violations == []


def test_a_case_that_was_opened_before_the_sale_may_close(day: Day) -> None:
    """A live order with an open case is a violation only after the patience."""
    minute = timedelta(minutes=1)
    outside = day.outside._replace(cases={day.payment_of(SOLD).intent_id: AT}, patience=minute)
    for now, broken in ((AT + minute, []), (AT + 2 * minute, ["money-has-an-owner"])):
        findings, rest = judged(Day(day.events, outside._replace(now=now)))
        assert [violation.invariant for violation in findings.violations] == broken
        assert rest.at_work == {SOLD}


def test_a_token_that_its_holder_burnt_is_no_fault(day: Day) -> None:
    """The mint is there with a supply of 0; without the mint the ticket was never minted."""
    burnt = with_outside(day, supplies=dict.fromkeys(day.outside.supplies, 0))
    assert judged(burnt)[0].violations == []
    missing = judged(with_outside(day, supplies={}))[0].violations
    assert {found.invariant for found in missing} == {"one-nft-per-ticket"}


def test_a_payment_that_is_not_ours_is_left_alone(day: Day) -> None:
    """Payments at Stripe without a purchase id are ignored, and unlabelled ones of a purchase that is not ours."""
    foreign = StripePayment("pi_foreign", "", "eur", 5, 0, 5, is_open=False)
    unlabelled = StripePayment("pi_other", "pu_other", "eur", 5, 0, 5, is_open=False, is_labelled=False)
    findings, rest = judged(with_outside(day, intents=[*day.outside.intents, foreign, unlabelled]))
    assert findings.violations == []
    assert "pu_other" not in rest.open
    older = unlabelled._replace(purchase_id=SOLD)
    assert judged(with_outside(day, intents=[*day.outside.intents, older]))[0].violations != []


def test_a_transaction_is_judged_as_one(day: Day) -> None:
    """Within a transaction invariants may be broken; after it they hold."""
    findings, _ = judged(day)
    history = History(Findings())
    history.take(recorded(day.events))
    history.settle()
    assert history.commits == len({event.timestamp for event in day.events})
    assert history.events == len(day.events) > history.commits
    apart = [forged(event, timestamp=AT + timedelta(seconds=at)) for at, event in enumerate(day.events)]
    undone = [event for event in rechained(apart) if not isinstance(event, TicketVoided)]
    torn, _ = judged(Day(rechained(undone), day.outside))
    assert findings.violations == []
    assert "one-ticket-per-seat" in {violation.invariant for violation in torn.violations}


def test_the_guarantees_are_the_invariants() -> None:
    """The page lists each invariant with its sentence, under its moment."""
    page = (Path(__file__).parents[3] / "docs" / "guarantees.md").read_text()
    _, commit, rest = re.split(r"## At (?:every commit|rest)\n", page)
    lines = [(moment, line) for moment, part in (("commit", commit), ("rest", rest)) for line in part.splitlines()]
    rows = [(moment, line) for moment, line in lines if line.startswith("| `")]
    assert rows == [(invariant.moment, f"| `{invariant.name}` | {invariant.sentence} |") for invariant in INVARIANTS]
