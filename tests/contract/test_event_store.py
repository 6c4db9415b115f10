"""What every ledger keeps, the fake and the one on PostgreSQL."""

import asyncio
from typing import Any

import pytest

from activities.core.ports import Committed
from domain.core.aggregate import Fact, broken_link
from domain.core.errors import SeatsUnavailable, UnknownSubject
from domain.core.transient import Weather
from domain.stock.allocation import Allocation, AllocationOpened, HoldsPlaced
from tests.contract.event_stores import AT, STREAM, Ledger, both, clock, holding, one_batch, opening, stock
from tests.fakes.event_store import FakeLedger


@pytest.fixture(params=["fake", "postgres"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return FakeLedger(clock) if request.param == "fake" else request.getfixturevalue("postgres")


def notified(ledger: Ledger) -> list[Fact]:
    """Return all facts in the order of their positions."""
    if isinstance(ledger, FakeLedger):
        return ledger.log
    return [ledger.mapper.to_domain_event(event) for event in ledger.recorder.select_notifications(None, 1000)]


async def test_what_is_committed_is_read(ledger: Ledger) -> None:
    """A decision's answer comes back, and a later read sees what it recorded."""
    await ledger.commit(opening())
    committed = await ledger.commit(holding("k", quantity=2))
    assert committed.value == 48
    assert await stock(ledger) == (48, ["k"])
    assert [type(fact) for fact in ledger.facts_of(STREAM)] == [AllocationOpened, HoldsPlaced]
    assert {fact.timestamp for fact in ledger.facts_of(STREAM)} == {AT}


async def test_a_stream_without_facts_is_empty(ledger: Ledger) -> None:
    """What nobody recorded is not found, by a read or by a decision."""
    assert ledger.facts_of(STREAM) == []
    assert await ledger.read(lambda desk: desk.find(Allocation, "a")) is None
    with pytest.raises(UnknownSubject):
        await ledger.commit(holding("k"))


async def test_a_read_stores_nothing(ledger: Ledger) -> None:
    """What a look records is lost, and the next decision does not see it."""
    await ledger.commit(opening())
    assert await ledger.read(holding("k")) == 49
    assert (await ledger.commit(holding("other"))).value == 49
    assert await stock(ledger) == (49, ["other"])


async def test_a_look_says_how_far_it_saw(ledger: Ledger) -> None:
    """Nothing that it saw lies beyond its position, so that a reader who has come there has seen it, too."""
    await ledger.commit(opening())
    for key in "ab":
        committed = await ledger.commit(holding(key))
        seen = await ledger.look(lambda desk: sorted(desk.get(Allocation, "a").holds), (STREAM,))
        assert (seen.value[-1], seen.position) == (key, committed.position)


async def test_a_refusal_rolls_back_every_aggregate_it_touched(ledger: Ledger) -> None:
    """Two stocks and a new one are touched before a third stock refuses: nothing of it stays."""
    for name, capacity in (("a", 5), ("b", 5), ("full", 1)):
        await ledger.commit(opening(name, capacity))
    bad = both(holding("k", "a"), opening("new"), holding("k", "b"), holding("k", "full", 2))
    with pytest.raises(SeatsUnavailable):
        await ledger.commit(bad)
    for name in ("a", "b", "full"):
        assert [type(fact) for fact in ledger.facts_of(Allocation.stream(name))] == [AllocationOpened]
        assert (await stock(ledger, name))[1] == []
    assert ledger.facts_of(Allocation.stream("new")) == []
    assert (await ledger.commit(opening("new", 3))).value.capacity == 3


async def test_a_refusal_spoils_no_neighbour_of_its_batch(ledger: Ledger) -> None:
    """Good decisions about the same stocks before and after a bad one are stored whole, the bad one is not."""
    await ledger.commit(both(opening("a", 10), opening("b", 3)))
    async with one_batch(ledger):
        orders = [
            both(holding("1", "a"), holding("1", "b")),
            both(holding("bad", "a"), holding("bad", "b", 3)),
            both(holding("3", "a"), holding("3", "b")),
        ]
        sent = [asyncio.create_task(ledger.commit(order)) for order in orders]
    first, bad, third = await asyncio.gather(*sent, return_exceptions=True)
    assert isinstance(bad, SeatsUnavailable)
    assert (first.value, third.value) == ([9, 2], [8, 1])
    assert (await stock(ledger, "a"), await stock(ledger, "b")) == ((8, ["1", "3"]), (1, ["1", "3"]))
    assert [broken_link(ledger.facts_of(Allocation.stream(name))) for name in "ab"] == [None, None]


async def test_a_mistake_reaches_only_its_caller(ledger: Ledger) -> None:
    """A decision with a bug raises to whoever sent it, and the ledger goes on."""
    await ledger.commit(opening())
    with pytest.raises(ZeroDivisionError):
        await ledger.commit(both(holding("bad"), lambda _: 1 // 0))
    assert (await ledger.commit(holding("good"))).value == 49
    assert await stock(ledger) == (49, ["good"])


async def test_positions_grow(ledger: Ledger) -> None:
    """Each commit that records something stands after the one before; one that records nothing stands where it is."""
    committed = [await ledger.commit(opening())]
    committed += [await ledger.commit(holding(key)) for key in "abcab"]
    positions = [each.position for each in committed]
    assert positions[:4] == sorted(set(positions[:4]))
    assert positions[4:] == [positions[3]] * 2


async def test_order_is_kept(ledger: Ledger) -> None:
    """Facts stand in the order of their decisions, in their stream and in the log, also when sent at once."""
    await ledger.commit(both(opening("a"), opening("b")))
    keys = [str(number) for number in range(20)]
    await asyncio.gather(*(ledger.commit(both(holding(key, "a"), holding(key, "b"))) for key in keys))
    for name in "ab":
        stream = Allocation.stream(name)
        facts: list[Any] = ledger.facts_of(stream)
        assert [fact.originator_version for fact in facts] == list(range(1, len(facts) + 1))
        assert [hold["key"] for fact in facts[1:] for hold in fact.holds] == keys
        assert [fact for fact in notified(ledger) if fact.originator_id == stream] == facts


async def test_the_chain_is_unbroken(ledger: Ledger) -> None:
    """Each stored fact follows from the one before it, and one that is left out shows."""
    await ledger.commit(opening())
    for key in "abc":
        await ledger.commit(holding(key))
    facts = ledger.facts_of(STREAM)
    assert broken_link(facts) is None
    assert broken_link(facts[:2] + facts[3:]) == 4


async def test_what_exists_is_not_begun_again(ledger: Ledger) -> None:
    """A decision that begins an aggregate without a look stores nothing of itself when there is one."""
    await ledger.commit(both(opening("a"), opening("b")))
    with pytest.raises(Weather):
        await ledger.commit(both(holding("k", "b"), opening("a", 7)))
    assert len(ledger.facts_of(STREAM)) == 1
    assert await stock(ledger, "b") == (50, [])
    assert (await ledger.commit(holding("k"))).value == 49


async def test_the_same_command_again_changes_nothing(ledger: Ledger) -> None:
    """A command that is sent many times at once is done once."""
    await ledger.commit(opening())
    answers = await asyncio.gather(*(ledger.commit(holding("k")) for _ in range(10)))
    assert {answer.value for answer in answers} == {49}
    assert len(ledger.facts_of(STREAM)) == 2


async def test_a_fake_that_loses_its_answer_has_committed() -> None:
    """The fake's lost answer is unknown weather: the fact is stored, and the same command finds it."""
    ledger = FakeLedger(clock)
    await ledger.commit(opening())
    ledger.lose_answers = 1
    with pytest.raises(Weather) as lost:
        await ledger.commit(holding("k"))
    assert lost.value.unknown
    assert await ledger.commit(holding("k")) == Committed(49, 2)
