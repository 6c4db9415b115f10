"""Our own balance: its payouts, top-ups and fees are booked once, whatever is listed twice or fails."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from activities.books.own_balance import OwnBalanceCommands
from domain.core.transient import TransientError
from domain.money.books import BooksTransaction, balances
from domain.payments.own_movement import OwnMovement, movement_postings
from relay.each import Each
from relay.own_balance import AT_ONCE, OVERLAP, OwnBalance
from tests.fakes.samples import AT
from tests.fakes.store_world import StoreWorld
from tests.relay.gauge import Gauge


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

    async def own_movements(self, since: datetime | None) -> Sequence[OwnMovement]:
        self.asked.append(since)
        if self.errors:
            raise self.errors.pop()
        return self.movements


@pytest.fixture
def store_world() -> StoreWorld:
    return StoreWorld()


def loop(listing: Listing, world: StoreWorld) -> OwnBalance:
    return OwnBalance(listing, OwnBalanceCommands(world.store), Each(Gauge()), lambda: AT)


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
    listing = Listing(*(moved(number) for number in range(AT_ONCE + 1)))
    own = loop(listing, store_world)
    assert await own.book() == AT_ONCE + 1
    listing.movements.append(moved(AT_ONCE + 1, "topup", 100))
    assert await own.book() == 1
    assert listing.asked == [None, AT - OVERLAP]
    assert (await posted(store_world, 0))["platform:bank", "eur"] == -100
    assert timedelta(days=1) == OVERLAP


async def test_one_that_cannot_be_posted_is_asked_for_again(store_world: StoreWorld) -> None:
    """The others are posted, and the next look begins where this one did."""
    listing = Listing(moved(0), moved(1), moved(2))
    books = OwnBalanceCommands(store_world.store)
    own = OwnBalance(listing, Odd(books, "txn_1"), Each(Gauge()), lambda: AT)
    assert await own.book() == 2
    assert await loop(listing, store_world).book() == 1
    assert await own.book() == 0
    assert listing.asked == [None, None, None]


class Odd:
    """The books, and one movement that they do not take."""

    def __init__(self, books: OwnBalanceCommands, refused: str) -> None:
        self._books, self._refused = books, refused

    async def post_movement(self, movement: OwnMovement) -> bool:
        if movement.entry_id == self._refused:
            raise ValueError("a movement that nobody knows")
        return await self._books.post_movement(movement)


async def test_a_look_that_fails_is_made_again(store_world: StoreWorld) -> None:
    """A lost network and a refused call leave the movements to the next look, which asks for the same time again."""
    listing = Listing(moved(1))
    listing.errors = [RuntimeError("refused"), TransientError("no connection")]
    own = loop(listing, store_world)
    for error in (TransientError, RuntimeError):
        with pytest.raises(error):
            await own.book()
    assert await own.book() == 1
    assert listing.asked == [None, None, None]
