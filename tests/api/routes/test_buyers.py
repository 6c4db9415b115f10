"""Personal data over HTTP: kept apart from the events, exported, erased, and not to be guessed afterwards."""

from typing import Any

import httpx
import pytest

from api.http.authenticator import DEVELOPMENT_SUBJECT
from api.http.requests import digest_of
from api.routes.purchases import PurchaseBody, command_of
from domain.orders.order import Order
from tests.api.routes.on_sale import PURCHASES, key, open_show, wanting
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import WALLET, ApiWorld

ANN = {"name": "Ann Buyer", "email": "ann@example.org", "wallet": WALLET}


async def bought(client: httpx.AsyncClient, show: dict[str, Any], name: str, buyer: dict[str, Any]) -> str:
    answer = await client.post(PURCHASES, json=wanting(show, 1, buyer=buyer), headers=key(name))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["purchase_id"])


async def test_a_buyer_is_exported_and_erased(client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld) -> None:
    """After the end, and again without an effect; the purchase and its receipt stay as they are."""
    purchase_id = await bought(client, show, "a", ANN)
    page = f"{PURCHASES}/{purchase_id}/buyer"
    exported = (await client.get(page)).json()["buyers"]
    assert [{name: one[name] for name in ANN} for one in exported] == [ANN]
    early = await client.delete(page)
    assert (early.status_code, early.json()["type"]) == (409, "urn:boxoffice:problem:wrong-state")
    await world.pay(purchase_id)
    pages = [f"{PURCHASES}/{purchase_id}", f"{PURCHASES}/{purchase_id}/receipt"]
    before = [(await client.get(one)).json() for one in pages]
    assert (await client.delete(page)).json() == {"purchase_id": purchase_id, "erased": 1}
    assert (await client.delete(page)).json() == {"purchase_id": purchase_id, "erased": 0}
    assert (await client.get(page)).status_code == httpx.codes.NOT_FOUND
    assert [(await client.get(one)).json() for one in pages] == before
    assert (world.buyers.kept, world.buyers.allowances) == ({}, {})
    entries = (await client.get("/api/v1/audit", params={"subject": "development"})).json()["entries"]
    erased = [one for one in entries if one["event"] == "order.buyer-erasure-decided"]
    assert [(one["subject"], one["stream"]) for one in erased] == [("default/development", f"order:{purchase_id}")]


async def test_a_repeat_is_recognised_before_and_after_the_erasure(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """Before it another buyer under the key is refused; after it there is nobody to compare with."""
    purchase_id = await bought(client, show, "a", ANN)
    first = dict(world.buyers.kept)
    others: list[dict[str, Any]] = [{"email": "bob@example.org"}, {**ANN, "name": "Bob"}, {}]
    for buyer, expected in ((ANN, 200), *((other, 409) for other in others)):
        again = await client.post(PURCHASES, json=wanting(show, 1, buyer=buyer), headers=key("a"))
        assert again.status_code == expected, buyer
        assert world.buyers.kept == first
    await world.pay(purchase_id)
    await client.delete(f"{PURCHASES}/{purchase_id}/buyer")
    repeated = await client.post(PURCHASES, json=wanting(show, 1, buyer=ANN), headers=key("a"))
    assert (repeated.status_code, repeated.json()["purchase_id"]) == (200, purchase_id)
    for wanted in (wanting(show, 2, buyer=ANN), wanting(show, 1)):
        assert (await client.post(PURCHASES, json=wanted, headers=key("a"))).status_code == httpx.codes.CONFLICT
    assert world.buyers.kept == {}


async def test_a_lost_answer_keeps_the_buyer_of_the_recorded_request(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """The repeat finds the request with its own buyer, whose wallet receives the ticket."""
    world.store.lose_answers = 1
    lost = await client.post(PURCHASES, json=wanting(show, 1, buyer=ANN), headers=key("a"))
    assert lost.status_code == httpx.codes.SERVICE_UNAVAILABLE
    purchase_id = (await client.post(PURCHASES, json=wanting(show, 1, buyer=ANN), headers=key("a"))).json()[
        "purchase_id"
    ]
    order = await world.store.read(lambda uow: uow.get(Order, purchase_id))
    assert list(world.buyers.kept) == [order.buyer_id]
    assert await world.buyers.wallet_of(order.buyer_id) == WALLET


async def test_nothing_in_the_events_depends_on_the_buyer(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same random values, requests of two persons under one key leave the same events: nothing to guess by."""
    monkeypatch.setattr("api.routes.purchases.secrets.token_hex", lambda *_: "random")
    logs = []
    for buyer in (ANN, {**ANN, "name": "Bob", "email": "bob@example.org"}):
        world = ApiWorld()
        async with api_client(app_over(world.deps())) as client:
            await bought(client, await open_show(client, world), "a", buyer)
        logs.append([vars(event) for event in world.store.log])
    assert logs[0] == logs[1]


async def test_a_request_of_release_0_1_0_is_recognised(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """That release's digest is of the whole body: a repeat after the upgrade is no new purchase."""
    body = wanting(show, 1)
    wanted, deps = PurchaseBody(**body), world.deps()
    recorded = command_of(wanted, "a", deps, DEVELOPMENT_SUBJECT)._replace(body_digest=digest_of(wanted, "a"))
    purchase_id = (await deps.purchases.request_purchase(recorded)).purchase.purchase_id
    again = await client.post(PURCHASES, json=body, headers=key("a"))
    assert (again.status_code, again.json()["purchase_id"]) == (200, purchase_id)
    other = await client.post(PURCHASES, json=wanting(show, 2), headers=key("a"))
    assert (other.status_code, other.json()["type"]) == (409, "urn:boxoffice:problem:idempotency-key-reused")
