"""A share of a stock: decided before the lock two clients exceed it together, under the lock they do not."""

import asyncio
from collections.abc import Callable
from typing import cast

from adapters.event_store.store import PostgresEventStore
from domain.core.aggregate import DomainEvent
from domain.core.errors import BuyerNameNeeded
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation, HoldsPlaced
from domain.stock.shares import Holder
from tests.contract.event_stores import AT, UNTIL, opening

UNNAMED = Holder(is_named=False, unnamed_percent=50)


def unnamed(key: str) -> Callable[[UnitOfWork], None]:
    """Return a decision that holds one seat without a named buyer."""
    return lambda uow: uow.get(Allocation, "a").place(key, 1, UNTIL, "purchase", uow.at, UNNAMED)


async def held_unnamed(store: PostgresEventStore) -> int:
    return await store.read(lambda uow: uow.get(Allocation, "a").shares.unnamed)


async def test_decided_apart_two_holds_exceed_the_share(postgres: PostgresEventStore) -> None:
    """Each alone is within the share of one of two seats."""
    await postgres.commit(opening(capacity=2))
    events: list[HoldsPlaced] = []
    for key in "ab":
        seats = await postgres.read(lambda uow: uow.get(Allocation, "a"))
        seats.place(key, 1, UNTIL, "purchase", AT, UNNAMED)
        events += [cast(HoldsPlaced, cast(DomainEvent, event)) for event in seats.collect_events()]
    together = await postgres.read(lambda uow: uow.get(Allocation, "a"))
    for event in events:
        event.apply(together)
    assert together.shares.unnamed == 2


async def test_under_the_lock_they_do_not(postgres: PostgresEventStore, second: PostgresEventStore) -> None:
    """Of many at once in two processes only the share is held; the others are told to name the buyer."""
    await postgres.commit(opening(capacity=10))
    answers = await asyncio.gather(
        *((postgres, second)[number % 2].commit(unnamed(str(number))) for number in range(20)), return_exceptions=True
    )
    assert sum(isinstance(answer, BuyerNameNeeded) for answer in answers) == 15
    assert [await held_unnamed(store) for store in (postgres, second)] == [5, 5]
