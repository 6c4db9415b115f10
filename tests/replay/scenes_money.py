"""Scenes of the workflows beside a sale: refunds, cancelled shows, disputes, payouts, capacity, metadata."""

import asyncio
from typing import Any

import httpx
from solders.keypair import Keypair

from activities.core.acts import RETRY_NOW
from activities.core.task_queues import PURCHASES
from activities.payouts.ports import PayoutRef
from activities.tokens.pin import PinPage
from domain.core.ids import derived
from tests.fakes.operator import operate_in
from tests.real.at_stripe import stray
from tests.real.shop import Shop
from tests.replay.scenes import bought, closed, ended
from workflows.payouts import PayoutWorkflow, TransfersInput, TransfersWorkflow
from workflows.tokens.pinning import PinningWorkflow


async def sold(shop: Shop, key: str) -> str:
    """Sell two tickets, paid at once; return the purchase."""
    await shop.open()
    body = await bought(shop, key)
    await shop.pay(body["client_secret"])
    await ended(shop, body["purchase_id"], "fulfilled")
    return str(body["purchase_id"])


async def late_payment_sells(shop: Shop) -> str:
    """A second payment comes after the hold has expired: the case reopens the purchase."""
    await shop.open(hold_seconds=2)
    body = await bought(shop, "rec-late-sale")
    await ended(shop, body["purchase_id"], "cancelled")
    paid = await stray(shop, body)
    await shop.until(body["purchase_id"], lambda seen: seen["state"] == "fulfilled", 60)
    await closed(shop, f"payment-case/{paid['id']}")
    await shop.check_sums([body["purchase_id"]])
    return f"payment-case/{paid['id']}"


async def order_refunded(shop: Shop) -> str:
    """A whole order is refunded, and its tokens are burnt."""
    purchase_id = await sold(shop, "rec-refund")
    refund_id = (await shop.refund(purchase_id, "rec-refund")).json()["refund_id"]
    await shop.refunded(purchase_id, refund_id)
    await closed(shop, f"refund/{refund_id}")
    return f"refund/{refund_id}"


async def seats_resold(shop: Shop) -> str:
    """A whole order is refunded, and its seats are on sale again."""
    await shop.open(capacity=2, resell_refunded=True)
    body = await bought(shop, "rec-resold")
    await shop.pay(body["client_secret"])
    await ended(shop, body["purchase_id"], "fulfilled")
    refund_id = (await shop.refund(body["purchase_id"], "rec-resold")).json()["refund_id"]
    await closed(shop, f"refund/{refund_id}")
    (seat,) = (await shop.show())["ticket_types"]
    assert seat["available"] == seat["capacity"]
    return f"refund/{refund_id}"


async def show_cancelled(shop: Shop) -> str:
    """A show with one sold order is cancelled."""
    await sold(shop, "rec-cancelled-show")
    url = f"/api/v1/shows/{shop.show_id}/cancellation"
    assert (await shop.post(url, {})).status_code == httpx.codes.ACCEPTED
    await closed(shop, f"show-cancellation/{shop.show_id}")
    return f"show-cancellation/{shop.show_id}"


async def venue_onboarded(shop: Shop) -> str:
    """A venue's account is created and ready at once."""
    await shop.open()
    await onboard(shop)
    return f"onboarding/{shop.venue_id}"


async def onboard(shop: Shop) -> str:
    """Onboard the venue; return its account id."""
    path = f"/api/v1/venues/{shop.venue_id}/onboarding"
    async with asyncio.timeout(120):
        while True:
            answer = (await shop.http.post(path)).json()
            if answer["state"] == "ready":
                break
            await asyncio.sleep(0.2)
    await closed(shop, f"onboarding/{shop.venue_id}")
    return str(answer["account_id"])


async def share_sent(shop: Shop) -> str:
    """One order's share is sent to its venue."""
    return await sent(shop, "rec-share")


async def sent(shop: Shop, key: str) -> str:
    """Sell, and send the venue its share; return the workflow's id."""
    await sold(shop, key)
    await onboard(shop)
    await shop.caught_up()
    start: Any = TransfersInput(delay_seconds=0, minimum_minor=0)
    workflow_id = f"transfers/{derived('tf', shop.show_id, 'recorded')}"
    engine = await shop.engine()
    await engine.start_workflow(TransfersWorkflow.run, start, id=workflow_id, task_queue=PURCHASES)
    assert (await closed(shop, workflow_id))["orders"] >= 1
    return workflow_id


