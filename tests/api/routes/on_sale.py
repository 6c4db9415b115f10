"""A show on sale, and the requests of its buyers."""

from typing import Any

import httpx

from tests.fakes.shop_world import ApiWorld

PURCHASES = "/api/v1/purchases"


async def open_show(client: httpx.AsyncClient, world: ApiWorld) -> dict[str, Any]:
    """Put a show on sale: 5 at 10.00 and 2 at 30.00."""
    venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key("v"))).json()
    body = {
        "venue_id": venue["venue_id"],
        "name": "Night",
        "currency": "eur",
        "ticket_types": [
            {"name": "floor", "price_minor": 1000, "capacity": 5},
            {"name": "box", "price_minor": 3000, "capacity": 2},
        ],
    }
    answer = await client.post("/api/v1/shows", json=body, headers=key("s"))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    await world.announce(venue["venue_id"], found["show_id"])
    return found


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


def wanting(show: dict[str, Any], quantity: int = 2, **more: Any) -> dict[str, Any]:
    item = {"ticket_type_id": show["ticket_types"][0]["ticket_type_id"], "quantity": quantity}
    return {"show_id": show["show_id"], "items": [item], **more}


def code(answer: httpx.Response) -> tuple[int, str]:
    """Return the status of a refusal, and its problem type."""
    return answer.status_code, answer.json()["type"].removeprefix("urn:boxoffice:problem:")
