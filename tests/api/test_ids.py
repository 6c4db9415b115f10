"""No id that the API gives out can be computed from what callers send, nor from other ids."""

import base64
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from domain.core.ids import Identity, derived
from tests.fakes.api_client import api_client, app_over
from tests.fakes.identity import IDENTITY
from tests.fakes.judged import judged
from tests.fakes.shop_world import ApiWorld

ID = re.compile(r"\b[a-z]{2}_([a-z2-7]{26})\b")
PARTS_MAX = 3
KEY = "a-guessable-key"


def computable(known: Iterable[str]) -> Iterator[str]:
    """Yield the letters of every id that these values and plain hashes give, of up to three values in any order."""
    for count in range(1, PARTS_MAX + 1):
        for parts in itertools.product(known, repeat=count):
            yield derived("xx", *parts).removeprefix("xx_")
            digest = hashlib.sha256("".join(parts).encode()).digest()
            yield base64.b32encode(digest).decode().lower()[:26]


def ids_in(*answers: Any) -> set[str]:
    """Return the letters of every id in some answers."""
    return set(ID.findall(repr(answers)))


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[ApiWorld]:
    with judged(ApiWorld(), request) as made:
        yield made


async def sold(client: httpx.AsyncClient, world: ApiWorld) -> list[Any]:
    """Make one object of each kind under one key, and return the answers."""
    headers = {"Idempotency-Key": KEY}

    async def post(path: str, body: Any) -> Any:
        answer = await client.post(path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    venue = await post("/api/v1/venues", {"name": "Hall"})
    seats = {"name": "Seat", "price_minor": 1000, "capacity": 9}
    terms = {"venue_id": venue["venue_id"], "name": "Show", "currency": "eur", "ticket_types": [seats]}
    show = await post("/api/v1/shows", terms)
    await world.announce(venue["venue_id"], show["show_id"])
    items = [{"ticket_type_id": show["ticket_types"][0]["ticket_type_id"], "quantity": 2}]
    wanted = {"show_id": show["show_id"], "items": items}
    purchase = await post("/api/v1/purchases", {**wanted, "buyer": {"email": "ann@example.org"}})
    await world.pay(purchase["purchase_id"])
    path = f"/api/v1/purchases/{purchase['purchase_id']}"
    refund = await post(f"{path}/refunds", {"amount_minor": 100})
    reserved = await post("/internal/tickets/reserve", wanted)
    await post("/internal/tickets/release", {"reservation_id": reserved["reservation_id"]})
    history = (await client.get(path)).json()
    tickets = [(await client.get(f"/api/v1/tickets/{one['ticket_id']}")).json() for one in history["tickets"]]
    return [venue, show, purchase, refund, reserved, history, tickets]


async def test_no_id_is_computable(world: ApiWorld) -> None:
    """Neither the key, the tenant, the deployment, numbers nor any other id give an id by a plain hash."""
    async with api_client(app_over(world.deps())) as client:
        answers = await sold(client, world)
    venue, show, purchase, refund, reserved, _, tickets = answers
    found = ids_in(*answers, [event.originator_id for event in world.store.log], list(world.buyers.kept))
    kinds = {"venue_id": venue, "show_id": show, "purchase_id": purchase, "refund_id": refund}
    ids = [answer[name] for name, answer in kinds.items()] + [reserved["reservation_id"]]
    ids += [ticket[name] for ticket in tickets for name in ("ticket_id", "public_name")]
    assert len(set(ids)) == len(ids) == 9
    assert ids_in(ids) < found
    prefixes = [one.partition("_")[0] for one in ids]
    words = [KEY, "default", IDENTITY.deployment_id, "ann@example.org", "0", "1", "2", "show-cancelled", "public"]
    known = dict.fromkeys([*words, *prefixes, *ids])
    assert found & set(computable(known)) == set()


def test_a_plain_hash_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids of 0.1.0, and keyed ids without their key, are among the computable ones."""
    known = ["default", KEY, "dp_tests", "pu"]
    assert derived("pu", "default", KEY).removeprefix("pu_") in set(computable(known))
    ticket = derived("ti", "pu", "1", "1").removeprefix("ti_")
    assert ticket in set(computable(["pu", "1"]))
    keyed = Identity("dp_tests", b"").of_key("pu", "default", KEY).removeprefix("pu_")
    assert keyed not in set(computable(known))
