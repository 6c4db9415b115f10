"""A bad day is reproduced by its seed, its verdict can fail, and after one minute of it every invariant holds."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from devstack.stack import ROOT
from tests.chaos.buyers import Story
from tests.chaos.day import run_day
from tests.chaos.plan import (
    AFTERMATHS,
    CALLS,
    FAULTS,
    HOOKS,
    LIES,
    PARTS,
    ROUTES,
    SENDS,
    SPELLS,
    STRIKES,
    TEMPERS,
    Buyer,
    plan_of,
)
from tests.chaos.receiver import Taken, wrong_with
from tests.chaos.totals import Totals, over
from tests.chaos.verdict import OUR_BUGS, Court, is_over

SEED = 3
SENDER_SECONDS = 15  # docs/events.md: how long the sender of webhooks waits for an answer
PARTS_OF_A_DAY = {"captured": 1104, "refunded": 104, "lost": 50, "venues": 850, "platform": 60, "processing": 30}
RIGHT = {
    **PARTS_OF_A_DAY, "tax": 10, "net": 205, "sent": 700, "fees": 45, "dispute_fees": 20, "clearing": 205,
    "sent_by_books": 700,
}  # fmt: skip
WRONG = (
    {"venues": 849},
    {"clearing": 206},
    {"net": 206, "clearing": 206},
    {"sent_by_books": 701},
    {"reserve": 1},
    {"losses": -1},
)


def printed_plan(seed: int) -> str:
    command = [sys.executable, "-m", "tests.chaos", "--seed", str(seed), "--minutes", "2", "--plan", "--json"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_seed_is_a_plan() -> None:
    """Two processes print the same plan for a seed, and another plan for another seed."""
    first = printed_plan(7)
    assert first == printed_plan(7)
    assert json.loads(first) == json.loads(json.dumps(plan_of(7, 2)._asdict()))
    assert plan_of(7, 2).faults != plan_of(8, 2).faults
    assert plan_of(7, 2).buyers != plan_of(8, 2).buyers


def test_everything_that_can_break_is_planned_sooner_or_later() -> None:
    """Over some days every kind of fault strikes every target, and every kind of buyer comes."""
    days = [plan_of(seed, 5) for seed in range(10)]
    faults = [fault for day in days for fault in day.faults]
    assert {fault.kind for fault in faults} == {*FAULTS, "lie"}
    assert {fault.target for fault in faults if fault.kind in {"kill", "freeze"}} == set(PARTS)
    assert {fault.target for fault in faults} >= set(ROUTES)
    assert {fault.detail for fault in faults} >= {*CALLS, *HOOKS, *SENDS, *LIES}
    assert all(set(day.aftermaths[: len(AFTERMATHS)]) == set(AFTERMATHS) for day in days)
    assert all({spell.kind for spell in day.spells} == set(SPELLS) for day in days)
    assert max(spell.delay for day in days for spell in day.spells) > SENDER_SECONDS
    assert {buyer.temper for day in days for buyer in day.buyers} == set(TEMPERS)
    assert all(0 < fault.at < day.seconds for day in days for fault in day.faults)


def judged(story: Story, state: str | None) -> list[str]:
    """Return a court's violations for one story with this end."""
    court = Court((), [story], Path())
    if state is not None:
        court.ends[story.purchase_id] = {"state": state}
    court._check_story(story)
    return [violation.what for violation in court.violations]


def story_of(**more: Any) -> Story:
    return Story(Buyer(1.0, 5, "prompt", 0, 1, 1.0, None), "key", "pu", **more)


@pytest.mark.parametrize(
    ("story", "state", "what"),
    [
        (story_of(), "cancelled", "was never answered"),
        (
            story_of(last_answer="open", cancelled=True, paid=True),
            "fulfilled",
            "was sold after its cancel was accepted",
        ),
        (story_of(last_answer="sold-out", paid=True), "fulfilled", "was refused with sold-out, and sold"),
        (story_of(last_answer="open"), "fulfilled", "was sold without a payment"),
        (story_of(last_answer="open", unexpected=["internal-error"]), "cancelled", "internal-error"),
    ],
)
def test_a_wrong_story_is_a_violation(story: Story, state: str, what: str) -> None:
    """A buyer whose answers contradict the purchase's end is a violation."""
    assert judged(story, state) == [what]


def test_a_right_story_is_none() -> None:
    """Sold and paid, or refused: no violation."""
    assert judged(story_of(last_answer="awaiting-payment", paid=True), "fulfilled") == []
    assert judged(story_of(last_answer="sold-out"), None) == []


