"""Contract of the lists, for PostgreSQL and for the fakes: pages, filters, and whose rows they are."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest

from activities.catalog.register import CatalogCommands, RegisterVenue
from activities.core.ports import EventStore
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import open_pool
from adapters.read_models.projection import Projection
from adapters.read_models.queries import ReadModels
from api.ports import Queries
from domain.catalog.show import Show
from domain.core.actor import Actor, acting_as
from domain.core.unit_of_work import UnitOfWork
from domain.money.money import FeeRates
from domain.orders.order import Order, PurchaseRequested
from domain.payments.dispute import Dispute, DisputeOpened
from domain.payouts.payout import Payout, PayoutPaid
from domain.views.listed import ListCursor, Listing, ListQuery
from domain.views.rows import (
    DISCOUNT_LIST,
    DISPUTE_LIST,
    LISTINGS,
    PAYOUT_LIST,
    PURCHASE_LIST,
    REFUND_LIST,
    SHOW_LIST,
    TICKET_LIST,
    VENUE_LIST,
)
from tests.contract.selling import sell
from tests.fakes.event_store import FakeEventStore
from tests.fakes.shop_world import MemoryReads

OURS = Actor("default/key", "default")
MORE = 7


class Lists(NamedTuple):
    """An event store with one show's sales, and its queries."""

    store: EventStore
    queries: Queries
    url: str | None

    def project(self) -> None:
        if self.url is not None:
            with psycopg.connect(self.url, autocommit=True) as connection:
                Projection(connection).catch_up()

    async def all(self, listing: Listing[Any, Any], actor: Actor = OURS, limit: int = 2, **filters: Any) -> list[Any]:
        """Return all rows of a list, read in small pages."""
        found: list[Any] = []
        query = ListQuery(limit=limit, **filters)
        with acting_as(actor):
            while True:
                page = await self.queries.page(listing, query)
                assert len(page["items"]) <= limit
                found += page["items"]
                if page["next"] is None:
                    return found
                query = query._replace(after=ListCursor.parse(page["next"]))


@pytest.fixture(params=["fake", "postgres"])
async def lists(request: pytest.FixtureRequest) -> AsyncIterator[Lists]:
    if request.param == "fake":
        fake = FakeEventStore(utc_now)
        await sell_more(fake)
        yield Lists(fake, MemoryReads(fake), None)
        return
    url: str = request.getfixturevalue("tables_url")
    async with open_pool(url) as pool:
        store = PostgresEventStore(url, utc_now)
        await sell_more(store)
        made = Lists(store, ReadModels(pool), url)
        made.project()
        yield made
        store.close()


async def sell_more(store: Any) -> None:
    """Sell as the other contracts do, then add purchases, another tenant's venue, a dispute and a payout."""
    await sell(store)
    await CatalogCommands(store).register_venue(
        RegisterVenue(tenant_id="other", venue_id="ve_o", name="Theirs", rates=FeeRates(), body_digest="d")
    )

    def add(uow: UnitOfWork) -> None:
        for number in range(MORE):
            tenant_id, show_id = ("other", "sh_o") if number == 0 else ("default", "sh_1")
            uow.add(
                Order.begin(
                    PurchaseRequested,
                    f"pu_more{number}",
                    uow.at,
                    tenant_id=tenant_id,
                    show_id=show_id,
                    lines=[{"ticket_type_id": "tt_1", "quantity": 1}],
                    body_digest="d",
                    hold_until=uow.at,
                    buyer_id="bu_1",
                )
            )
        parts = {"tenant_id": "default", "venue_id": "ve_1", "currency": "eur", "amount_minor": 500}
        uow.add(Dispute.begin(DisputeOpened, "dp_1", uow.at, purchase_id="pu_1", parts={}, **parts))
        uow.add(Payout.begin(PayoutPaid, "po_1", uow.at, **parts))

    await store.commit(add)


async def test_every_list_has_its_rows_in_pages(lists: Lists) -> None:
    """Each row once, whatever the pages; a list of nothing is empty."""
    purchases = await lists.all(PURCHASE_LIST)
    ids = [row["purchase_id"] for row in purchases]
    assert sorted(ids) == sorted(["pu_1", "pu_2", *(f"pu_more{number}" for number in range(1, MORE))])
    times = [row["requested_at"] for row in purchases]
    assert times == sorted(times, reverse=True)
    assert [row["purchase_id"] for row in await lists.all(PURCHASE_LIST, limit=100)] == ids
    assert [row["venue_id"] for row in await lists.all(VENUE_LIST)] == ["ve_1"]
    ((show,), (discount,)) = [await lists.all(listing) for listing in (SHOW_LIST, DISCOUNT_LIST)]
    assert (show["show_id"], show["state"], show["capacity"]) == ("sh_1", "opened", 5)
    assert (discount["code"], discount["in_use"]) == ("EARLY", 2)
    assert len(await lists.all(TICKET_LIST)) == 5
    ((dispute,), (payout,)) = [await lists.all(listing) for listing in (DISPUTE_LIST, PAYOUT_LIST)]
    assert (dispute["purchase_id"], dispute["show_id"], dispute["amount_minor"]) == ("pu_1", "sh_1", 500)
    assert (payout["payout_id"], payout["amount_minor"]) == ("po_1", 500)
    assert await lists.all(REFUND_LIST) == []
    assert len(LISTINGS) == 8


