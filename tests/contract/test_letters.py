"""Contract of the log of letters, for PostgreSQL and for the fake: one letter for each event and buyer, in turn."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import psycopg
import pytest

from activities.catalog.prices import ChangeShow, PriceCommands
from activities.sales.letters.ports import LetterLog
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import open_pool
from adapters.postgres.letters import SENDING, PostgresLetters
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.read_models.pending.follow_up import RelayQueries
from adapters.read_models.projection import Projection
from domain.orders.personal_data import PersonalData
from domain.views.outgoing.letters import LetterEnd, LetterKey
from tests.contract.selling import sell
from tests.fakes.event_store import FakeEventStore
from tests.fakes.letter_box import MemoryLetters
from tests.fakes.shop_world import MemoryReads
from tests.fakes.small_tables import MemoryBuyers

ANN = PersonalData(email="ann@example.org")
HOUR = timedelta(hours=1)


class DueLetters(Protocol):
    """What tells the relay that letters are due."""

    async def due_letters(self, at: datetime) -> Sequence[str]: ...


class Box(NamedTuple):
    """A log, what tells the relay of it, and what makes events known to it."""

    log: LetterLog
    relay: DueLetters
    store: Any
    fold: Callable[[], None]


@pytest.fixture(params=["fake", "postgres"])
async def box(request: pytest.FixtureRequest) -> AsyncIterator[Box]:
    """A log that looked before anything was sold; then one buyer with an address bought, and another waits."""
    if request.param == "fake":
        buyers, fake = MemoryBuyers(), FakeEventStore(utc_now)
        reads = MemoryReads(fake)
        log = MemoryLetters(reads.catch_up, buyers)
        await begin_to_look(log, log)
        await buyers.keep("bu_1", "default", "pu_1", ANN, ("al_1",))
        await sell(fake)
        assert await log.due_letters(utc_now()) == ["letters"]
        yield Box(log, log, fake, lambda: None)
        return
    url: str = request.getfixturevalue("tables_url")
    async with open_pool(url) as pool:
        letters, relay = PostgresLetters(pool), RelayQueries(pool)
        await begin_to_look(letters, relay)
        await PostgresBuyers(pool, Sealing({}, "s" * 32)).keep("bu_1", "default", "pu_1", ANN, ("al_1",))
        store = PostgresEventStore(url, utc_now)
        await sell(store)

        def fold() -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                Projection(connection).catch_up()

        fold()
        assert await relay.due_letters(utc_now()) == ["letters"]
        yield Box(letters, relay, store, fold)
        store.close()


async def begin_to_look(log: LetterLog, relay: DueLetters) -> None:
    """Look for the first time, which is due; what was told before leads to no letter."""
    assert await relay.due_letters(utc_now()) == ["letters"]
    assert await log.due(utc_now(), 10) == []
    assert await relay.due_letters(utc_now()) == []


async def the_one(box: Box) -> LetterKey:
    (key,) = await box.log.due(utc_now(), 10)
    return key


async def test_a_sale_leads_to_one_letter(box: Box) -> None:
    """However often one looks; its matter is the event with its purchase and show."""
    key = await the_one(box)
    assert await the_one(box) == key
    matter = await box.log.matter(key)
    assert matter is not None
    assert (matter.kind, key.purchase_id) == ("order-confirmed", "pu_1")
    assert (matter.purchase["purchase_id"], matter.show["show_id"]) == ("pu_1", "sh_1")
    assert await box.log.matter(LetterKey("ev_unknown", "pu_1")) is None


async def test_a_try_is_begun_once(box: Box) -> None:
    """Until it has ended, or its worker was silent for too long: then its end is unknown, and comes too late."""
    key, at = await the_one(box), utc_now()
    begun = await box.log.begin(key, at)
    assert begun is not None
    assert (begun.number, begun.unknown_ends) == (1, 0)
    assert await box.log.begin(key, at + SENDING / 2) is None
    assert await box.log.due(at + SENDING / 2, 10) == []
    assert await box.log.due(at + SENDING, 10) == [key]
    again = await box.log.begin(key, at + SENDING)
    assert again is not None
    assert (again.number, again.unknown_ends, again.first_at) == (2, 1, begun.first_at)
    await box.log.end(key, begun.number, LetterEnd("due", "late", at, due_at=at))
    assert await box.log.due(at + SENDING, 10) == []  # the second try is under way still
    await box.log.end(key, again.number, LetterEnd("sent", None, at))
    await box.log.end(key, again.number, LetterEnd("due", "late", at, due_at=at))
    assert await box.log.begin(key, at + HOUR) is None
    assert await box.log.due(at + HOUR, 10) == []


async def test_a_failed_try_waits(box: Box) -> None:
    """One that does not count is none; one whose end is unknown is told to the next."""
    key, at = await the_one(box), utc_now()
    assert await box.log.begin(key, at) is not None
    await box.log.end(key, 1, LetterEnd("due", "away", at, due_at=at, counts=False))
    assert (await box.log.begin(key, at) or (0,))[0] == 1
    await box.log.end(key, 1, LetterEnd("due", "lost", at, due_at=at + HOUR, is_unknown=True))
    assert await box.log.due(at, 10) == []
    begun = await box.log.begin(key, at + HOUR)
    assert begun is not None
    assert (begun.number, begun.unknown_ends) == (2, 1)


async def test_a_change_of_a_show_is_told_to_its_buyers_after_their_tickets(box: Box) -> None:
    """With what was told before; nobody hears of it who did not buy."""
    key, at = await the_one(box), utc_now()
    details: dict[str, Any] = {"place": "Opera"}
    await PriceCommands(box.store).change_show(ChangeShow(show_id="sh_1", prices={}, window={}, details=details))
    box.fold()
    assert await box.log.due(at, 10) == [key]  # the tickets come first
    await box.log.begin(key, at)
    await box.log.end(key, 1, LetterEnd("sent", None, at))
    (change,) = await box.log.due(utc_now(), 10)
    matter = await box.log.matter(change)
    assert matter is not None
    assert matter.before is not None
    assert (matter.kind, matter.before["data"]["place"], matter.event["data"]["place"]) == ("show-changed", "", "Opera")


async def test_old_events_lead_to_no_letter(box: Box) -> None:
    """Letters that were switched on again do not begin with those of last week."""
    assert await box.log.due(utc_now() + timedelta(days=4), 10) == []
    assert await box.log.due(utc_now(), 10) == []


async def test_what_is_due_comes_in_pages(box: Box) -> None:
    """No more than are asked for."""
    assert await box.log.due(utc_now(), 0) == []
    assert datetime.fromisoformat((await box.log.matter(await the_one(box)))[0]["timestamp"]) <= utc_now()  # type: ignore[index]
