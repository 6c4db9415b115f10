"""Contract of the event store, for the fake and PostgreSQL."""

import asyncio
from typing import Any

import pytest

from activities.core.ports import Committed
from domain.core.aggregate import DomainEvent
from domain.core.chain import digest_of
from domain.core.errors import SeatsUnavailable, UnknownSubject
from domain.core.transient import TransientError
from domain.stock.allocation import Allocation, AllocationOpened, HoldsPlaced
from tests.contract.event_stores import AT, STREAM, EventStore, both, clock, holding, one_batch, opening, stock
from tests.fakes.event_store import FakeEventStore
from tests.fakes.stored import broken_link, events_of, log_of, stored_of


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> EventStore:
    return FakeEventStore(clock) if request.param == "fake" else request.getfixturevalue("postgres")


def notified(store: EventStore) -> list[DomainEvent]:
    """Return all events in the order of their positions."""
    if isinstance(store, FakeEventStore):
        return store.log
    return log_of(store)


async def test_what_is_committed_is_read(store: EventStore) -> None:
    """A commit returns the decision's value, and a later read sees its events."""
    await store.commit(opening())
    committed = await store.commit(holding("k", quantity=2))
    assert committed.value == 48
    assert await stock(store) == (48, ["k"])
    assert [type(event) for event in events_of(store, STREAM)] == [AllocationOpened, HoldsPlaced]
    assert {event.timestamp for event in events_of(store, STREAM)} == {AT}


async def test_a_stream_without_events_is_empty(store: EventStore) -> None:
    """Neither a read nor a decision finds an aggregate without events."""
    assert events_of(store, STREAM) == []
    assert await store.read(lambda uow: uow.find(Allocation, "a")) is None
    with pytest.raises(UnknownSubject):
        await store.commit(holding("k"))


async def test_a_read_stores_nothing(store: EventStore) -> None:
    """Events recorded during a read are discarded, and the next decision does not see them."""
    await store.commit(opening())
    assert await store.read(holding("k")) == 49
    assert (await store.commit(holding("other"))).value == 49
    assert await stock(store) == (49, ["other"])


async def test_a_read_returns_its_position(store: EventStore) -> None:
    """No event it read is after its position, so a projection at that position has seen them all."""
    await store.commit(opening())
    for key in "ab":
        committed = await store.commit(holding(key))
        seen = await store.read_with_position(lambda uow: sorted(uow.get(Allocation, "a").holds), (STREAM,))
        assert (seen.value[-1], seen.position) == (key, committed.position)


async def test_a_refusal_rolls_back_every_aggregate_it_touched(store: EventStore) -> None:
    """Two stocks and a new one are changed before a third one refuses: no change is stored."""
    for name, capacity in (("a", 5), ("b", 5), ("full", 1)):
        await store.commit(opening(name, capacity))
    bad = both(holding("k", "a"), opening("new"), holding("k", "b"), holding("k", "full", 2))
    with pytest.raises(SeatsUnavailable):
        await store.commit(bad)
    for name in ("a", "b", "full"):
        assert [type(event) for event in events_of(store, Allocation.stream(name))] == [AllocationOpened]
        assert (await stock(store, name))[1] == []
    assert events_of(store, Allocation.stream("new")) == []
    assert (await store.commit(opening("new", 3))).value.capacity == 3


async def test_a_refusal_does_not_affect_its_batch(store: EventStore) -> None:
    """Decisions about the same stocks before and after a refused one are stored, the refused one is not."""
    await store.commit(both(opening("a", 10), opening("b", 3)))
    async with one_batch(store):
        orders = [
            both(holding("1", "a"), holding("1", "b")),
            both(holding("bad", "a"), holding("bad", "b", 3)),
            both(holding("3", "a"), holding("3", "b")),
        ]
        sent = [asyncio.create_task(store.commit(order)) for order in orders]
    first, bad, third = await asyncio.gather(*sent, return_exceptions=True)
    assert isinstance(bad, SeatsUnavailable)
    assert not isinstance(first, BaseException)
    assert not isinstance(third, BaseException)
    assert (first.value, third.value) == ([9, 2], [8, 1])
    assert (await stock(store, "a"), await stock(store, "b")) == ((8, ["1", "3"]), (1, ["1", "3"]))
    assert [broken_link(stored_of(store, Allocation.stream(name))) for name in "ab"] == [None, None]


