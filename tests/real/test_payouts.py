"""A venue is paid on the real stack: onboarding, sale, transfer, payout; every system agrees to the cent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from adapters.event_store.event_pages import EventPages
from devstack.stack import running_stack
from domain.money.statement import csv_of
from tests.fakes.recomputed import folded, venue_statement
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = pytest.mark.real
SOON = {
    "BOXOFFICE_PAYOUTS__EVERY_SECONDS": "1",
    "BOXOFFICE_PAYOUTS__DELAY_SECONDS": "0",
    "BOXOFFICE_PAYOUTS__MINIMUM_MINOR": "1",
}
PATIENCE_SECONDS = 60
SHARE = 3000  # of three tickets at ten
TILL, FEE = 2150, 150  # two more for cash, and the part that the venue owes us


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with running_stack(tmp_path / "stack", env=SOON, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open()
        yield shop


async def balance(shop: Shop, done: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """Wait until the venue has this balance."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = (await shop.get(f"/api/v1/venues/{shop.venue_id}/balance"))["balances"]
            if found and done(found[0]):
                return dict(found[0])
            await asyncio.sleep(0.2)


async def test_a_venue_comes_to_its_money(shop: Shop) -> None:
    """The share of three tickets is transferred to the venue's account and paid out to its bank; the payout then fails.

    The venue keeps its cash takings, and the fee of them is deducted from the transfer.
    """
    await shop.emulate("settings", onboarding="new")
    path = f"/api/v1/venues/{shop.venue_id}/onboarding"
    begun = (await shop.http.post(path)).json()
    assert begun["state"] == "onboarding", begun
    assert begun["url"].startswith("https://connect.stripe.com/")
    ids = []
    for number, quantity in enumerate((2, 1)):
        body = (await shop.buy(f"settle-{number}", quantity)).json()
        await shop.pay(body["client_secret"])
        assert (await shop.ended(body["purchase_id"]))["state"] == "fulfilled"
        ids.append(body["purchase_id"])
    item = {"ticket_type_id": shop.seat, "quantity": 2}
    wanted = {"show_id": shop.show_id, "items": [item], "tender": "cash"}
    ids.append((await shop.post("/internal/purchases", wanted, "settle-cash")).json()["purchase_id"])
    split = await balance(shop, lambda one: one["pending_minor"] == SHARE - FEE)
    assert (split["available_minor"], split["paid_out_minor"]) == (0, TILL)

    await shop.emulate(f"accounts/{begun['account_id']}/onboard", state="complete")
    await balance(shop, lambda one: one["available_minor"] == SHARE - FEE and not one["pending_minor"])
    assert (await shop.http.post(path)).json()["state"] == "ready"
    for purchase_id in ids[:2]:
        transfer = (await shop.purchase(purchase_id))["transfer"]
        assert (transfer["state"], transfer["transfer_id"][:3]) == ("made", "tr_")
    await shop.check_sums(ids)

    await shop.emulate(f"accounts/{begun['account_id']}/settle")
    await shop.emulate(f"accounts/{begun['account_id']}/pay_out")
    payout_id = await newest_payout(shop, begun["account_id"])
    await shop.emulate(f"payouts/{payout_id}/finish", outcome="succeed")
    await balance(shop, lambda one: one["paid_out_minor"] == SHARE - FEE + TILL and not one["available_minor"])
    await shop.emulate(f"payouts/{payout_id}/finish", outcome="fail")
    split = await balance(shop, lambda one: one["available_minor"] == SHARE - FEE)
    assert (split["pending_minor"], split["paid_out_minor"], split["balance_minor"]) == (0, TILL, 0)
    await shop.check_sums(ids)
    await the_statement_is_what_the_events_say(shop)


async def newest_payout(shop: Shop, account_id: str) -> str:
    headers = {"Authorization": f"Bearer {shop.stack.env['BOXOFFICE_STRIPE__API_KEY']}", "Stripe-Account": account_id}
    listed = await shop.http.get(f"{shop.stack.urls['stripe']}/v1/payouts", headers=headers)
    return str(listed.json()["data"][0]["id"])


async def the_statement_is_what_the_events_say(shop: Shop) -> None:
    """The API's statement equals the fold of the events, byte by byte, as JSON and as CSV."""
    path = f"/api/v1/venues/{shop.venue_id}/statement"
    shown, as_csv = await shop.http.get(path), await shop.http.get(path, params={"format": "csv"})
    with EventPages(shop.stack.env["BOXOFFICE_POSTGRES__URL"]) as pages:
        documents = folded(numbered for page in pages.numbered(0, pages.head()) for numbered in page)
    computed = venue_statement(documents, shop.venue_id)
    body = shown.json()
    assert body.pop("stale") is False
    assert json.dumps(body) == json.dumps(computed)
    assert as_csv.text == csv_of(computed["lines"], head=True)
    kinds = [line["kind"] for line in computed["lines"] if line["amount_minor"] > 0]
    assert kinds == ["sale", "sale", "sale", "transfer", "transfer", "payout", "payout-returned"]
