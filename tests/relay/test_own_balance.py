"""Our own balance: its payouts, top-ups and fees are booked once, whatever is listed twice or fails."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from activities.books.own_balance import OwnBalanceCommands
from domain.core.transient import TransientError
from domain.money.books import BooksTransaction, balances
from domain.payments.own_movement import OwnMovement, movement_postings
from relay.own_balance import BATCH, OVERLAP, OwnBalance
from tests.fakes.samples import AT
from tests.fakes.store_world import StoreWorld


def moved(number: int, kind: str = "payout", amount_minor: int = -100, fee_minor: int = 0) -> OwnMovement:
    return OwnMovement(
        entry_id=f"txn_{number}", kind=kind, currency="eur", amount_minor=amount_minor, fee_minor=fee_minor, at=AT
    )


class Listing:
    """Stripe's list of our movements; `asked` are the times since which it was asked."""

    def __init__(self, *movements: OwnMovement) -> None:
        self.movements = list(movements)
        self.asked: list[datetime | None] = []
        self.errors: list[Exception] = []
        self.asked_often = asyncio.Event()

    async def own_movements(self, since: datetime | None) -> Sequence[OwnMovement]:
        self.asked.append(since)
        if len(self.asked) == 4:
            self.asked_often.set()
        if self.errors:
            raise self.errors.pop()
        return self.movements


@pytest.fixture
def store_world() -> StoreWorld:
    return StoreWorld()


def loop(listing: Listing, world: StoreWorld) -> OwnBalance:
    return OwnBalance(listing, OwnBalanceCommands(world.store), 0.01, lambda: AT)


async def posted(world: StoreWorld, number: int) -> dict[tuple[str, str], int]:
    found = await world.store.read(lambda uow: uow.get(BooksTransaction, f"txn_{number}"))
    return balances(found.postings)


@pytest.mark.parametrize(
    ("kind", "amount", "fee", "account", "booked"),
    [
        ("payout", -100, 0, "platform:bank", -100),
        ("payout", -100, 3, "platform:bank", -100),
        ("payout_failure", 100, 0, "platform:bank", 100),
        ("payout_cancel", 100, 0, "platform:bank", 100),
        ("topup", 100, 0, "platform:bank", 100),
        ("topup_reversal", -100, 0, "platform:bank", -100),
        ("stripe_fee", -100, 0, "processing:fees", -100),
    ],
)
def test_a_movement_leaves_what_stripe_has(kind: str, amount: int, fee: int, account: str, booked: int) -> None:
    """The clearing account moves by the net; the rest is our bank's, or a fee."""
    totals = balances(movement_postings(moved(1, kind, amount, fee)))
    assert -totals["stripe:clearing", "eur"] == amount - fee
    assert totals[account, "eur"] == booked
    assert totals.get(("processing:fees", "eur"), 0) == (booked if account == "processing:fees" else -fee)
    assert sum(totals.values()) == 0


async def test_each_movement_is_booked_once(store_world: StoreWorld) -> None:
    """The first look is at everything, a later one at what is new, with a day's overlap."""
    listing = Listing(*(moved(number) for number in range(BATCH + 1)))
    own = loop(listing, store_world)
    assert await own.book() == BATCH + 1
    listing.movements.append(moved(BATCH + 1, "topup", 100))
    assert await own.book() == 1
    assert listing.asked == [None, AT - OVERLAP]
    assert (await posted(store_world, 0))["platform:bank", "eur"] == -100
    assert timedelta(days=1) == OVERLAP


async def test_an_error_only_delays(store_world: StoreWorld) -> None:
    """A lost network and a refused call leave the others to the next look, which asks for the same time again."""
    listing, stopping = Listing(moved(1)), asyncio.Event()
    listing.errors = [RuntimeError("refused"), TransientError("no connection")]
    running = asyncio.create_task(loop(listing, store_world).run(stopping))
    async with asyncio.timeout(10):
        await listing.asked_often.wait()
    stopping.set()
    await running
    assert listing.asked[:3] == [None, None, None]
    assert (await posted(store_world, 1))["stripe:clearing", "eur"] == 100
