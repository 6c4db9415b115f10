"""Terminate in the web UI undoes nothing: the sweep finds the unfinished purchases and brings each to its end."""

import asyncio

import pytest

from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.shop import Shop

pytestmark = pytest.mark.real
HOLD_SECONDS = 8


async def terminate(shop: Shop, purchase_id: str) -> None:
    engine = await shop.engine()
    await engine.get_workflow_handle(f"purchase/{purchase_id}").terminate("by an operator")


@pytest.mark.nightly
async def test_a_terminated_purchase_comes_to_its_end(shop: Shop) -> None:
    """Unpaid ones are cancelled, paid ones are fulfilled, from any state in which they were terminated."""
    await shop.open(hold_seconds=HOLD_SECONDS)
    unpaid, paid_later, captured = [(await shop.buy(f"{shop.show_id}-{number}", 2)).json() for number in range(3)]
    for body in (unpaid, paid_later):
        await terminate(shop, body["purchase_id"])
    assert await shop.pay(paid_later["client_secret"]) == 200
    assert await shop.pay(captured["client_secret"]) == 200
    await shop.until(captured["purchase_id"], lambda seen: seen["state"] == "confirmed", 20)
    await terminate(shop, captured["purchase_id"])
    ids = [body["purchase_id"] for body in (unpaid, paid_later, captured)]
    ends = await asyncio.gather(*(shop.ended(purchase_id, PATIENCE_SECONDS) for purchase_id in ids))
    assert [end["state"] for end in ends] == ["cancelled", "fulfilled", "fulfilled"]
    assert await shop.check_sums(ids) == {"cancelled": 1, "fulfilled": 2}


async def test_a_refund_that_is_terminated_after_the_money_still_ends_its_tokens(shop: Shop) -> None:
    """The chain dropped the burn and the workflow was terminated: the sweep starts the refund again."""
    await shop.open()
    body = (await shop.buy("terminated-refund", 2)).json()
    purchase_id = body["purchase_id"]
    assert await shop.pay(body["client_secret"]) == 200
    assert (await shop.ended(purchase_id))["state"] == "fulfilled"
    faults = f"{shop.stack.urls['solana_rpc']}/_chain/faults"
    (await shop.http.post(faults, json={"drop_sends": 1000})).raise_for_status()
    refund_id = (await shop.refund(purchase_id, "terminated")).json()["refund_id"]
    await shop.until(purchase_id, lambda seen: seen["refund_state"] == "refunded", 30)
    await (await shop.engine()).get_workflow_handle(f"refund/{refund_id}").terminate("by an operator")
    (await shop.http.post(faults, json={"drop_sends": 0})).raise_for_status()
    ended = await shop.refunded(purchase_id, refund_id, PATIENCE_SECONDS)
    assert {ticket["token"] for ticket in ended["tickets"]} == {"burnt"}
    assert await shop.check_sums([purchase_id]) == {"fulfilled": 1}
