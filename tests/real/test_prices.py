"""A discounted purchase with a tax, and one with nothing to pay, on the real stack."""

from typing import Any

import httpx
import pytest

from tests.fakes.evidence import require_invariants
from tests.real.shop import Shop

pytestmark = pytest.mark.real


async def discount(shop: Shop, code: str, **terms: Any) -> None:
    """Create a discount of the shop's show."""
    made = await shop.post(f"/api/v1/shows/{shop.show_id}/discounts", {"code": code, **terms}, f"{shop.show_id}-{code}")
    assert made.status_code == httpx.codes.CREATED, made.text


async def test_a_discounted_purchase_with_a_tax(shop: Shop) -> None:
    """The quoted price is captured although the price changes meanwhile; books, receipt and discount agree."""
    rates = {"fees": "absorbed", "platform_fixed_minor": 25, "processing_fixed_minor": 30}
    await shop.open(rates=rates, tax={"rate_bps": 1900, "inclusive": True}, price_minor=2_337)
    await discount(shop, "EARLY", percent_bps=1_250, limit=1)
    wanted = {"show_id": shop.show_id, "items": [{"ticket_type_id": shop.seat, "quantity": 3}]}
    quote = (await shop.post("/api/v1/quotes", {**wanted, "discount_code": "early"})).json()
    assert quote == (await shop.post("/internal/tickets/calculate-price", {**wanted, "discount_code": "early"})).json()
    price = quote["price"]
    assert (price["discount_minor"], price["total_minor"]) == (876, 3 * 2_337 - 876)
    counting = {"discount_code": "EARLY", "expected_total_minor": price["total_minor"]}
    body = (await shop.buy(f"{shop.show_id}-1", 3, **counting)).json()
    assert body["price"] == price
    new_price = {"ticket_types": [{"ticket_type_id": shop.seat, "price_minor": 9_999}]}
    assert (await shop.http.patch(f"/api/v1/shows/{shop.show_id}", json=new_price)).is_success
    second = await shop.buy(f"{shop.show_id}-2", 3, discount_code="EARLY")
    assert (second.status_code, second.json()["type"]) == (409, "urn:boxoffice:problem:discount-refused")
    await shop.pay(body["client_secret"])
    ended = await shop.ended(body["purchase_id"])
    assert (ended["state"], ended["payment"]["captured_minor"]) == ("fulfilled", price["total_minor"])
    assert await shop.check_sums([body["purchase_id"]]) == {"fulfilled": 1}
    taxed = [line["amount"] for line in ended["postings"] if line["credit"] == f"tax:{shop.venue_id}:payable"]
    assert taxed == [price["tax_minor"]] == [980]
    receipt = await shop.get(f"/api/v1/purchases/{body['purchase_id']}/receipt")
    assert (receipt["total_minor"], receipt["payments"][0]["captured_minor"]) == (price["total_minor"],) * 2
    assert receipt["taxes"] == [{"rate_bps": 1900, "inclusive": True, "tax_minor": 980, "net_minor": 5_155}]
    assert (await shop.get(f"/api/v1/shows/{shop.show_id}/discounts/EARLY"))["in_use"] == 1


async def test_a_purchase_with_nothing_to_pay(shop: Shop) -> None:
    """The whole saga without Stripe: tickets on chain, no intent, books that owe no money."""
    await shop.open(price_minor=1_500)
    await discount(shop, "GUEST", percent_bps=10_000, limit=1)
    answer = await shop.buy(f"{shop.show_id}-1", 2, discount_code="GUEST")
    body = answer.json()
    assert (answer.status_code, body["price"]["total_minor"], body["client_secret"]) == (201, 0, None)
    ended = await shop.ended(body["purchase_id"])
    assert (ended["state"], ended["payment"]) == ("fulfilled", None)
    assert [ticket["state"] for ticket in ended["tickets"]] == ["issued", "issued"]
    assert {line["unit"] for line in ended["postings"]} == {"TICKET"}
    assert await shop.check_sums([body["purchase_id"]]) == {"fulfilled": 1}
    assert (await shop.get(f"/api/v1/purchases/{body['purchase_id']}/receipt"))["payments"] == []