async def payout_followed(shop: Shop) -> str:
    """A payout reaches the venue's bank."""
    await sent(shop, "rec-payout")
    account_id = await onboard(shop)
    emulator = shop.stack.urls["stripe"]
    for switch in ("settle", "pay_out"):
        (await shop.http.post(f"{emulator}/_emulator/accounts/{account_id}/{switch}", json={})).raise_for_status()
    headers = {"Authorization": f"Bearer {shop.stack.env['BOXOFFICE_STRIPE__API_KEY']}", "Stripe-Account": account_id}
    (payout,) = (await shop.http.get(f"{emulator}/v1/payouts", headers=headers)).json()["data"]
    await shop.http.post(f"{emulator}/_emulator/payouts/{payout['id']}/finish", json={"outcome": "succeed"})
    workflow_id = f"payout/{payout['id']}/recorded"
    ref = PayoutRef(account_id=account_id, payout_id=payout["id"])
    engine = await shop.engine()
    await engine.start_workflow(PayoutWorkflow.run, ref, id=workflow_id, task_queue=PURCHASES)
    assert await closed(shop, workflow_id) == "paid"
    return workflow_id


async def dispute_won(shop: Shop) -> str:
    """A sale is disputed, which blocks its tickets, and the dispute is won."""
    return await disputed(shop, "rec-dispute", by_operator=False)


async def dispute_looked_at(shop: Shop) -> str:
    """An operator looks at a dispute, which is won."""
    return await disputed(shop, "rec-dispute-looked-at", by_operator=True)


async def disputed(shop: Shop, key: str, *, by_operator: bool) -> str:
    """Sell, open a dispute and let the venue win it; return its workflow."""
    purchase_id = await sold(shop, key)
    charge_id = (await shop.purchase(purchase_id))["payment"]["charge_id"]
    emulator = f"{shop.stack.urls['stripe']}/_emulator"
    dispute_id = (await shop.http.post(f"{emulator}/charges/{charge_id}/dispute", json={})).json()["id"]
    await shop.until(
        purchase_id, lambda seen: any(line["event"].startswith("dispute.") for line in seen["timeline"]), 120
    )
    if by_operator:
        await operate_in((await shop.engine()).get_workflow_handle(f"dispute/{dispute_id}"), RETRY_NOW, "disputed")
    (await shop.http.post(f"{emulator}/disputes/{dispute_id}/finish", json={"outcome": "won"})).raise_for_status()
    await closed(shop, f"dispute/{dispute_id}")
    await shop.check_sums([purchase_id])
    return f"dispute/{dispute_id}"


async def capacity_raised(shop: Shop) -> str:
    """The capacity of a show on sale is raised."""
    await shop.open(capacity=2)
    body = {"ticket_types": [{"ticket_type_id": shop.seat, "capacity": 3}]}
    (await shop.http.put(f"/api/v1/shows/{shop.show_id}/capacity", json=body)).raise_for_status()
    await closed(shop, f"capacity/{shop.show_id}/1")
    return f"capacity/{shop.show_id}/1"


async def metadata_pinned(shop: Shop) -> str:
    """The metadata of a venue and its show is pinned, in two pages and an empty one."""
    await shop.open()
    await shop.caught_up()
    workflow_id = f"pinning/{derived('pi', shop.show_id, 'recorded')}"
    engine = await shop.engine()
    await engine.start_workflow(PinningWorkflow.run, PinPage(limit=3), id=workflow_id, task_queue=PURCHASES)
    assert (await closed(shop, workflow_id))["pinned"] >= 1
    return workflow_id


async def token_claimed(shop: Shop) -> str:
    """The token of a ticket moves from custody to the wallet that has signed for it."""
    purchase_id = await sold(shop, "rec-claim")
    ticket_id = await claim(shop, purchase_id)
    await closed(shop, f"claim/{ticket_id}")
    return f"claim/{ticket_id}"


async def soulbound_claimed(shop: Shop) -> str:
    """A soulbound token is minted to the wallet that claims its ticket."""
    await shop.open(transfer="soulbound")
    body = await bought(shop, "rec-soulbound")
    await shop.pay(body["client_secret"])
    await ended(shop, body["purchase_id"], "fulfilled")
    ticket_id = await claim(shop, body["purchase_id"])
    await closed(shop, f"claim/{ticket_id}")
    return f"claim/{ticket_id}"


async def claim(shop: Shop, purchase_id: str) -> str:
    """Claim the first ticket of a purchase with a new wallet; return the ticket."""
    ticket_id = str((await shop.purchase(purchase_id))["tickets"][0]["ticket_id"])
    (await shop.claim(purchase_id, ticket_id, Keypair())).raise_for_status()
    return ticket_id


# In sequence: a round of transfers sends the due shares of every venue.
MONEY = (
    late_payment_sells, order_refunded, seats_resold, show_cancelled, venue_onboarded, share_sent, payout_followed,
    dispute_won, dispute_looked_at, capacity_raised, metadata_pinned, token_claimed, soulbound_claimed,
)  # fmt: skip
