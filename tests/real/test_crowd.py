"""Two hundred buyers at once for fifty seats."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.real.shop import Shop

pytestmark = pytest.mark.real
BUYERS, SEATS = 200, 50


async def answered(shop: Shop, number: int) -> dict[str, str]:
    """Buy one seat; on a 202 read the answer at the status URL."""
    answer = await shop.buy(f"crowd-{number}")
    if answer.status_code == httpx.codes.ACCEPTED:
        purchase_id = answer.json()["purchase_id"]
        seen = await shop.until(purchase_id, lambda seen: seen["state"] not in {"requested", "reserving"}, 90)
        return {"purchase_id": purchase_id, "said": seen["end_reason"] or "open", **seen}
    body = answer.json()
    refused = answer.status_code == httpx.codes.CONFLICT
    said = body["type"].rpartition(":")[2] if refused else "open"
    return {"said": said, **body}


@pytest.mark.timeout(200)
async def paid(shop: Shop, answer: dict[str, Any]) -> int:
    """Wait for an open checkout if needed, and pay."""
    secret = answer.get("client_secret")
    if not secret:
        found = await shop.until(answer["purchase_id"], lambda seen: bool(seen.get("client_secret")), 120)
        secret = found["client_secret"]
    return await shop.pay(secret)


@pytest.mark.nightly
async def test_two_hundred_buyers_for_fifty_seats(shop: Shop) -> None:
    """Exactly fifty buyers get a seat, the others are refused as sold out, and nothing hangs."""
    await shop.open(capacity=SEATS)
    answers = await asyncio.gather(*(answered(shop, number) for number in range(BUYERS)))
    assert Counter(answer["said"] for answer in answers) == {"open": SEATS, "sold-out": BUYERS - SEATS}
    opened = [answer for answer in answers if answer["said"] == "open"]
    statuses = await asyncio.gather(*(paid(shop, answer) for answer in opened))
    assert set(statuses) == {httpx.codes.OK}
    await asyncio.gather(*(shop.ended(answer["purchase_id"], 120) for answer in opened))
    assert await shop.check_sums([answer["purchase_id"] for answer in opened]) == {"fulfilled": SEATS}