async def test_a_bug_reaches_only_its_caller(store: EventStore) -> None:
    """A decision with a bug raises to its caller, and the event store goes on."""
    await store.commit(opening())
    with pytest.raises(ZeroDivisionError):
        await store.commit(both(holding("bad"), lambda _: 1 // 0))
    assert (await store.commit(holding("good"))).value == 49
    assert await stock(store) == (49, ["good"])


async def test_a_value_that_cannot_be_stored_reaches_only_its_caller(store: EventStore) -> None:
    """It raises to its caller only; the rest of the batch is stored, and the hash chain is whole."""
    await store.commit(opening())
    async with one_batch(store):
        decisions = [holding("first"), holding(object()), holding("last")]  # type: ignore[arg-type]
        sent = [asyncio.create_task(store.commit(decide)) for decide in decisions]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    assert [isinstance(answer, TypeError) for answer in answers] == [False, True, False]
    assert await stock(store) == (48, ["first", "last"])
    assert broken_link(stored_of(store, STREAM)) is None


async def test_positions_grow(store: EventStore) -> None:
    """Each commit with events has a higher position than the one before; one without events has the same."""
    committed = [await store.commit(opening())]
    committed += [await store.commit(holding(key)) for key in "abcab"]
    positions = [each.position for each in committed]
    assert positions[:4] == sorted(set(positions[:4]))
    assert positions[4:] == [positions[3]] * 2


async def test_order_is_kept(store: EventStore) -> None:
    """Events are in the order of their decisions, in their stream and in the log, also when sent at once."""
    await store.commit(both(opening("a"), opening("b")))
    keys = [str(number) for number in range(20)]
    await asyncio.gather(*(store.commit(both(holding(key, "a"), holding(key, "b"))) for key in keys))
    for name in "ab":
        stream = Allocation.stream(name)
        events: list[Any] = events_of(store, stream)
        assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
        assert [hold["key"] for event in events[1:] for hold in event.holds] == keys
        assert [event for event in notified(store) if event.originator_id == stream] == events


async def test_the_chain_is_unbroken(store: EventStore) -> None:
    """Each stored event links to the one before it, and a missing one is found."""
    await store.commit(opening())
    for key in "abc":
        await store.commit(holding(key))
    stored = stored_of(store, STREAM)
    assert broken_link(stored) is None
    assert broken_link(stored[:2] + stored[3:]) == 4
    assert [digest_of(one) for one in stored] == [event.digest for event in events_of(store, STREAM)]


async def test_an_existing_aggregate_is_not_created_again(store: EventStore) -> None:
    """A decision that creates an existing aggregate without reading it first stores no event."""
    await store.commit(both(opening("a"), opening("b")))
    with pytest.raises(TransientError):
        await store.commit(both(holding("k", "b"), opening("a", 7)))
    assert len(events_of(store, STREAM)) == 1
    assert await stock(store, "b") == (50, [])
    assert (await store.commit(holding("k"))).value == 49


async def test_the_same_command_again_changes_nothing(store: EventStore) -> None:
    """A command that is sent many times at once has its effect once."""
    await store.commit(opening())
    answers = await asyncio.gather(*(store.commit(holding("k")) for _ in range(10)))
    assert {answer.value for answer in answers} == {49}
    assert len(events_of(store, STREAM)) == 2


async def test_a_fake_that_loses_its_answer_has_committed() -> None:
    """The fake raises an unknown effect after storing the event, and the same command finds it."""
    store = FakeEventStore(clock)
    await store.commit(opening())
    store.lose_answers = 1
    with pytest.raises(TransientError) as lost:
        await store.commit(holding("k"))
    assert lost.value.unknown
    assert await store.commit(holding("k")) == Committed(49, 2)
