"""A stranger on the whole real stack, who knows every id and has no key, gets nothing and changes nothing."""

import base64
import re
from typing import Any

import httpx
import pytest

from activities.tokens.metadata import cid_of
from cli.buyer import read_mint
from tests.real.shop import Shop
from tests.real.test_refunds import sold

pytestmark = pytest.mark.real
REFUSED = {401, 403, 404}
URI = re.compile(rb"ipfs://(bafkrei[a-z2-7]{52})")


async def metadata(shop: Shop, stranger: httpx.AsyncClient, mint: str) -> tuple[str, dict[str, Any]]:
    """Follow a token from the chain to its metadata and its picture, as anybody can; each is what its name says."""
    account = await read_mint(shop.stack.urls["solana_rpc"], mint)
    found = URI.search(base64.b64decode(account["data"][0]))
    assert found is not None
    document = await file_at(shop, stranger, found[1].decode())
    picture = await file_at(shop, stranger, document.json()["image"].removeprefix("ipfs://"))
    assert picture.headers["content-type"].startswith("image/svg+xml")
    return found[0].decode(), {**document.json(), "picture": picture.text}


async def file_at(shop: Shop, stranger: httpx.AsyncClient, cid: str) -> httpx.Response:
    """Read a file from our gateway; without the events it would not be there before the projector has seen them."""
    await shop.caught_up()
    answer = await stranger.get(f"/ipfs/{cid}")
    assert answer.status_code == httpx.codes.OK
    assert cid_of(answer.content) == cid
    return answer


def requests(ids: dict[str, str], keys: list[str]) -> list[dict[str, Any]]:
    """Return what a stranger tries with the ids: chain to refund, statement, guessed keys, prices, doors."""
    purchase, show, venue = (f"/api/v1/{kind}/{ids[kind]}" for kind in ("purchases", "shows", "venues"))
    ticket, internal = f"/api/v1/tickets/{ids['tickets']}", "/internal/tickets"
    wanted = {"show_id": ids["shows"], "items": [{"ticket_type_id": ids["types"], "quantity": 1}]}
    reads = [ticket, f"{ticket}/verify", purchase, f"{purchase}/events", f"{purchase}/receipt", f"{purchase}/refunds"]
    reads += [venue, f"{venue}/balance", f"{venue}/statement", f"{show}/cancellation", "/api/v1/audit", "/metrics"]
    reads += [f"{purchase}?token=pt_guess", f"{internal}/{ids['tickets']}/status"]
    terms = {"code": "FREE", "percent_bps": 10_000}
    price = {"ticket_types": [{"ticket_type_id": ids["types"], "price_minor": 0}]}
    capacity = {"ticket_types": [{"ticket_type_id": ids["types"], "capacity": 1}]}
    writes: list[tuple[str, str, Any]] = [
        ("POST", f"{purchase}/refunds", {}),
        ("DELETE", purchase, None),
        ("POST", f"{show}/discounts", terms),
        ("PATCH", show, price),
        ("PUT", f"{show}/capacity", capacity),
        ("POST", f"{show}/cancellation", {}),
        ("POST", f"{venue}/onboarding", {}),
        ("POST", f"{internal}/{ids['tickets']}/redeem", {}),
        ("POST", f"{internal}/reserve", wanted),
        ("POST", f"{internal}/cancel-batch", {"ticket_ids": [ids["tickets"]]}),
        ("POST", "/internal/purchases", {**wanted, "tender": "complimentary"}),
        ("POST", "/api/v1/venues", {"name": "Mine"}),
        *(("POST", "/api/v1/purchases", wanted) for _ in keys),
    ]
    found: list[dict[str, Any]] = [{"method": "GET", "url": url} for url in reads]
    for number, (method, url, body) in enumerate(writes):
        key = keys[number % len(keys)]
        found.append({"method": method, "url": url, "json": body, "headers": {"Idempotency-Key": key}})
    return found


async def test_a_stranger_gets_nothing(shop: Shop) -> None:
    """Every request is 401, 403 or 404, and the buyer's tickets, the price and the venue's money are as before."""
    await shop.open()
    bought = await sold(shop, "order-1")
    mint, ticket_id = bought["tickets"][0]["mint_address"], bought["tickets"][0]["ticket_id"]
    ids = {"purchases": bought["purchase_id"], "shows": shop.show_id, "venues": shop.venue_id, "tickets": ticket_id}
    ids["types"] = shop.seat
    before = (await shop.show(), await shop.get(f"/api/v1/venues/{shop.venue_id}/statement"))
    async with httpx.AsyncClient(base_url=shop.stack.urls["api"], timeout=30) as stranger:
        uri, told = await metadata(shop, stranger, mint)
        assert not [identity for identity in (bought["purchase_id"], ticket_id) if identity in f"{uri} {told}"]
        keys: list[dict[str, str]] = [{}, {"Authorization": "Bearer bo_sk_00_guess"}, {"Authorization": "Basic eDp5"}]
        for key in keys:
            for tried in requests(ids, ["order-1", "order-2"]):
                answer = await stranger.request(**{**tried, "headers": {**tried.get("headers", {}), **key}})
                assert answer.status_code in REFUSED, (tried, answer.text)
                assert bought["purchase_id"] not in answer.text or bought["purchase_id"] in tried["url"]
    assert (await shop.purchase(bought["purchase_id"]))["state"] == "fulfilled"
    assert (await shop.get(f"/api/v1/tickets/{ticket_id}/verify"))["valid"]
    after = (await shop.show(), await shop.get(f"/api/v1/venues/{shop.venue_id}/statement"))
    assert after == before