async def test_a_list_is_filtered(lists: Lists) -> None:
    """By states, by show, by venue, by what needs attention, by the beginning of ids, and by ids."""
    sold = await lists.all(PURCHASE_LIST, states=("fulfilled", "confirmed"))
    assert [row["purchase_id"] for row in sold] == ["pu_1"]
    assert (sold[0]["total_minor"], sold[0]["currency"], sold[0]["tickets"]) == (1657, "eur", 2)
    assert len(await lists.all(PURCHASE_LIST, show_id="sh_1", venue_id="ve_1")) == 2 + MORE - 1
    assert await lists.all(PURCHASE_LIST, show_id="sh_none") == []
    (disputed,) = await lists.all(PURCHASE_LIST, attention=True)
    assert (disputed["purchase_id"], disputed["attention"]) == ("pu_1", ["dispute-open"])
    begun = await lists.all(PURCHASE_LIST, ids_begin="pu_more3")
    assert [row["purchase_id"] for row in begun] == ["pu_more3"]
    named = await lists.all(PURCHASE_LIST, ids=("pu_2", "pu_more1", "pu_more0"))
    assert {row["purchase_id"] for row in named} == {"pu_2", "pu_more1"}
    assert await lists.all(PURCHASE_LIST, ids=()) == []


async def test_a_list_is_of_a_period(lists: Lists) -> None:
    """From its start, included, to its end, excluded; the two parts of a list are the whole, in any page."""
    whole = await lists.all(PURCHASE_LIST)
    for moment in {datetime.fromisoformat(row["requested_at"]) for row in whole}:
        later, earlier = await lists.all(PURCHASE_LIST, since=moment), await lists.all(PURCHASE_LIST, until=moment)
        assert later + earlier == whole
        assert all(datetime.fromisoformat(row["requested_at"]) >= moment for row in later)
        both = await lists.all(PURCHASE_LIST, since=moment, until=moment + timedelta(microseconds=1))
        assert {row["requested_at"] for row in both} == {moment.isoformat()}


async def test_a_row_moves_with_its_document(lists: Lists) -> None:
    """A show that is cancelled leaves the list of the open ones."""
    assert await lists.all(SHOW_LIST, states=("cancelled",)) == []
    await lists.store.commit(lambda uow: uow.get(Show, "sh_1").call_off(uow.at))
    lists.project()
    assert [row["show_id"] for row in await lists.all(SHOW_LIST, states=("cancelled",))] == ["sh_1"]
    assert await lists.all(SHOW_LIST, states=("opened", "announced")) == []


async def test_another_tenants_rows_never_appear(lists: Lists) -> None:
    """Neither without filters nor by show, venue or id; a key of one venue sees that venue alone."""
    theirs, elsewhere = Actor("other/key", "other"), Actor("default/v", "default", "ve_2")
    assert [row["purchase_id"] for row in await lists.all(PURCHASE_LIST, theirs)] == ["pu_more0"]
    assert await lists.all(PURCHASE_LIST, theirs, show_id="sh_1") == []
    assert await lists.all(PURCHASE_LIST, theirs, venue_id="ve_1") == []
    assert await lists.all(PURCHASE_LIST, theirs, ids=("pu_1",)) == []
    for listing in LISTINGS:
        assert await lists.all(listing, elsewhere) == []
        assert await lists.all(listing, elsewhere, venue_id="ve_1") == []
    here = Actor("default/v", "default", "ve_1")
    assert len(await lists.all(PURCHASE_LIST, here)) == 2 + MORE - 1
    assert [row["venue_id"] for row in await lists.all(VENUE_LIST, here)] == ["ve_1"]


@pytest.mark.parametrize("actor", [None, Actor("buyer/pu_1")], ids=["the system", "a buyer"])
async def test_a_list_is_of_one_tenant(lists: Lists, actor: Actor | None) -> None:
    """Nobody reads a list without a tenant."""
    with acting_as(actor), pytest.raises(PermissionError, match="one tenant"):
        await lists.queries.page(PURCHASE_LIST, ListQuery())