@pytest.mark.parametrize("words", OUR_BUGS)
def test_the_log_lines_of_bugs_are_those_of_the_programs(words: str) -> None:
    """The court looks for words that a program logs; a changed log line must be changed there too."""
    sources = [path for folder in ("api", "relay", "activities") for path in (ROOT / folder).rglob("*.py")]
    assert any(words in path.read_text() for path in sources)


@pytest.mark.real
@pytest.mark.nightly
@pytest.mark.timeout(320)
async def test_a_minute_of_chaos_keeps_every_invariant(tmp_path: Path) -> None:
    """Every purchase has ended within the stated time, every buyer was answered, and all sums agree."""
    plan = plan_of(SEED, 1)
    summary = await run_day(plan, tmp_path / "stack")
    assert summary.violations == [], "\n".join([*plan.lines(), *summary.violations, summary.line(), str(tmp_path)])
    assert summary.purchases == len(plan.buyers)
    assert sum(summary.faults.values()) + sum(summary.missed.values()) == len(plan.faults)
    assert summary.ends["fulfilled"] > len(AFTERMATHS)  # each of them came
    assert summary.invariants_checked > len(plan.buyers)
    assert summary.refunds > 0
    assert min(summary.disputes["won"], summary.disputes["lost"]) > 0
    assert set(summary.strikes) == set(STRIKES)
    assert summary.totals["sent"] > 0
    assert summary.payouts > 1
    assert min(summary.webhooks[kind] for kind in (*SPELLS, "answered wrong", "came again")) > 0
    assert summary.webhooks["taken"] > summary.ends["fulfilled"]
    assert summary.totals["captured"] > summary.totals["refunded"] > 0


@pytest.mark.parametrize(
    ("refunds", "token", "over"),
    [("succeeded", "burnt", True), ("pending", "burnt", False), ("succeeded", "minted", False)],
)
def test_a_refund_is_waited_for(refunds: str, token: str, over: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A refunded purchase is over once the money has arrived and the token is gone."""
    refunded = [{"refund_id": "rf", "state": refunds}]
    end = {"state": "fulfilled", "refunds": refunded, "tickets": [{"state": "void", "token": token}], "timeline": []}
    assert is_over(story_of(refund_id="rf"), end) is over
    assert is_over(story_of(), end)
    assert not is_over(story_of(decided="lost"), end)
    assert is_over(story_of(decided="lost"), {**end, "timeline": [{"event": "dispute.lost"}]})


def test_what_a_receiver_misses_is_reported() -> None:
    """An event that never came, one that never happened, one taken twice, and one that came too early."""
    taken = [Taken("ev_1", 1, "pu_a"), Taken("ev_2", 2, "pu_b"), Taken("ev_3", 3, "pu_a"), Taken("ev_4", 4, None)]
    assert wrong_with(taken, ["ev_1", "ev_2", "ev_3", "ev_4"]) == []
    assert wrong_with(taken[::-1], ["ev_1", "ev_2", "ev_3", "ev_4"]) == ["pu_a: came as [3, 1]"]
    assert wrong_with(taken[:3], ["ev_1", "ev_2", "ev_3", "ev_4"]) == ["1 of 4 events never came"]
    assert wrong_with(taken, ["ev_1", "ev_2", "ev_3"]) == ["ev_4 came and never happened"]
    assert wrong_with([*taken, taken[1]], ["ev_1", "ev_2", "ev_3", "ev_4"]) == ["ev_2 was taken 2 times"]


def test_totals_that_differ_are_reported() -> None:
    """A cent without an owner, and a net amount that is not in the books, are reported."""
    right = Totals(**RIGHT)
    assert right.faults == []
    assert [len(right._replace(**wrong).faults) for wrong in WRONG] == [1] * len(WRONG)
    assert right.line() == (
        "captured 1104 = refunds 104 + by hand 0 + lost 50 + losses 0 + venues 850 + platform 60 + processing 30"
        " + tax 10;"
        " Stripe's net 205 = clearing 205 = captured - refunds - lost - sent to venues 700"
        " - Stripe's fees 45 (20 of disputes)"
    )


def test_a_share_that_was_not_sent_is_reported() -> None:
    """At rest a venue's pending balance is its debt to us, negated; any more is a share that was not transferred."""
    books = Counter({"venue:a:payable": -700, "venue:a:transferred": 900, "venue:b:payable": 5, "venues:sent": -900})
    assert over(books, Counter({"a": 700})) == {"b": "5 is pending, and its debt to us is 0"}
    assert set(over(books, Counter({"a": 699}))) == {"a", "b"}
