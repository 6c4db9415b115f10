"""Refunds and show cancellations over HTTP: decided at once, started, and read from the read models."""

from typing import Any

import httpx
import pytest

from domain.catalog.show_cancellation import ShowCancellation
from tests.api.routes.on_sale import PURCHASES, code, key
from tests.fakes.shop_world import ApiWorld


@pytest.fixture
async def sold(client: httpx.AsyncClient, world: ApiWorld) -> dict[str, Any]:
    """A sold purchase of two tickets."""
    venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key("v"))).json()
    types = [{"name": "floor", "price_minor": 1000, "capacity": 5}]
    body = {"venue_id": venue["venue_id"], "name": "Night", "currency": "eur", "ticket_types": types}
    show = (await client.post("/api/v1/shows", json=body, headers=key("s"))).json()
    await world.announce(venue["venue_id"], show["show_id"])
    item = {"ticket_type_id": show["ticket_types"][0]["ticket_type_id"], "quantity": 2}
    wanted = {"show_id": show["show_id"], "items": [item]}
    bought = (await client.post(PURCHASES, json=wanted, headers=key("p"))).json()
    await world.pay(bought["purchase_id"])
    found: dict[str, Any] = (await client.get(f"{PURCHASES}/{bought['purchase_id']}")).json()
    return found


async def test_a_refund_is_decided_begun_and_read(
    client: httpx.AsyncClient, sold: dict[str, Any], world: ApiWorld
) -> None:
    """The ticket is void at once; `Location` names the refund, and the purchase lists it."""
    url, ticket_id = f"{PURCHASES}/{sold['purchase_id']}/refunds", sold["tickets"][0]["ticket_id"]
    answer = await client.post(url, json={"ticket_ids": [ticket_id], "fees": "buyer"}, headers=key("r"))
    assert (answer.status_code, answer.json()["amount_minor"]) == (202, 1000)
    assert ("start_refund", answer.json()["refund_id"]) in world.engine.told
    found = (await client.get(answer.headers["Location"])).json()
    assert (found["state"], found["tickets"][0]["state"], found["currency"]) == ("requested", "void", "eur")
    listed = (await client.get(url)).json()
    assert (listed["refund_state"], [one["refund_id"] for one in listed["refunds"]]) == (
        "refunding",
        [found["refund_id"]],
    )
    assert code(await client.get(f"{url}/rf_none")) == (404, "not-found")
    assert code(await client.get(f"{PURCHASES}/pu_other/refunds/{found['refund_id']}")) == (404, "not-found")
    assert code(await client.get(f"{PURCHASES}/pu_other/refunds")) == (404, "not-found")


async def test_a_used_ticket_takes_the_operators_token(
    client: httpx.AsyncClient, sold: dict[str, Any], world: ApiWorld
) -> None:
    """A redeemed ticket: refused by default, refused without the token, refunded with it."""
    url, ticket_id = f"{PURCHASES}/{sold['purchase_id']}/refunds", sold["tickets"][0]["ticket_id"]
    redeem = f"/internal/tickets/{ticket_id}/redeem"
    assert (await client.post(redeem)).json() == {"ticket_id": ticket_id, "state": "redeemed"}
    assert code(await client.post(redeem)) == (409, "ticket-redeemed")
    wanted: dict[str, Any] = {"ticket_ids": [ticket_id]}
    assert code(await client.post(url, json=wanted, headers=key("r"))) == (409, "ticket-redeemed")
    wanted["even_redeemed"] = True
    narrow = {**key("r"), "Authorization": f"Bearer {await world.key('refund')}"}
    assert code(await client.post(url, json=wanted, headers=narrow)) == (403, "forbidden")
    assert (await client.post(url, json=wanted, headers=key("r"))).status_code == 202


async def test_a_batch_names_where_a_purchases_ticket_goes_back(
    client: httpx.AsyncClient, sold: dict[str, Any]
) -> None:
    """The internal API does not cancel a purchase's ticket: its answer names the purchase."""
    batch = {"ticket_ids": [sold["tickets"][0]["ticket_id"]]}
    answer = await client.post("/internal/tickets/cancel-batch", json=batch)
    assert code(answer) == (409, "not-our-hold")
    assert answer.json()["values"]["purchase_id"] == sold["purchase_id"]


async def test_a_show_is_cancelled_once_paused_and_resumed(
    client: httpx.AsyncClient, sold: dict[str, Any], world: ApiWorld
) -> None:
    """Sales stop; other terms are refused; the workflow is signalled about new terms."""
    url = f"/api/v1/shows/{sold['show_id']}/cancellation"
    assert code(await client.get(url)) == (404, "not-found")
    for _ in range(2):
        answer = await client.post(url, json={"rate_per_second": 5})
        assert answer.status_code == 202, answer.text
    assert code(await client.post(url, json={"fees": "platform"})) == (409, "idempotency-key-reused")
    assert ("start_cancellation", sold["show_id"]) in world.engine.told
    item = {"ticket_type_id": sold["lines"][0]["ticket_type_id"], "quantity": 1}
    wanted = {"show_id": sold["show_id"], "items": [item]}
    assert code(await client.post(PURCHASES, json=wanted, headers=key("late"))) == (409, "not-on-sale")
    await client.post(f"{url}/pause")
    assert (await client.get(url)).json()["state"] == "paused"
    resumed = await client.post(f"{url}/resume", json={"rate_per_second": 7.5})
    found = (await client.get(resumed.headers["Location"])).json()
    assert (found["state"], found["rate_per_second"]) == ("refunding", 7.5)
    assert world.engine.told.count(("cancellation_news", sold["show_id"])) == 2


async def test_a_change_of_a_cancellation_answers_its_true_state(
    client: httpx.AsyncClient, sold: dict[str, Any], world: ApiWorld
) -> None:
    """A repeated cancel of a paused one does not resume it; one that is finished stays so, which is 200."""
    show_id = sold["show_id"]
    url = f"/api/v1/shows/{show_id}/cancellation"
    for path, state in (("", "refunding"), ("/pause", "paused"), ("", "paused"), ("/resume", "refunding")):
        answer = await client.post(f"{url}{path}", json={})
        assert (answer.status_code, answer.json()) == (202, {"show_id": show_id, "state": state}), path
    await world.store.commit(lambda uow: uow.get(ShowCancellation, show_id).finish(uow.at))
    for path in ("", "/pause", "/resume"):
        answer = await client.post(f"{url}{path}", json={})
        assert (answer.status_code, answer.json()) == (200, {"show_id": show_id, "state": "finished"}), path
        assert (await client.get(answer.headers["Location"])).json()["state"] == "finished"


async def test_cash_is_handed_out_by_an_operator_only(
    client: httpx.AsyncClient, sold: dict[str, Any], world: ApiWorld
) -> None:
    """Confirming that it was needs the operator's token, and is refused for a card payment."""
    url, wanted = f"{PURCHASES}/{sold['purchase_id']}/refunds", {"cash_handed_out": True}
    narrow = {**key("r"), "Authorization": f"Bearer {await world.key('refund')}"}
    assert code(await client.post(url, json=wanted, headers=narrow)) == (403, "forbidden")
    assert code(await client.post(url, json=wanted, headers=key("r"))) == (409, "wrong-state")
