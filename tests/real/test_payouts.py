"""A venue is paid on the real stack: onboarding, sale, transfer, payout; every system agrees to the cent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from devstack.stack import Stack, start_stack, stop_stack
from domain.money.csv_table import csv_of
from domain.money.statement import COLUMNS
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.recomputed import folded, venue_statement
from tests.fakes.stored import numbered
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = pytest.mark.real
SOON = {
    "BOXOFFICE_PAYOUTS__EVERY_SECONDS": "1",
    "BOXOFFICE_PAYOUTS__DELAY_SECONDS": "0",
    "BOXOFFICE_PAYOUTS__MINIMUM_MINOR": "1",
    "BOXOFFICE_STRIPE__UNDELIVERED_POLL_SECONDS": "2",
}
SHARE = 3000  # of three tickets at ten
TICKET = 1000
TILL, FEE = 2150, 150  # two more for cash, and the part that the venue owes us


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for this file: its shares are due at once."""
    place = tmp_path_factory.mktemp("payouts")
    with asyncio.Runner() as runner:
        started, child = runner.run(start_stack(place, env=SOON, up=UP))
        yield started
        runner.run(stop_stack(place, child))


@pytest.fixture
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    async with Shop.at(stack) as shop:
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


async def onboarded(shop: Shop) -> str:
    """Give the shop's venue an account at Stripe that is complete; return its id."""
    path = f"/api/v1/venues/{shop.venue_id}/onboarding"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (begun := (await shop.http.post(path)).json())["state"] != "ready":  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return str(begun["account_id"])


async def sold(shop: Shop, quantity: int = 1) -> str:
    """Sell tickets of the shop's show to the end."""
    body = (await shop.buy(f"{shop.show_id}-{quantity}", quantity)).json()
    await shop.pay(body["client_secret"])
    assert (await shop.ended(body["purchase_id"]))["state"] == "fulfilled"
    return str(body["purchase_id"])


