"""A cancelled show on the whole real stack: every worker is killed three times while its orders are refunded."""

import asyncio
import contextlib
import os
import signal
import time
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from tests.real.shop import Shop

ORDERS = int(os.environ.get("CANCELLED_ORDERS", "12"))
KILLS = 3
AT_ONCE = 12
PATIENCE_SECONDS = 120 + ORDERS

pytestmark = [pytest.mark.real, pytest.mark.timeout(400 + 3 * ORDERS)]


async def sold(shop: Shop, number: int, room: asyncio.Semaphore) -> str:
    """Buy one ticket and wait for the end."""
    async with room:
        body = (await shop.buy(f"cancelled-{number}")).json()
        if not body.get("client_secret"):
            body = await shop.until(body["purchase_id"], lambda now: bool(now.get("client_secret")), PATIENCE_SECONDS)
        assert await shop.pay(body["client_secret"]) == httpx.codes.OK
        ended = await shop.ended(body["purchase_id"], PATIENCE_SECONDS)
        assert ended["state"] == "fulfilled"
        return str(body["purchase_id"])


async def progress(shop: Shop) -> Any:
    found = await shop.get(f"/api/v1/shows/{shop.show_id}/cancellation")
    numbers = found["progress"]
    assert numbers["given_back"] + numbers["ended_without_sale"] + numbers["residue"] == numbers["orders"]
    return found


async def come_to(shop: Shop, given_back: int) -> Any:
    """Wait until this number of orders has been refunded."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            seen = await progress(shop)
            if seen["progress"]["given_back"] >= given_back:
                return seen
            await asyncio.sleep(0.2)


async def finished(shop: Shop) -> Any:
    """Wait for the end, and until no token is left."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            seen = await progress(shop)
            if seen["state"] == "finished" and not seen["progress"]["tokens_left"]:
                return seen["progress"]
            await asyncio.sleep(0.2)


@pytest.mark.nightly
async def test_a_cancelled_show_outlives_three_kills(stack: Stack, shop: Shop) -> None:
    """Every order is refunded exactly once; the progress figures are exact, and nothing remains at the end."""
    await shop.open(capacity=ORDERS + 5)
    room = asyncio.Semaphore(AT_ONCE)
    ids = await asyncio.gather(*(sold(shop, number, room) for number in range(ORDERS)))
    waiting = (await shop.buy("never-paid")).json()
    url = f"/api/v1/shows/{shop.show_id}/cancellation"
    began = time.monotonic()
    rate = max(2.0, ORDERS / 60)
    answer = await shop.post(url, {"rate_per_second": rate})
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    assert (await shop.buy("too-late")).json()["type"].endswith("not-on-sale")
    for kill in range(1, KILLS + 1):
        await come_to(shop, kill * ORDERS // (KILLS + 2))
        pid = stack.pid_of("worker")
        assert pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert (await shop.post(f"{url}/pause", {})).status_code == httpx.codes.ACCEPTED
    assert (await shop.post(f"{url}/resume", {"rate_per_second": rate * 2})).status_code == httpx.codes.ACCEPTED
    assert (await shop.ended(waiting["purchase_id"], PATIENCE_SECONDS))["state"] == "cancelled"
    await come_to(shop, ORDERS)
    numbers = await finished(shop)
    figures = f"{ORDERS} orders refunded in {time.monotonic() - began:.0f} s, {KILLS} kills: {numbers}"
    print(figures)  # noqa: T201 - the figures of a long run
    assert (numbers["residue"], numbers["failed"], numbers["owed_minor"]) == (0, 0, 0)
    assert numbers["refunded_minor"] == ORDERS * 1104
    assert numbers["ended_without_sale"] == 1
    for purchase_id in ids:
        (refund,) = (await shop.purchase(purchase_id))["refunds"]
        assert (refund["state"], refund["reason"]) == ("succeeded", "show-cancelled")
    await shop.check_sums([*ids, waiting["purchase_id"]])
