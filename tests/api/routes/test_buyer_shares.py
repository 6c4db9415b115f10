"""What one buyer, one client, and all buyers without a name may hold, over HTTP."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from domain.access.api_key import KeyKind
from domain.stock.allocation import Allocation
from tests.fakes.api_client import api_client, app_over
from tests.fakes.judged import judged
from tests.fakes.shop_world import WALLET, ApiWorld

PURCHASES = "/api/v1/purchases"
CAPACITY = 10


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[ApiWorld]:
    """A world whose shows give half of a ticket type to one client, and half to buyers without a name."""
    with judged(ApiWorld(), request) as made:
        made.limits = replace(made.limits, client_share_percent=50, unnamed_share_percent=50)
        yield made


class Shop:
    """A show on sale with one ticket type, and buyers at several addresses."""

    def __init__(self, world: ApiWorld) -> None:
        self.world = world
        self.app: FastAPI = app_over(world.deps())
        self.show: dict[str, Any] = {}
        self.ticket_type_id = ""

    async def open(self, **more: Any) -> "Shop":
        async with api_client(self.app) as client:
            venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key("v"))).json()["venue_id"]
            types = [{"name": "floor", "price_minor": 1000, "capacity": CAPACITY}]
            body = {"venue_id": venue, "name": "Night", "currency": "eur", "ticket_types": types, **more}
            answer = await client.post("/api/v1/shows", json=body, headers=key("s"))
        assert answer.status_code == 201, answer.text
        self.show = answer.json()
        self.ticket_type_id = self.show["ticket_types"][0]["ticket_type_id"]
        await self.world.announce(venue, self.show["show_id"])
        return self

    async def buy(
        self, name: str, address: str = "192.0.2.1", quantity: int = 1, path: str = PURCHASES, **more: Any
    ) -> str:
        """Buy; return the purchase id, or the code of the refusal."""
        items = [{"ticket_type_id": self.ticket_type_id, "quantity": quantity}]
        kind: KeyKind = "publishable" if path == PURCHASES else "secret"
        api_key = await self.world.key("purchase" if path == PURCHASES else "internal", kind=kind)
        async with api_client(self.app, key=api_key, address=address) as client:
            answer = await client.post(
                path, json={"show_id": self.show["show_id"], "items": items, **more}, headers=key(name)
            )
        found: str = answer.json()["purchase_id"] if answer.is_success else answer.json()["type"].rpartition(":")[2]
        return found

    async def stock(self) -> Allocation:
        return await self.world.store.read(lambda uow: uow.get(Allocation, self.ticket_type_id))


@pytest.fixture
async def shop(world: ApiWorld) -> Shop:
    return await Shop(world).open()


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": str(UUID(bytes=sha256(name.encode()).digest()[:16], version=4))}


def outcomes(found: list[str]) -> Counter[str]:
    return Counter("held" if one.startswith("pu_") else one for one in found)


async def test_one_anonymous_client_cannot_hold_more_than_its_share(shop: Shop, world: ApiWorld) -> None:
    """Of a hundred requests at once half of the seats are held; another client with a name gets the rest."""
    found = await asyncio.gather(*(shop.buy(f"k{number}") for number in range(100)))
    assert outcomes(found) == {"held": 5, "buyer-name-needed": 95}
    stock = await shop.stock()
    assert (stock.available, stock.shares.unnamed) == (5, 5)
    assert outcomes([await shop.buy("n", "192.0.2.2", 5, buyer={"email": "ann@example.org"})]) == {"held": 1}


async def test_a_client_that_makes_up_names_has_a_share_too(shop: Shop) -> None:
    """A name for each of its requests does not give it the whole show; another address gets the rest."""
    names = [{"email": f"buyer{number}@example.org"} for number in range(20)]
    found = [await shop.buy(f"k{number}", buyer=name) for number, name in enumerate(names)]
    assert outcomes(found) == {"held": 5, "client-share": 15}
    assert outcomes([await shop.buy("n", "192.0.2.2", 5, buyer={"email": "ann@example.org"})]) == {"held": 1}


async def test_without_the_shares_one_client_holds_the_show(world: ApiWorld) -> None:
    """The same requests take every seat where nothing limits them."""
    world.limits = replace(world.limits, client_share_percent=100, unnamed_share_percent=100)
    shop = await Shop(world).open()
    found = await asyncio.gather(*(shop.buy(f"k{number}") for number in range(20)))
    assert outcomes(found) == {"held": 10, "sold-out": 10}


async def test_a_seat_that_is_let_go_or_sold_makes_room(shop: Shop, world: ApiWorld) -> None:
    """Only open purchases count."""
    first, second = await shop.buy("a", quantity=3), await shop.buy("b", quantity=2)
    assert await shop.buy("c") == "buyer-name-needed"
    await world.end(first)
    assert outcomes([await shop.buy("c", quantity=3)]) == {"held": 1}
    assert await shop.buy("d") == "buyer-name-needed"
    await world.pay(second)
    assert outcomes([await shop.buy("d", quantity=2)]) == {"held": 1}


async def test_a_show_may_ask_every_buyer_for_a_name(world: ApiWorld) -> None:
    """An e-mail address or a wallet; the show says so."""
    shop = await Shop(world).open(unnamed_share_percent=0)
    assert shop.show["unnamed_share_percent"] == 0
    assert await shop.buy("a") == "buyer-name-needed"
    assert await shop.buy("a", buyer={"name": "Ann"}) == "buyer-name-needed"
    found = [await shop.buy("a", buyer={"email": "ann@example.org"}), await shop.buy("b", buyer={"wallet": WALLET})]
    assert outcomes(found) == {"held": 2}
    async with api_client(shop.app) as client:
        shown = (await client.get(f"/api/v1/shows/{shop.show['show_id']}")).json()
    assert shown["unnamed_share_percent"] == 0


async def test_a_show_may_give_all_to_buyers_without_a_name(world: ApiWorld) -> None:
    """Its own share wins over the deployment's; the client's share stays."""
    shop = await Shop(world).open(unnamed_share_percent=100)
    found = [await shop.buy(f"k{number}", f"192.0.2.{number}", 4) for number in range(3)]
    assert outcomes(found) == {"held": 2, "sold-out": 1}


async def test_the_box_office_has_no_shares(world: ApiWorld) -> None:
    """An operator sells all seats from one address, also of a show that asks for names."""
    shop = await Shop(world).open(unnamed_share_percent=0)
    found = [await shop.buy(name, quantity=5, path="/internal/purchases", tender="cash") for name in ("a", "b")]
    assert outcomes(found) == {"held": 2}


async def test_no_event_contains_the_address(shop: Shop, world: ApiWorld) -> None:
    """A keyed pseudonym stands for it."""
    await shop.buy("a")
    assert "192.0.2.1" not in repr([vars(event) for event in world.store.log])
    assert list((await shop.stock()).shares.by_client) != [""]


async def test_an_e_mail_address_and_a_wallet_both_count(shop: Shop, world: ApiWorld) -> None:
    """The same wallet under another e-mail address is the same buyer, until the purchase has ended."""
    object.__setattr__(world.limits, "open_purchases_max", 1)
    ann, bob = ({"email": f"{name}@example.org", "wallet": WALLET} for name in ("ann", "bob"))
    first = await shop.buy("a", buyer=ann)
    assert await shop.buy("b", buyer=bob) == "buyer-limit"
    assert await shop.buy("b", buyer={"wallet": WALLET}) == "buyer-limit"
    assert await shop.buy("b", buyer={"email": "ann@example.org"}) == "buyer-limit"
    await world.end(first)
    second = await shop.buy("b", buyer=bob)
    assert second.startswith("pu_")
    await world.pay(second)
    assert (await shop.buy("c", buyer=ann)).startswith("pu_")


SPELLINGS = ["Ann@Example.ORG", "ann@example.org.", "ann+tickets@example.org", " ann@example.org"]


@pytest.mark.parametrize("email", SPELLINGS)
async def test_another_spelling_is_the_same_buyer(shop: Shop, world: ApiWorld, email: str) -> None:
    """Case, the root of the domain, a tag after a plus, and spaces around."""
    object.__setattr__(world.limits, "open_purchases_max", 1)
    assert (await shop.buy("a", buyer={"email": "ann@example.org"})).startswith("pu_")
    assert await shop.buy("b", buyer={"email": email}) == "buyer-limit"


async def test_a_tag_is_another_buyer_where_the_setting_says_so(shop: Shop, world: ApiWorld) -> None:
    """Some mail servers give such addresses to other people."""
    object.__setattr__(world.limits, "open_purchases_max", 1)
    object.__setattr__(world.buyers, "_strips_tag", False)
    found = [await shop.buy(name, buyer={"email": f"{name}@example.org"}) for name in ("ann", "ann+one")]
    assert outcomes(found) == {"held": 2}


@pytest.mark.parametrize("email", ["a\u200bnn@example.org", "ann", "ann@-", "a nn@example.org"])
@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8"])
async def test_an_address_that_cannot_be_is_an_invalid_request(world: ApiWorld, email: str, media_type: str) -> None:
    """On the fast path as on the ordinary one; it names the field and does not repeat the address."""
    body = {"show_id": "sh_1", "items": [{"ticket_type_id": "tt_1", "quantity": 1}], "buyer": {"email": email}}
    async with api_client(app_over(world.deps())) as client:
        answer = await client.post(
            PURCHASES,
            content=httpx.Request("POST", "http://a", json=body).content,
            headers=key("k") | {"content-type": media_type},
        )
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:boxoffice:problem:invalid-request")
    assert answer.json()["errors"][0]["where"] == ["body", "buyer", "email"]
    assert email not in answer.text
    assert world.buyers.kept == {}
