"""The month of an accountant: lines that stand alone, figures that add up, tax by rate; the sums are computed here."""

import csv
import io
from collections import Counter
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from activities.books.own_balance import OwnBalanceCommands
from activities.books.post import BooksActivities
from activities.core.commands import PurchaseRef
from domain.payments.own_movement import OwnMovement
from domain.payments.payment import PaymentCaptured
from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import ApiWorld

PLATFORM = "/api/v1/platform/statement"
TAXES = {"rate_bps": 1900, "inclusive": False}


async def taxed_show(client: httpx.AsyncClient, world: ApiWorld, **more: Any) -> dict[str, Any]:
    venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key("mv"))).json()
    types = [{"name": "floor", "price_minor": 1000, "capacity": 50}]
    body = {"venue_id": venue["venue_id"], "name": "N", "currency": "eur", "ticket_types": types, "tax": TAXES, **more}
    found: dict[str, Any] = (await client.post("/api/v1/shows", json=body, headers=key("ms"))).json()
    await world.announce(venue["venue_id"], found["show_id"])
    return found


async def a_month(client: httpx.AsyncClient, world: ApiWorld) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Sell online, with a code, in cash and for nothing; return the show and the prices, each with its receipt."""
    show = await taxed_show(client, world)
    await client.post(
        f"/api/v1/shows/{show['show_id']}/discounts", json={"code": "TEN", "percent_bps": 1000}, headers=key("d")
    )
    sold = []
    for name, quantity, more in (("a", 1, {}), ("b", 3, {"discount_code": "TEN"})):
        answer = await client.post(PURCHASES, json=wanting(show, quantity, **more), headers=key(name))
        await world.pay(answer.json()["purchase_id"])
        sold.append(answer.json())
    for name, tender in (("c", "cash"), ("f", "complimentary")):
        answer = await client.post(
            "/internal/purchases", json={**wanting(show, 2), "tender": tender}, headers=key(name)
        )
        await world.confirm(answer.json()["purchase_id"])
        purchase = PurchaseRef(tenant_id="default", purchase_id=answer.json()["purchase_id"], attempt=1)
        await BooksActivities(world.store).settle_sale(purchase)
        sold.append(answer.json())
    return show, sold


async def test_each_line_stands_alone(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """Show, receipt, tickets and tender on every line; the figures of a sale once, so that they add up."""
    show, sold = await a_month(client, world)
    page = f"/api/v1/venues/{show['venue_id']}/statement"
    lines = (await client.get(page)).json()["lines"]
    quantities = {one["order_ref"]: number for one, number in zip(sold, (1, 3, 2, 2), strict=True)}
    for line in lines:
        assert line["show_id"] == show["show_id"]
        floor = show["ticket_types"][0]["ticket_type_id"]
        assert line["tickets"] == f"{floor}:{quantities[line['order_ref']]}"
    for name, field in (
        ("gross_minor", "subtotal_minor"),
        ("discount_minor", "discount_minor"),
        ("tax_minor", "tax_minor"),
    ):
        assert sum(line[name] or 0 for line in lines) == sum(one["price"][field] for one in sold), name
    fees = sum(one["price"]["platform_fee_minor"] + one["price"]["processing_fee_minor"] for one in sold)
    assert sum(line["fees_minor"] or 0 for line in lines) == fees
    assert [line["tax_bps"] for line in lines if line["tax_bps"] is not None] == [1900] * len(sold)
    tenders = {one["order_ref"]: one["price"]["tender"] for one in sold}
    assert {line["order_ref"]: line["tender"] for line in lines} == tenders
    for line in lines:
        assert line["amount"] == f"{line['amount_minor'] / 100:.2f}"
        assert line["balance"] == f"{line['balance_minor'] / 100:.2f}"
    table = (await client.get(page, params={"format": "csv"})).text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["amount"] for row in rows] == [line["amount"] for line in lines]
    assert sum(int(row["gross_minor"] or 0) for row in rows) == sum(one["price"]["subtotal_minor"] for one in sold)


async def test_a_free_order_is_a_line(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """Of no amount, with its tickets and its discount: given away at the counter, or wholly discounted by a code."""
    show, sold = await a_month(client, world)
    whole = {"code": "ALL", "percent_bps": 10_000}
    await client.post(f"/api/v1/shows/{show['show_id']}/discounts", json=whole, headers=key("all"))
    answer = await client.post(PURCHASES, json=wanting(show, 1, discount_code="ALL"), headers=key("g"))
    await world.confirm(answer.json()["purchase_id"])
    purchase = PurchaseRef(tenant_id="default", purchase_id=answer.json()["purchase_id"], attempt=1)
    await BooksActivities(world.store).settle_sale(purchase)
    free = [one for one in (*sold, answer.json()) if one["price"]["total_minor"] == 0]
    assert [one["price"]["tender"] for one in free] == ["complimentary", "card"]
    statement = (await client.get(f"/api/v1/venues/{show['venue_id']}/statement")).json()
    lines = [line for line in statement["lines"] if line["amount_minor"] == 0]
    expected = [(one["order_ref"], one["price"]["discount_minor"], one["price"]["tender"]) for one in free]
    assert [(line["order_ref"], line["discount_minor"], line["tender"]) for line in lines] == expected
    floor = show["ticket_types"][0]["ticket_type_id"]
    assert [line["tickets"] for line in lines] == [f"{floor}:2", f"{floor}:1"]
    assert {(line["kind"], line["account"], line["gross_minor"] - line["discount_minor"]) for line in lines} == {
        ("sale", "pending", 0)
    }
    pending = sum(line["amount_minor"] for line in statement["lines"] if line["account"] == "pending")
    (balance,) = (await client.get(f"/api/v1/venues/{show['venue_id']}/balance")).json()["balances"]
    assert lines[-1]["balance_minor"] == pending == balance["pending_minor"]


async def test_till_and_bank_are_apart(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """The lines of money in the till sum to the cash that the till should hold."""
    show, sold = await a_month(client, world)
    lines = (await client.get(f"/api/v1/venues/{show['venue_id']}/statement")).json()["lines"]
    sums = Counter[str | None]()
    for line in lines:
        sums[line["place"]] += line["amount_minor"]
    cash = sum(one["price"]["total_minor"] for one in sold if one["price"]["tender"] == "cash")
    till = (await client.get(f"/internal/counter/tills/{show['venue_id']}")).json()["balances"]
    assert till == [{"currency": "eur", "cash_minor": cash}]
    assert (sums["till"], sums["bank"]) == (cash, 0)
    assert all(line["place"] is None for line in lines if line["account"] != "paid_out")


async def test_tax_by_rate_and_period(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """The sum of the prices' tax, in the period of the sales and in no other."""
    show, sold = await a_month(client, world)
    page = f"/api/v1/venues/{show['venue_id']}/taxes"
    total = sum(one["price"]["tax_minor"] for one in sold)
    (line,) = (await client.get(page)).json()["sums"]
    assert line == {
        "currency": "eur",
        "tax_bps": 1900,
        "kind": "sale",
        "tax_minor": total,
        "tax": f"{total / 100:.2f}",
    }
    within = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    assert (await client.get(page, params=within)).json()["sums"] == [line]
    for period in ({"to": "2026-01-01T00:00:00Z"}, {"from": "2026-02-01T00:00:00Z"}):
        assert (await client.get(page, params=period)).json()["sums"] == []
    wrong = {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    assert code(await client.get(page, params=wrong)) == (422, "invalid-request")
    assert code(await client.get("/api/v1/venues/ve_none/taxes")) == (404, "not-found")


async def test_the_platforms_month(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """Fees and processing fees of the prices, less Stripe's fees; what goes to the bank; openings and lines close."""
    _, sold = await a_month(client, world)
    own = OwnBalanceCommands(world.store)
    for number, (kind, amount, fee) in enumerate((("payout", -700, 0), ("topup", 200, 0), ("stripe_fee", -35, 0))):
        movement = OwnMovement(
            entry_id=f"txn_{number}", kind=kind, currency="eur", amount_minor=amount, fee_minor=fee, at=world.clock()
        )
        await own.post_movement(movement)
    charged = Counter[str]()
    for event in world.store.log:
        if isinstance(event, PaymentCaptured):
            charged["fees"] += event.stripe_fee_minor
    prices = [one["price"] for one in sold]
    expected = {
        "bank": -700 + 200,
        "fees": sum(price["platform_fee_minor"] for price in prices),
        "processing_fees": sum(price["processing_fee_minor"] for price in prices) - charged["fees"] - 35,
    }
    statement = (await client.get(PLATFORM)).json()
    closing = {one["account"]: one["balance_minor"] for one in statement["closing"]}
    assert closing == expected
    assert {one["balance_minor"] for one in statement["opening"]} == {0}
    sums = Counter[str]()
    for line in statement["lines"]:
        sums[line["account"]] += line["amount_minor"]
        assert sums[line["account"]] == line["balance_minor"]
        assert line["amount"] == f"{line['amount_minor'] / 100:.2f}"
    assert dict(sums) == expected
    fees = [line for line in statement["lines"] if line["account"] == "fees"]
    assert {line["order_ref"] for line in fees} == {one["order_ref"] for one in sold if one["price"]["total_minor"]}
    assert all(line["venue_id"] and line["show_id"] for line in fees)
    rows = list(csv.DictReader(io.StringIO((await client.get(PLATFORM, params={"format": "csv"})).text)))
    assert [int(row["amount_minor"]) for row in rows] == [line["amount_minor"] for line in statement["lines"]]


async def test_the_platforms_statement_comes_in_pages(
    client: httpx.AsyncClient, world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages are the whole, and so is the CSV; the parts of a period close where the next one opens."""
    await a_month(client, world)
    whole = (await client.get(PLATFORM)).json()
    found, cursor = list[Any](), None
    while True:
        page = (await client.get(PLATFORM, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        found += page["lines"]
        assert (page["opening"], page["closing"]) == (whole["opening"], whole["closing"])
        if (cursor := page["next"]) is None:
            break
    assert found == whole["lines"]
    monkeypatch.setattr("api.routes.statements.LINES_MAX", 2)
    rows = list(csv.DictReader(io.StringIO((await client.get(PLATFORM, params={"format": "csv"})).text)))
    assert [row["key"] for row in rows] == [line["key"] for line in found]
    later = (await client.get(PLATFORM, params={"from": "2100-01-01T00:00:00Z"})).json()
    assert (later["lines"], later["opening"]) == ([], whole["closing"])


async def test_the_platforms_statement_is_the_platforms(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """A key of another tenant, or of one venue, does not read it; dates have an offset, as it has no time zone."""
    hall = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key("hall"))).json()["venue_id"]
    for tenant, venue in (("other", ""), ("default", hall)):
        theirs = await world.key("operate", tenant_id=tenant, bound_to=venue)
        async with api_client(app_over(world.deps()), key=theirs) as other:
            assert code(await other.get(PLATFORM)) == (403, "forbidden")
    assert code(await client.get(PLATFORM, params={"from": "2026-01-01"})) == (422, "invalid-request")


BERLIN = "Europe/Berlin"
DST = (  # a day's sales around its ends: 23 hours in spring, 25 in autumn
    ("2026-03-29", "2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"),
    ("2026-10-25", "2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"),
)


@pytest.mark.parametrize("day", DST, ids=["23 hours", "25 hours"])
async def test_a_date_is_a_day_of_the_venue(client: httpx.AsyncClient, world: ApiWorld, day: tuple[str, ...]) -> None:
    """In statement, taxes and lists: from midnight to midnight on the venue's clocks, also where they are changed."""
    show = await taxed_show(client, world)
    sold = []
    for number, at in enumerate(day[1:]):
        world.clock = partial(datetime.fromisoformat, at)
        answer = await client.post(PURCHASES, json=wanting(show, 1), headers=key(f"z{number}"))
        await world.pay(answer.json()["purchase_id"])
        sold.append(answer.json())
    venue, following = (
        f"/api/v1/venues/{show['venue_id']}",
        (date.fromisoformat(day[0]) + timedelta(days=1)).isoformat(),
    )
    period = {"from": day[0], "to": following}
    listed = {**period, "show_id": show["show_id"]}
    for path, params in ((f"{venue}/statement", period), (f"{venue}/taxes", period), (PURCHASES, listed)):
        refused = await client.get(path, params=params)
        assert code(refused) == (422, "invalid-request")
        assert "offset" in refused.json()["detail"]
    assert (await client.patch(venue, json={"time_zone": BERLIN})).json()["time_zone"] == BERLIN
    assert (await client.get(venue)).json()["time_zone"] == BERLIN
    lines = (await client.get(f"{venue}/statement", params=period)).json()["lines"]
    within = sold[1:3]
    assert [line["order_ref"] for line in lines] == [one["order_ref"] for one in within]
    (tax,) = (await client.get(f"{venue}/taxes", params=period)).json()["sums"]
    assert tax["tax_minor"] == sum(one["price"]["tax_minor"] for one in within)
    for params in (listed, {**period, "venue_id": show["venue_id"]}):
        rows = (await client.get(PURCHASES, params=params)).json()["items"]
        assert {row["purchase_id"] for row in rows} == {one["purchase_id"] for one in within}
        text = (await client.get(PURCHASES, params={**params, "format": "csv"})).text
        assert len(text.splitlines()) == 1 + len(within)
    assert code(await client.get(PURCHASES, params=period)) == (422, "invalid-request")
    bound = await world.key("manage", bound_to=show["venue_id"])
    async with api_client(app_over(world.deps()), key=bound) as bookkeeper:
        assert len((await bookkeeper.get(PURCHASES, params=period)).json()["items"]) == len(within)
    exact = {"from": day[2], "to": day[4], **{name: value for name, value in listed.items() if name == "show_id"}}
    assert len((await client.get(PURCHASES, params=exact)).json()["items"]) == len(within)


async def test_a_venue_is_registered_with_its_zone(client: httpx.AsyncClient) -> None:
    """One that is no zone is refused, at its registration and later; an unknown venue is not found."""
    made = await client.post("/api/v1/venues", json={"name": "Hall", "time_zone": BERLIN}, headers=key("zoned"))
    venue = f"/api/v1/venues/{made.json()['venue_id']}"
    assert (await client.get(venue)).json()["time_zone"] == BERLIN
    for zone in ("Berlin", "", "+01:00"):
        body = {"name": "Hall", "time_zone": zone}
        assert code(await client.post("/api/v1/venues", json=body, headers=key("z"))) == (422, "invalid-request")
        assert code(await client.patch(venue, json={"time_zone": zone})) == (422, "invalid-request")
    assert code(await client.patch("/api/v1/venues/ve_none", json={"time_zone": BERLIN}))[0] == 404
