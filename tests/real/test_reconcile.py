"""`boxoffice reconcile` on a real stack: no false alarm while it sells, and an alarm when something is wrong."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.reconciliation import reconcile
from devstack.stack import running_stack
from settings import read_settings
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


@pytest.mark.timeout(240)
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
        settings = read_settings(stack.env)
        while not selling.done():  # the command's own work, without a process for each look
            assert (await reconcile(settings, lambda _: None)).findings.violations == []
            await asyncio.sleep(0.2)
        ids = await selling
        await shop.at_rest(set(ids))
        code, document = await reconciled(folder)
        assert (code, document["whole"], document["at_rest"]) == (0, True, BUYERS)
        assert document["not_judged"]["open"] == [waiting]
        checked = {invariant["name"]: invariant["checked"] for invariant in document["invariants"]}
        assert min(checked[name] for name in checked if name != "undo-ran") >= BUYERS / 2
        await refund_in_the_dashboard(shop, ids[0])
        code, document = await reconciled(folder)
        assert (code, broken(document)) == (1, {"sale-is-paid", "stripe-is-in-the-books"})