async def at_account(shop: Shop, account_id: str, path: str, method: str = "GET") -> Any:
    """Call Stripe for a connected account, as its dashboard does."""
    headers = {"Authorization": f"Bearer {shop.stack.env['BOXOFFICE_STRIPE__API_KEY']}", "Stripe-Account": account_id}
    answer = await shop.http.request(method, f"{shop.stack.urls['stripe']}/v1/{path}", headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


async def the_balance_at_stripe_is_the_statements(shop: Shop, account_id: str) -> None:
    """At rest the money in the venue's account is what its statement says is available there."""
    found = await at_account(shop, account_id, "balance")
    at_stripe = sum(one["amount"] for kind in ("available", "pending") for one in found[kind])
    shown = (await shop.get(f"/api/v1/venues/{shop.venue_id}/balance"))["balances"]
    assert at_stripe == sum(one["available_minor"] for one in shown)


@pytest.mark.nightly
async def test_a_payout_is_reversed_and_the_reversal_fails(shop: Shop) -> None:
    """The money comes back from the bank, and goes there again when the bank refuses the reversal after all."""
    await shop.emulate("settings", onboarding="complete")
    account_id, purchase_id = await onboarded(shop), await sold(shop)
    await balance(shop, lambda one: one["available_minor"] == TICKET)
    await shop.emulate(f"accounts/{account_id}/settle")
    await shop.emulate(f"accounts/{account_id}/pay_out")
    payout_id = await newest_payout(shop, account_id)
    await shop.emulate(f"payouts/{payout_id}/finish", outcome="succeed")
    await balance(shop, lambda one: one["paid_out_minor"] == TICKET and not one["available_minor"])
    await the_balance_at_stripe_is_the_statements(shop, account_id)
    back = (await at_account(shop, account_id, f"payouts/{payout_id}/reverse", "POST"))["id"]
    await shop.emulate(f"payouts/{back}/finish", outcome="succeed")
    await balance(shop, lambda one: one["available_minor"] == TICKET and not one["paid_out_minor"])
    await the_balance_at_stripe_is_the_statements(shop, account_id)
    await shop.emulate(f"payouts/{back}/finish", outcome="fail")
    await balance(shop, lambda one: one["paid_out_minor"] == TICKET and not one["available_minor"])
    await the_balance_at_stripe_is_the_statements(shop, account_id)
    await shop.check_sums([purchase_id])


@pytest.mark.nightly
async def test_a_vanished_account_stops_no_other_venue(shop: Shop, stack: Stack) -> None:
    """The other venue gets its share; the venue of the vanished account gets its own after another onboarding."""
    await shop.emulate("settings", onboarding="new")
    path = f"/api/v1/venues/{shop.venue_id}/onboarding"
    gone = (await shop.http.post(path)).json()["account_id"]
    first = await sold(shop)
    await shop.emulate("settings", onboarding="complete")
    async with Shop.at(stack) as other:
        await other.open()
        account_id = await onboarded(other)
        await shop.emulate("faults", event="account.application.deauthorized", kind="lost")
        await shop.emulate("faults", event="account.updated", kind="delay:1")
        await shop.emulate(f"accounts/{gone}/onboard", state="complete")
        await shop.emulate(f"accounts/{gone}/access", state="vanished")
        second = await sold(other)
        await balance(other, lambda one: one["available_minor"] == TICKET)
        await the_balance_at_stripe_is_the_statements(other, account_id)
        assert (await balance(shop, lambda one: one["pending_minor"] == TICKET))["available_minor"] == 0
        await other.check_sums([second])
    assert await onboarded(shop) != gone
    await balance(shop, lambda one: one["available_minor"] == TICKET)
    await shop.check_sums([first])


@pytest.mark.nightly
async def test_a_forbidden_account_stops_no_other_webhooks(shop: Shop, stack: Stack) -> None:
    """The lost news of the other venue's payout is fetched, though an account of the same round is forbidden."""
    await shop.emulate("settings", onboarding="complete")
    forbidden, ids = await onboarded(shop), []
    await shop.emulate(f"accounts/{forbidden}/access", state="forbidden")
    async with Shop.at(stack) as other:
        await other.open()
        account_id = await onboarded(other)
        ids.append(await sold(other))
        await balance(other, lambda one: one["available_minor"] == TICKET)
        await shop.emulate(f"accounts/{account_id}/settle")
        await shop.emulate(f"accounts/{account_id}/pay_out")
        payout_id = await newest_payout(other, account_id)
        await shop.emulate("faults", event="payout.paid", kind="lost")
        await shop.emulate(f"payouts/{payout_id}/finish", outcome="succeed")
        await balance(other, lambda one: one["paid_out_minor"] == TICKET)
        await the_balance_at_stripe_is_the_statements(other, account_id)
        await other.check_sums(ids)
    await shop.emulate(f"accounts/{forbidden}/access", state="granted")


async def newest_payout(shop: Shop, account_id: str) -> str:
    return str((await at_account(shop, account_id, "payouts"))["data"][0]["id"])


async def the_statement_is_what_the_events_say(shop: Shop) -> None:
    """The API's statement equals the fold of the events, byte by byte, as JSON and as CSV."""
    path = f"/api/v1/venues/{shop.venue_id}/statement"
    shown, as_csv = await shop.http.get(path), await shop.http.get(path, params={"format": "csv"})
    documents = folded(numbered(shop.stack.env["BOXOFFICE_POSTGRES__URL"]))
    computed = venue_statement(documents, shop.venue_id)
    body = shown.json()
    assert body.pop("stale") is False
    assert json.dumps(body) == json.dumps(computed)
    assert as_csv.text == csv_of(COLUMNS, computed["lines"], head=True)
    kinds = [line["kind"] for line in computed["lines"] if line["amount_minor"] > 0]
    assert kinds == ["sale", "sale", "sale", "transfer", "transfer", "payout", "payout-returned"]
