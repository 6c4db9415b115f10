"""The door on the whole real stack: a sold ticket's code at two gates, one of which was offline."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.real.shop import Shop

pytestmark = pytest.mark.real
CHECKINS = "/api/v1/checkins"


async def test_a_sold_tickets_code_is_scanned_once(shop: Shop) -> None:
    """Its buyer shows the code; a repeated nonce gets the first answer; another code ends the first one."""
    await shop.open()
    bought = (await shop.buy("door", 2)).json()
    assert await shop.pay(bought["client_secret"]) == httpx.codes.OK
    ended = await shop.ended(bought["purchase_id"])
    first, second = (ticket["ticket_id"] for ticket in ended["tickets"])
    buyer = {"Purchase-Token": bought["purchase_token"]}

    async def code(ticket_id: str) -> str:
        return str((await shop.get(f"/api/v1/tickets/{ticket_id}/code", **buyer))["ticket_code"])

    async def scan(text: str, nonce: str, gate: str = "North") -> Any:
        body = {"show_id": ended["show_id"], "gate": gate, "nonce": nonce, "ticket_code": text}
        return (await shop.http.post(CHECKINS, json=body)).json()

    shown = await code(first)
    answer = await scan(shown, "n1")
    assert (answer["admitted"], answer["ticket_id"]) == (True, first)
    assert await scan(shown, "n1") == answer
    again = await scan(shown, "n2", "South")
    assert (again["reason"], again["first_gate"], again["first_at"]) == (
        "already-checked-in", "North", answer["scanned_at"],
    )  # fmt: skip
    drawn = await shop.http.get(f"/api/v1/tickets/{second}/code.svg", headers=buyer)
    assert drawn.headers["content-type"] == "image/svg+xml"
    old = await code(second)
    anew = await shop.http.post(f"/api/v1/tickets/{second}/code", json={"generation": 0}, headers=buyer)
    assert anew.json()["generation"] == 1
    assert (await scan(old, "n3"))["reason"] == "stale-generation"
    late = {"nonce": "n4", "ticket_code": await code(second), "entered_at": datetime.now(UTC).isoformat()}
    upload = {"show_id": ended["show_id"], "gate": "South", "scans": [late, {**late, "nonce": "n5"}]}
    report = (await shop.http.post(f"{CHECKINS}/batch", json=upload)).json()
    assert [one["reason"] for one in report["scans"]] == ["admitted", "already-checked-in"]
    await shop.caught_up()
    counted = await shop.get(f"/api/v1/shows/{ended['show_id']}/checkins")
    assert {one["gate"]: one["count"] for one in counted["entries"]} == {"North": 1, "South": 1}
    assert sorted((one["gate"], one["reason"], one["count"]) for one in counted["refused"]) == [
        ("North", "stale-generation", 1),
        ("South", "already-checked-in", 2),
    ]