async def test_the_box_office_sells_without_a_card(shop: Shop) -> None:
    """Cash and complimentary tickets are sold by whole sagas without Stripe, with valid books."""
    await shop.open(price_minor=1_500)
    wanted = {"show_id": shop.show_id, "items": [{"ticket_type_id": shop.seat, "quantity": 2}]}
    ids = []
    for tender, total in (("cash", 3_225), ("complimentary", 0)):
        answer = await shop.post("/internal/purchases", {**wanted, "tender": tender}, f"{shop.show_id}-{tender}")
        body = answer.json()
        assert (answer.status_code, body["price"]["total_minor"], body["client_secret"]) == (201, total, None)
        ids.append(body["purchase_id"])
    ends = [await shop.ended(purchase_id) for purchase_id in ids]
    assert [(end["state"], end["payment"]) for end in ends] == [("fulfilled", None)] * 2
    till = [line["amount"] for line in ends[0]["postings"] if line["debit"] == f"till:{shop.venue_id}:cash"]
    assert sum(till) == 3_225
    assert await shop.check_sums(ids) == {"fulfilled": 2}


async def test_what_the_box_office_sold_is_given_back(shop: Shop) -> None:
    """A clerk refunds a ticket for cash; a cancelled show owes the rest at the till, finishes, and it is handed out."""
    await shop.open(price_minor=1_500)
    wanted = {"show_id": shop.show_id, "items": [{"ticket_type_id": shop.seat, "quantity": 2}]}
    ids = []
    for tender in ("cash", "complimentary"):
        answer = await shop.post("/internal/purchases", {**wanted, "tender": tender}, f"{shop.show_id}-{tender}")
        ids.append(answer.json()["purchase_id"])
    cash, _ = [await shop.ended(purchase_id) for purchase_id in ids]
    ticket_ids = [cash["tickets"][0]["ticket_id"]]
    said = (await shop.refund(ids[0], "said", ticket_ids=ticket_ids, cash_handed_out=True)).json()
    paid, rest = said["amount_minor"], 3_225 - said["amount_minor"]
    await shop.refunded(ids[0], said["refund_id"])
    url = f"/api/v1/shows/{shop.show_id}/cancellation"
    (await shop.post(url, {"fees": "platform"})).raise_for_status()
    await (await shop.engine()).get_workflow_handle(f"show-cancellation/{shop.show_id}").result()
    await shop.caught_up()
    told = (await shop.get(url))["progress"]
    assert (told["given_back"], told["residue"], told["owed_at_till_minor"], told["failed"]) == (1, 0, rest, 0)
    assert (told["refunded_in_cash_minor"], told["refunded_minor"]) == (paid, 0)
    owing = await shop.purchase(ids[0])
    (owed,) = [one for one in owing["refunds"] if one["owed_at_till"]]
    assert (owing["refund_state"], owed["state"], owed["amount_minor"]) == ("refunding", "requested", rest)
    require_invariants((await shop.at_rest(set(ids))).findings)
    path = f"/internal/purchases/{ids[0]}/refunds/{owed['refund_id']}/hand-out"
    for _ in range(2):
        (await shop.post(path, {})).raise_for_status()
    await shop.caught_up()
    told = (await shop.get(url))["progress"]
    assert (told["given_back"], told["owed_minor"], told["refunded_in_cash_minor"]) == (2, 0, 3_225)
    receipt = await shop.get(f"/api/v1/purchases/{ids[0]}/receipt")
    assert (receipt["refunded_minor"], {one["tender"] for one in receipt["refunds"]}) == (3_225, {"cash"})
    for purchase_id in ids:
        for refund in (await shop.purchase(purchase_id))["refunds"]:
            await shop.refunded(purchase_id, refund["refund_id"])
    await shop.check_sums(ids)
