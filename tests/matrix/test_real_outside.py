"""Faults of webhooks and chain on the real stack, by the emulators' own switches; runs in `make matrix` only."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.stack import running_stack
from devstack.stripe.webhooks.deliveries import sign
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("MATRIX" not in os.environ, reason="runs in `make matrix`"),
    pytest.mark.timeout(600),
]
CAPTURABLE = "payment_intent.amount_capturable_updated"
HOLD_SECONDS = 10
PATIENCE_SECONDS = 90
LATE_MS = 20_000


async def switch(shop: Shop, system: str, path: str, rule: dict[str, Any]) -> None:
    (await shop.http.post(shop.stack.urls[system] + path, json=rule)).raise_for_status()


async def webhook_rule(shop: Shop, kind: str) -> None:
    await switch(shop, "stripe", "/_emulator/faults", {"event": CAPTURABLE, "kind": kind})


async def sold(shop: Shop, key: str) -> Any:
    """Buy and pay without polls, so that only a webhook or the hold's end continues the purchase. Return its end."""
    body = (await shop.buy(key, hold_seconds=HOLD_SECONDS)).json()
    assert await shop.pay(body["client_secret"]) == httpx.codes.OK
    ended = await shop.ended(body["purchase_id"], PATIENCE_SECONDS)
    assert ended["state"] == "fulfilled", ended
    return ended


def ruled(kind: str) -> Callable[[Shop, str], Awaitable[Any]]:
    """Return the end of a sale whose deciding webhook has this fault."""

    async def play(shop: Shop, key: str) -> Any:
        await webhook_rule(shop, kind)
        return await sold(shop, key)

    return play


async def delayed(shop: Shop, key: str) -> Any:
    """The webhook arrives long after the purchase's end, and changes nothing."""
    ended = await ruled(f"delay:{LATE_MS}")(shop, key)
    await asyncio.sleep(LATE_MS / 1000)
    return ended


async def bring(shop: Shop, event: Any, secret: str) -> httpx.Response:
    """Post an event to the API as Stripe does."""
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": sign(secret, body, int(time.time())), "Content-Type": "application/json"}
    return await shop.http.post("/webhooks/stripe", content=body, headers=headers)


async def forged(shop: Shop, key: str) -> Any:
    """A forged event of a payment is refused, and the unpaid purchase ends."""
    body = (await shop.buy(key, hold_seconds=HOLD_SECONDS)).json()
    intent = {"object": "payment_intent", "id": body["client_secret"].partition("_secret")[0]}
    event = {"id": "evt_forged", "type": CAPTURABLE, "created": int(time.time()), "data": {"object": intent}}
    assert (await bring(shop, event, "whsec_other")).status_code == httpx.codes.BAD_REQUEST
    ended = await shop.ended(body["purchase_id"], PATIENCE_SECONDS)
    assert ended["state"] == "cancelled", ended
    return ended


async def replayed(shop: Shop, key: str) -> Any:
    """The genuine event arrives again after the end, and is recognised."""
    ended = await sold(shop, key)
    intent_id = ended["payment"]["intent_id"]
    events = (await shop.stripe("/v1/events?limit=100"))["data"]
    event = next(one for one in events if one["type"] == CAPTURABLE and one["data"]["object"]["id"] == intent_id)
    answer = await bring(shop, event, shop.stack.env["BOXOFFICE_STRIPE__WEBHOOK_SECRET"])
    assert answer.json() == {"received": True, "fresh": False, "handled_by": "purchase"}
    return ended


def on_chain(**faults: int) -> Callable[[Shop, str], Awaitable[Any]]:
    """Return the end of a sale whose next send has this fault."""

    async def play(shop: Shop, key: str) -> Any:
        await switch(shop, "solana_rpc", "/_chain/faults", faults)
        return await sold(shop, key)

    return play


async def expired(shop: Shop, key: str) -> Any:
    """No send lands until the blockhash has expired."""
    await switch(shop, "solana_rpc", "/_chain/faults", {"drop_sends": 100})
    selling = asyncio.create_task(sold(shop, key))
    faults = shop.stack.urls["solana_rpc"] + "/_chain/faults"
    while (await shop.http.get(faults)).json()["drop_sends"] == 100:  # noqa: ASYNC110 - another process sends
        await asyncio.sleep(0.1)
    await switch(shop, "solana_rpc", "/_chain/faults", {"jump_slots": 400})
    return await selling


PLAYS: tuple[tuple[str, str, Callable[[Shop, str], Awaitable[Any]], str], ...] = (
    ("webhook", "webhook-lost", ruled("lost"), "fulfilled"),
    ("webhook", "webhook-duplicated", ruled("duplicate"), "fulfilled"),
    ("webhook", "webhook-reordered", ruled("reorder"), "fulfilled"),
    ("webhook", "webhook-delayed", delayed, "fulfilled"),
    ("webhook", "webhook-forged", forged, "cancelled: hold-expired"),
    ("webhook", "webhook-replayed", replayed, "fulfilled"),
    ("mint_ticket", "chain-dropped", on_chain(drop_sends=1), "fulfilled"),
    ("mint_ticket", "chain-answer-lost", on_chain(lose_answers=1), "fulfilled"),
    ("mint_ticket", "chain-expired", expired, "fulfilled"),
)


async def test_webhooks_and_chain(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Under each fault of webhooks and chain the purchases end right and all sums agree."""
    env = {"BOXOFFICE_SAGA__POLL_SECONDS": "600"}
    async with running_stack(tmp_path / "stack", env=env, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open()
        ends = []
        for name, fault, play, end in PLAYS:
            ended = await play(shop, fault)
            ends.append(ended["purchase_id"])
            assert end.startswith(ended["state"])
            assert ended["end_reason"] in {None, *end.split(": ")[1:]}
            record_property("cell", ["sale", name, fault, "R", end])
        await shop.check_sums(ends)
