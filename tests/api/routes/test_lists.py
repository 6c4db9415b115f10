"""Lists over HTTP: pages, filters, CSV, the search for a buyer, and whose rows they are."""

import csv
import io
from typing import Any

import httpx
import pytest

from domain.money.csv_table import cell
from domain.views.listed import PAGE_ROWS_MAX
from domain.views.rows import LISTINGS, PURCHASE_LIST
from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.api_client import api_client, app_over, document
from tests.fakes.shop_world import ApiWorld

SEARCH = "/api/v1/buyer-searches"
LISTS = sorted(f"/api/v1/{listing.kind}" for listing in LISTINGS)


async def buy(client: httpx.AsyncClient, show: dict[str, Any], request: str, **buyer: str) -> str:
    answer = await client.post(PURCHASES, json=wanting(show, 1, buyer=buyer), headers=key(request))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["purchase_id"])


@pytest.mark.parametrize("path", LISTS)
async def test_every_list_answers_json_and_csv(client: httpx.AsyncClient, show: dict[str, Any], path: str) -> None:
    """The fields of a row are the columns, and each row of JSON is a line of CSV."""
    await buy(client, show, "a")
    page = (await client.get(path)).json()
    table = await client.get(path, headers={"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert rows == [{name: cell(value) for name, value in row.items()} for row in page["items"]]
    assert (page["next"], page["stale"]) == (None, False)
    assert (await client.get(path, params={"format": "csv"})).text == table.text
    assert (await client.get(path, params={"format": "json"}, headers={"Accept": "text/csv"})).json() == page


def test_every_list_has_a_route() -> None:
    """What is listed can be asked for."""
    assert set(LISTS) <= document()["paths"].keys()


async def test_purchases_come_in_pages(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """Each once, and a cursor that is none is refused."""
    bought = {await buy(client, show, name) for name in "abcd"}
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(2):
        page = (await client.get(PURCHASES, params={"limit": 2, **cursor})).json()
        found += [row["purchase_id"] for row in page["items"]]
        cursor = {"cursor": page["next"]}
    assert (len(found), set(found), page["next"]) == (4, bought, None)
    for wrong in ("x", "999999999999999999.pu_a", "1.%20", "1."):
        assert code(await client.get(PURCHASES, params={"cursor": wrong})) == (422, "invalid-request")
    for limit in (0, PAGE_ROWS_MAX + 1):
        assert code(await client.get(PURCHASES, params={"limit": limit})) == (422, "invalid-request")


async def test_csv_has_every_page(
    client: httpx.AsyncClient, show: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export reads page by page until the last one."""
    monkeypatch.setattr("api.routes.lists.PAGE_ROWS_MAX", 2)
    bought = {await buy(client, show, name) for name in "abcde"}
    text = (await client.get(PURCHASES, params={"format": "csv"})).text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert ({line["purchase_id"] for line in lines}, len(lines)) == (bought, 5)
    assert text.count("purchase_id") == 1


async def test_purchases_are_filtered(client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld) -> None:
    """By state, by show, and by the reference as a person reads it out."""
    sold, open_one = await buy(client, show, "a"), await buy(client, show, "b")
    await world.pay(sold)
    for params, expected in (
        ({"state": "fulfilled"}, {sold}),
        ({"state": ["fulfilled", "awaiting-payment", "requested", "reserving"]}, {sold, open_one}),
        ({"show_id": show["show_id"], "venue_id": show["venue_id"]}, {sold, open_one}),
        ({"show_id": "sh_none"}, set()),
        ({"needs_attention": True}, set()),
    ):
        found = (await client.get(PURCHASES, params=params)).json()["items"]
        assert {row["purchase_id"] for row in found} == expected, params
    order_ref = (await client.get(f"{PURCHASES}/{sold}")).json()["order_ref"]
    for spelt in (order_ref, order_ref.lower(), order_ref.replace("-", ""), order_ref.replace("-", " ")):
        (row,) = (await client.get(PURCHASES, params={"order_ref": spelt})).json()["items"]
        assert (row["purchase_id"], row["order_ref"]) == (sold, order_ref)
    assert code(await client.get(PURCHASES, params={"state": "paid"})) == (422, "invalid-request")


async def test_a_buyer_is_searched(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """By address in any spelling, or by words of the name, without case and accents; never in the URL."""
    ann = await buy(client, show, "a", name="Ann Zoë Smith", email="Ann@Example.org")
    bob = await buy(client, show, "b", name="Bob Smith", email="bob@example.org")
    for body, expected in (
        ({"email": "ann@EXAMPLE.org"}, {ann}),
        ({"email": "eve@example.org"}, set()),
        ({"name": "smith"}, {ann, bob}),
        ({"name": "SMITH zoe"}, {ann}),
        ({"name": "Smi"}, set()),
        ({"name": "-"}, set()),
    ):
        answer = await client.post(SEARCH, json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        assert {row["purchase_id"] for row in answer.json()["items"]} == expected, body
    first = (await client.post(SEARCH, json={"name": "smith", "limit": 1})).json()
    second = (await client.post(SEARCH, json={"name": "smith", "limit": 1, "cursor": first["next"]})).json()
    assert {page["items"][0]["purchase_id"] for page in (first, second)} == {ann, bob}
    for wrong in ({}, {"email": "ann@example.org", "name": "Ann"}, {"email": "nobody"}):
        assert code(await client.post(SEARCH, json=wrong)) == (422, "invalid-request")


async def test_a_name_of_very_many_is_refused(
    client: httpx.AsyncClient, show: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that finds more purchases than it looks at says so, and how to go on."""
    monkeypatch.setattr("api.routes.lists.PERSONS_PURCHASES_MAX", 1)
    for name in "ab":
        await buy(client, show, name, name="Ann")
    answer = await client.post(SEARCH, json={"name": "ann"})
    assert code(answer) == (422, "invalid-request")
    assert "e-mail address" in answer.json()["detail"]


async def test_another_tenant_sees_nothing(client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld) -> None:
    """Neither in a list nor by a search; a key without the scope is refused."""
    await buy(client, show, "a", name="Ann", email="ann@example.org")
    app = app_over(world.deps())
    theirs = await world.key("manage", "operate", "refund", tenant_id="other")
    async with api_client(app, key=theirs) as other:
        for path in LISTS:
            assert (await other.get(path)).json()["items"] == []
            assert (await other.get(path, params={"format": "csv"})).text.count("\n") == 1
        for body in ({"name": "Ann"}, {"email": "ann@example.org"}):
            assert (await other.post(SEARCH, json=body)).json()["items"] == []
    async with api_client(app, key=await world.key("purchase")) as shop:
        for path in LISTS:
            assert code(await shop.get(path)) == (403, "forbidden")
    async with api_client(app, key="") as nobody:
        assert code(await nobody.get(PURCHASES)) == (401, "unauthorised")


async def test_a_buyer_is_corrected(client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld) -> None:
    """Name and address change, the limits count on, the audit says who, and no event names the person."""
    purchase_id = await buy(client, show, "a", name="An", email="an@example.org")
    page = f"{PURCHASES}/{purchase_id}/buyer"
    (allowance,) = world.buyers.allowances.values()
    answer = await client.patch(page, json={"email": "ann@example.org"})
    assert (answer.json()["name"], answer.json()["email"]) == ("An", "ann@example.org")
    assert (await client.patch(page, json={"name": None})).json()["name"] is None
    assert (await client.get(page)).json()["buyers"][0]["email"] == "ann@example.org"
    assert world.buyers.allowances == {("default", "ann@example.org"): allowance}
    found = (await client.post(SEARCH, json={"email": "ann@example.org"})).json()["items"]
    assert [row["purchase_id"] for row in found] == [purchase_id]
    events = [event for event in world.store.log if event.TOPIC == "order.buyer-correction-decided"]
    assert [getattr(event, "fields", None) for event in events] == [["email"], ["name"]]
    assert not any("ann@" in str(vars(event)) for event in world.store.log)
    length = len(world.store.log)
    assert (await client.patch(page, json={"email": "ann@example.org"})).status_code == httpx.codes.OK
    assert len(world.store.log) == length
    assert code(await client.patch(f"{PURCHASES}/pu_none/buyer", json={})) == (404, "not-found")
    assert code(await client.patch(page, json={"wallet": "w"})) == (422, "invalid-request")
    assert code(await client.patch(page, json={"name": "Ann", "buyer_id": "bu_none"})) == (404, "not-found")


def test_the_columns_are_the_fields() -> None:
    """Of the row, in their order."""
    assert PURCHASE_LIST.columns[:3] == ("purchase_id", "order_ref", "state")
