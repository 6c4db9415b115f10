"""`boxoffice reconcile` on a real stack: no false alarm while it sells, and an alarm when something is wrong."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from activities.books.own_balance import OwnBalanceCommands
from activities.books.post import post
from activities.core.commands import PurchaseRef
from adapters.database.startup import open_event_store
from adapters.event_store.event_pages import EventPages
from cli.checks.reconciliation import Book, reconcile
from devstack.stack import Stack, running_stack
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import Posting
from domain.orders.order import Order
from domain.payments.own_movement import OwnMovement
from settings import read_settings
from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = pytest.mark.real
BUYERS = 8
RECONCILE = (sys.executable, "-m", "cli.main", "reconcile", "--json", "--data-dir")


async def reconciled(folder: Path) -> tuple[int, Any]:
    """Run the command; return its exit code and its document."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*RECONCILE, str(folder), stdout=pipe, stderr=pipe)
    out, err = await child.communicate()
    assert b"reading " in err
    return child.returncode or 0, json.loads(out)


def broken(document: Any) -> set[str]:
    return {invariant["name"] for invariant in document["invariants"] if invariant["violations"]}


async def refund_in_the_dashboard(shop: Shop, purchase_id: str) -> None:
    """Refund a buyer in Stripe's dashboard, and suppress every webhook of it."""
    intent_id = (await shop.purchase(purchase_id))["payment"]["intent_id"]
    key = shop.stack.env["BOXOFFICE_STRIPE__API_KEY"]
    async with httpx.AsyncClient(base_url=shop.stack.urls["stripe"], timeout=10) as dashboard:
        lost = {"event": "*refund*", "kind": "lost", "count": 10}
        (await dashboard.post("/_emulator/faults", json=lost)).raise_for_status()
        form = {"payment_intent": intent_id}
        answer = await dashboard.post("/v1/refunds", data=form, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == httpx.codes.OK, answer.text


async def move_own_balance(shop: Shop) -> None:
    """Pay our own balance out to our bank and let that fail, top it up, and wait until the worker has booked it."""
    await shop.emulate("accounts/platform/settle")
    for payout in (await shop.emulate("accounts/platform/pay_out"))["data"]:
        await shop.emulate(f"payouts/{payout['id']}/finish", outcome="fail")
    await shop.emulate("accounts/platform/pay_out")
    await shop.emulate("balance/top_up", amount=7700, currency="jpy")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with EventPages(shop.stack.env["BOXOFFICE_POSTGRES__URL"]) as pages:
                booked = {account: amount for (account, unit), amount in pages.balances()[1].items() if unit == "jpy"}
            if booked.get("stripe:clearing") == -7700:
                return
            await asyncio.sleep(0.5)


async def book_wrongly(stack: Stack, ids: list[str]) -> None:
    """Seed several wrong bookings in the events at once."""
    seeds = (
        (ids[1], "venue:{}:payable", f"buyer:{ids[1]}:refundable", 7),
        (ids[2], "venue:{}:payable", "stripe:clearing", 12),
        (ids[3], "venue:{}:payable", "dispute:losses", 2208),
        (ids[4], "venue:{}:paid-out", "till:{}:cash", 5),
    )
    store = await asyncio.to_thread(open_event_store, stack.env["BOXOFFICE_POSTGRES__URL"], 100)
    try:
        for purchase_id, debit, credit, amount in seeds:
            purchase = PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1)

            def book(uow: UnitOfWork, purchase: PurchaseRef = purchase, moved: Any = (debit, credit, amount)) -> None:
                venue_id = uow.get(Order, purchase.purchase_id).venue_id
                sides = [account.format(venue_id) for account in moved[:2]]
                wrong = Posting(debit=sides[0], credit=sides[1], amount=moved[2], unit="eur")
                post(uow, purchase, f"wrong:{purchase.purchase_id}", "wrong", (wrong,))

            await store.commit(book)
        topped_up = OwnMovement(
            entry_id="txn_wrong", kind="topup", currency="eur", amount_minor=250, fee_minor=0, at=datetime.now(UTC)
        )
        await OwnBalanceCommands(store).post_movement(topped_up)
    finally:
        await asyncio.to_thread(store.close)


def reports(document: Any) -> set[tuple[str, str, str]]:
    """Return (invariant, subject, cents) of each fault in a report."""
    found = [violation for invariant in document["invariants"] for violation in invariant["violations"]]
    return {
        (one["invariant"], one["subject"], part.rpartition(": ")[2])
        for one in found
        for part in one["detail"].split("; ")
    }


# Invariants with a subject or two, whatever is sold.
RARE = {
    "undo-ran", "venue-balance-is-in-the-books", "own-money-is-in-the-books", "whole-balance-is-in-the-books",
    "claimed-once", "one-leaf-per-ticket", "root-is-on-chain",
}  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.nightly
async def test_reconcile_judges_a_stack_that_sells(tmp_path: Path) -> None:
    """Nothing is reported while purchases run; an unrecorded refund breaks the right invariants."""
    folder = tmp_path / "stack"
    async with running_stack(folder, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open()
        waiting = (await shop.buy("waits")).json()["purchase_id"]

        async def sold(number: int) -> str:
            body = (await shop.buy(f"buyer-{number}")).json()
            await shop.pay(body["client_secret"])
            return str((await shop.ended(body["purchase_id"], 120))["purchase_id"])

        selling = asyncio.gather(*(sold(number) for number in range(BUYERS)))
        code, document = await reconciled(folder)
        assert (code, broken(document)) == (0, set())
        settings, book = read_settings(stack.env), Book()
        while not selling.done():  # the command's own work, without a process for each look
            assert (await reconcile(settings, lambda _: None, book)).findings.violations == []
            await asyncio.sleep(0.2)
        ids = await selling
        await shop.at_rest(set(ids))
        code, document = await reconciled(folder)
        assert (code, document["whole"], document["at_rest"]) == (0, True, BUYERS)
        assert document["not_judged"]["open"] == [waiting]
        read_before, said = book.position, list[str]()
        again = await reconcile(settings, said.append, book)
        checked = {invariant["name"]: invariant["checked"] for invariant in document["invariants"]}
        assert read_before <= document["read"]["position"]
        assert (again.findings.checked, again.findings.violations) == ({k: v for k, v in checked.items() if v}, [])
        assert min(checked[name] for name in checked.keys() - RARE) >= BUYERS / 2
        await move_own_balance(shop)
        code, document = await reconciled(folder)
        assert (code, document["whole"]) == (0, True)
        await book_wrongly(stack, ids)
        code, document = await reconciled(folder)
        assert code == 1
        assert reports(document) >= {
            ("refund-arrives", ids[1], "+7"),
            ("stripe-is-in-the-books", ids[2], "-12"),
            ("parties-have-their-parts", ids[3], "+2208"),
            ("venue-has-its-share", ids[3], "-2208"),
            ("own-money-is-in-the-books", "txn_wrong", "+250"),
            ("sale-is-paid", ids[4], "-5"),
        }
        assert {subject for _, subject, _ in reports(document)} & {ids[0], *ids[5:]} == set()
        await refund_in_the_dashboard(shop, ids[0])
        code, document = await reconciled(folder)
        assert {"sale-is-paid", "stripe-is-in-the-books"} <= broken(document)
        assert (code, ids[0] in {subject for _, subject, _ in reports(document)}) == (1, True)
