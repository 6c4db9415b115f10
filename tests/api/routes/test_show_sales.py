"""The sales of a show over HTTP: the sums of its purchases, by hour and day, and the tokens of its tickets."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.shop_world import ApiWorld

HOURS = ("2026-01-01T08:10:00", "2026-01-01T08:50:00", "2026-01-01T23:30:00")


@pytest.mark.parametrize(
    ("by", "periods"),
    [
        ("hour", [("2026-01-01T08:00:00+00:00", 2), ("2026-01-01T23:00:00+00:00", 1)]),
        ("day", [("2026-01-01T00:00:00+00:00", 3)]),
    ],
)
async def test_sales_are_the_sums_of_the_purchases(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], by: str, periods: list[tuple[str, int]]
) -> None:
    """Each period has its orders; the tickets and totals of all are those of the list of purchases."""
    for number, hour in enumerate(HOURS):
        world.clock = lambda hour=hour: datetime.fromisoformat(hour).replace(tzinfo=UTC)  # type: ignore[misc]
        made = await client.post(PURCHASES, json=wanting(show, 1), headers=key(f"k{number}"))
        await world.pay(made.json()["purchase_id"])
    await client.post(PURCHASES, json=wanting(show, 1), headers=key("open"))
    found = (await client.get(f"/api/v1/shows/{show['show_id']}/sales?by={by}")).json()
    assert [(one["at"], one["orders"]) for one in found["sales"]] == periods
    rows = (await client.get(f"{PURCHASES}?show_id={show['show_id']}")).json()["items"]
    sold = [row for row in rows if row["confirmed_at"]]
    assert (len(rows), len(sold)) == (4, 3)
    for name in ("tickets", "total_minor"):
        assert sum(one[name] for one in found["sales"]) == sum(row[name] for row in sold)
    assert found["tokens"] == {"minted": 3, "leaves": 0, "owed": 0}
    assert (found["currency"], found["stale"]) == ("eur", False)


async def test_another_show_has_no_sales(client: httpx.AsyncClient) -> None:
    """It is 404, as everywhere."""
    assert code(await client.get("/api/v1/shows/sh_other/sales")) == (404, "not-found")
