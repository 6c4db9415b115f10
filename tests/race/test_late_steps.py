"""Races of late steps with ended purchases and holds, and of a buyer's cancel with our capture."""

import asyncio
from datetime import datetime

import pytest

from activities.core.commands import PurchaseRef
from activities.sales.request_purchase import PurchaseCommands
from adapters.event_store.store import PostgresEventStore
from domain.core.errors import CancelTooLate, HoldReleased, PurchaseCancelled
from domain.invariants.invariant import UNDONE
from domain.orders.order import CancelRequested, CaptureRequested, Order
from domain.stock.allocation import Allocation
from tests.contract.event_stores import AT, UNTIL, holding, opening
from tests.fakes.store_world import StoreWorld, ending
from tests.race.judged import broken_invariants

RACES = 12


def request_capture_unchecked(order: Order, at: datetime) -> None:
    """Request the capture without checking for a cancel."""
    order.record(CaptureRequested, at)


def request_cancel_unchecked(order: Order, at: datetime) -> None:
    """Accept a cancel without checking for a capture."""
    order.record(CancelRequested, at)


async def placed_too_late(shop: StoreWorld) -> None:
    """End a purchase, then let a delayed `place_order` arrive."""
    purchase = await shop.only_requested(floor=2)
    await shop.sales.cancel_order(ending(purchase, "purchase-cancelled"))
    await shop.sales.place_order(purchase)


async def test_without_the_ended_order_a_late_placing_keeps_its_seats_for_ever(
    shop: StoreWorld, postgres: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that arrives after its undo is never undone."""
    monkeypatch.setattr(Order, "check_open", lambda order: None)
    await placed_too_late(shop)
    assert await shop.stock() == [(3, 2, 0), (3, 0, 0)]
    assert broken_invariants(postgres, at_rest=True) == {UNDONE.name}


async def test_with_the_ended_order_a_late_placing_is_refused(shop: StoreWorld, postgres: PostgresEventStore) -> None:
    """The transaction that would place it finds the end."""
    with pytest.raises(PurchaseCancelled):
        await placed_too_late(shop)
    assert await shop.stock() == [(5, 0, 0), (3, 0, 0)]
    assert broken_invariants(postgres, at_rest=True) == set()


async def held_too_late(store: PostgresEventStore) -> int:
    """Release a hold before it arrives, let it arrive, and return the seats still held."""
    await store.commit(opening())
    await store.commit(lambda uow: uow.get(Allocation, "a").release("k", "over", AT))
    try:
        await store.commit(holding("k"))
    except HoldReleased:
        assert AT < UNTIL  # refused by the tombstone, not by the deadline
    return await store.read(lambda uow: uow.get(Allocation, "a").held)


async def test_without_the_tombstone_a_late_hold_keeps_its_seat_for_ever(
    postgres: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a tombstone a release of an unknown hold leaves no trace."""
    release = Allocation.release

    def release_known_holds(stock: Allocation, key: str, reason: str, at: datetime) -> None:
        if key in stock.holds:
            release(stock, key, reason, at)

    monkeypatch.setattr(Allocation, "release", release_known_holds)
    assert await held_too_late(postgres) == 1


async def test_with_the_tombstone_a_late_hold_is_refused(postgres: PostgresEventStore) -> None:
    """The seat stays free."""
    assert await held_too_late(postgres) == 0


async def raced(shop: StoreWorld, second: PostgresEventStore) -> list[tuple[bool, bool]]:
    """Race a buyer's cancel against our capture, in two processes; return (cancelled, captured) of each race."""
    return [await _race(shop, second, number) for number in range(RACES)]


async def _race(shop: StoreWorld, second: PostgresEventStore, number: int) -> tuple[bool, bool]:
    ref = PurchaseRef(tenant_id="default", purchase_id=f"pu{number}", attempt=1)
    await shop.request(ref.purchase_id, floor=1)
    await shop.sales.place_order(ref)
    acts = [PurchaseCommands(second).request_cancel(ref.purchase_id), shop.sales.confirm_seats(ref)]
    if number % 2:
        acts.reverse()
    answers = await asyncio.gather(*acts, return_exceptions=True)
    accepted = [not isinstance(answer, CancelTooLate | PurchaseCancelled) for answer in answers]
    assert all(not isinstance(answer, BaseException) for answer, yes in zip(answers, accepted, strict=True) if yes)
    order = await shop.see(Order, ref.purchase_id)
    assert sorted(accepted) == sorted([order.cancel_requested, order.capture_requested])
    await shop.sales.cancel_order(ending(ref, "test"))
    return order.cancel_requested, order.capture_requested


async def test_without_the_shared_decision_a_cancelled_purchase_is_charged(
    shop: StoreWorld, second: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancel is accepted, and the money is captured."""
    monkeypatch.setattr(Order, "request_capture", request_capture_unchecked)
    monkeypatch.setattr(Order, "request_cancel", request_cancel_unchecked)
    assert set(await raced(shop, second)) == {(True, True)}


async def test_with_the_shared_decision_one_of_the_two_is_refused(shop: StoreWorld, second: PostgresEventStore) -> None:
    """Exactly one is accepted: the first."""
    assert set(await raced(shop, second)) <= {(True, False), (False, True)}
