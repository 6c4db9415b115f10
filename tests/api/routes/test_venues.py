"""A venue's statement over HTTP: JSON and CSV of any period; invalid requests are refused."""

import csv
import io
from typing import Any

import httpx
import pytest

from activities.books.post import payee_of
from api.routes import statements
from domain.core.unit_of_work import UnitOfWork
from domain.money.statement import Statement, StatementQuery
from domain.payouts.payee import Capabilities
from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.shop_world import ApiWorld

FIXED = [
    {"currency": "eur", "platform_minor": 25, "processing_minor": 30},
    {"currency": "jpy", "platform_minor": 0, "processing_minor": 0},
]


async def test_a_sale_is_a_line(client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> None:
    """Its lines have the purchase, the charge and the tickets' addresses; also as CSV."""
    purchase_id = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"]
    await world.pay(purchase_id)
    path = f"/api/v1/venues/{show['venue_id']}/statement"
    found = (await client.get(path)).json()
    (line,) = found["lines"]
    assert (line["purchase_id"], line["amount_minor"], line["account"]) == (purchase_id, 2000, "pending")
    assert (line["charge_id"], len(line["mint_addresses"])) == ("ch_1", 2)
    assert found["closing"] == [{"account": "pending", "currency": "eur", "balance_minor": 2000}]
    for answer in (
        await client.get(path, params={"format": "csv"}),
        await client.get(path, headers={"Accept": "text/csv"}),
    ):
        assert answer.headers["content-type"].startswith("text/csv")
        (row,) = csv.DictReader(io.StringIO(answer.text))
        assert (row["purchase_id"], row["amount_minor"]) == (purchase_id, "2000")
    later = (await client.get(path, params={"from": "2100-01-01T00:00:00Z"})).json()
    assert (later["lines"], later["opening"]) == ([], found["closing"])


async def test_a_statement_comes_in_pages_and_csv_whole(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`next` leads to the next page; the sums are those of the balance; the CSV is made of several reads."""
    for number in range(3):
        bought = await client.post(PURCHASES, json=wanting(show, 1), headers=key(f"p{number}"))
        await world.pay(bought.json()["purchase_id"])
    path, found, cursor = f"/api/v1/venues/{show['venue_id']}/statement", list[Any](), None
    while True:
        page = (await client.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        found += page["lines"]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["lines"]) == 2
    assert found == (await client.get(path)).json()["lines"]
    assert len(found) == 3
    (balance,) = (await client.get(f"/api/v1/venues/{show['venue_id']}/balance")).json()["balances"]
    assert sum(line["amount_minor"] for line in found) == balance["pending_minor"] == found[-1]["balance_minor"]
    reads, read_page = list[int](), world.reads.statement

    async def counted(venue_id: str, query: StatementQuery) -> Statement:
        reads.append(query.limit)
        return await read_page(venue_id, query)

    monkeypatch.setattr(statements, "LINES_MAX", 2)
    monkeypatch.setattr(world.reads, "statement", counted)
    rows = list(csv.DictReader(io.StringIO((await client.get(path, params={"format": "csv"})).text)))
    assert reads == [2, 2]
    assert [row["key"] for row in rows] == [line["key"] for line in found]


@pytest.mark.parametrize("page", [{"limit": 0}, {"limit": 1001}, {"cursor": "1"}, {"cursor": "1.0.2.9"}])
async def test_a_page_that_cannot_be_is_refused(
    client: httpx.AsyncClient, show: dict[str, Any], page: dict[str, Any]
) -> None:
    """A limit has bounds, and a cursor is one that was given."""
    assert (await client.get(f"/api/v1/venues/{show['venue_id']}/statement", params=page)).status_code == 422


@pytest.mark.parametrize(
    "period",
    [
        {"from": "yesterday"},
        {"to": "2026-01-01T00:00:00"},
        {"from": "2026-01-01"},
        {"from": "0001-01-01T00:00:00+12:00"},
        {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
    ],
)
async def test_a_wrong_period_is_refused(
    client: httpx.AsyncClient, show: dict[str, Any], period: dict[str, str]
) -> None:
    """Timestamps need an offset where the venue has no time zone, and a period must end after it begins."""
    answer = await client.get(f"/api/v1/venues/{show['venue_id']}/statement", params=period)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:boxoffice:problem:invalid-request")


async def test_there_is_no_statement_of_nobody(client: httpx.AsyncClient) -> None:
    """An unknown venue is not found."""
    assert (await client.get("/api/v1/venues/ve_nobody/statement")).status_code == 404


async def test_a_show_in_a_currency_without_fixed_fees(client: httpx.AsyncClient) -> None:
    """Fixed fees count in their own currency, and a show in one without them is refused."""
    made = await client.post("/api/v1/venues", json={"name": "Hall", "rates": {"fixed_fees": FIXED}}, headers=key("v"))
    venue_id = made.json()["venue_id"]
    read = (await client.get(f"/api/v1/venues/{venue_id}")).json()
    assert made.json()["rates"]["fixed_fees"] == read["rates"]["fixed_fees"] == FIXED

    async def announce(currency: str, price_minor: int = 1000) -> httpx.Response:
        types = [{"name": "floor", "price_minor": price_minor, "capacity": 5}]
        body = {"venue_id": venue_id, "name": "Night", "currency": currency, "ticket_types": types}
        return await client.post("/api/v1/shows", json=body, headers=key(f"{currency}{price_minor}"))

    assert [(await announce(currency)).status_code for currency in ("eur", "jpy")] == [201, 201]
    for price_minor in (1000, 0):  # a free show has quotes too
        assert code(await announce("usd", price_minor)) == (422, "not-chargeable")


@pytest.mark.parametrize(
    "rates",
    [
        {"fixed_fees": FIXED, "platform_fixed_minor": 25},
        {"fixed_fees": [FIXED[0], FIXED[0]]},
        {"fixed_fees": [{"currency": "kwd", "platform_minor": 5}]},
        {"fixed_fees": []},
    ],
)
async def test_fixed_fees_that_say_two_things_are_refused(client: httpx.AsyncClient, rates: dict[str, Any]) -> None:
    """Twice the same currency, a number without a currency beside them, and a part of a step."""
    made = await client.post("/api/v1/venues", json={"name": "Hall", "rates": rates}, headers=key("v"))
    assert code(made) == (422, "invalid-request")


@pytest.mark.parametrize(("settles", "status"), [(("usd",), 409), (("usd", "eur"), 201), ((), 201)])
async def test_a_show_in_another_currency_than_the_account_settles_in_is_refused(
    client: httpx.AsyncClient, world: ApiWorld, settles: tuple[str, ...], status: int
) -> None:
    """The refusal names the account's currencies; an account without any known currency refuses nothing."""
    venue = (await client.post("/api/v1/venues", json={"name": "Hall", "country": "US"}, headers=key("v"))).json()
    abilities = Capabilities(may_receive=True, may_pay_out=True, settlement_currencies=settles)

    def connected(uow: UnitOfWork) -> None:
        payee = payee_of(uow, "default", venue["venue_id"])
        payee.connect("acct_1", uow.at)
        payee.record_capabilities(abilities, uow.at)

    await world.store.commit(connected)
    types = [{"name": "floor", "price_minor": 1000, "capacity": 5}]
    body = {"venue_id": venue["venue_id"], "name": "Night", "currency": "eur", "ticket_types": types}
    answer = await client.post("/api/v1/shows", json=body, headers=key("s"))
    assert answer.status_code == status
    if status == 409:
        assert "settles in usd, not in eur" in answer.json()["detail"]
