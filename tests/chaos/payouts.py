"""After the chaos run two venues are paid out to their banks, and one of the payouts fails."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.shop import Shop

FATES = (("succeed",), ("succeed", "fail"))
LOOK_SECONDS = 0.2


async def pay_out(shops: Sequence[Shop]) -> tuple[int, list[str]]:
    """Return the number of payouts, and the differences between our books and Stripe."""
    count, faults = 0, []
    for shop, fates in zip(shops, FATES, strict=False):
        account_id = await _account_of(shop)
        await _switch(shop, f"accounts/{account_id}/settle")
        for payout in (await _switch(shop, f"accounts/{account_id}/pay_out"))["data"]:
            count += 1
            for fate in fates:
                await _switch(shop, f"payouts/{payout['id']}/finish", outcome=fate)
                wanted = (0, payout["amount"]) if fate == "succeed" else (payout["amount"], 0)
                if (found := await _split(shop, wanted)) != wanted:
                    fault = f"payout {payout['id']} of {payout['amount']}: {fate}, but (available, paid out) is {found}"
                    faults.append(f"venue {shop.venue_id}: {fault}")
            if "fail" in fates:  # the venue gives Stripe its bank account again
                await _switch(shop, f"accounts/{account_id}/onboard", state="complete")
    return count, faults


async def _account_of(shop: Shop) -> str:
    """Return a venue's account; ask again while the engine does not answer in time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await shop.post(f"/api/v1/venues/{shop.venue_id}/onboarding", {})
            if answer.raise_for_status().status_code != httpx.codes.ACCEPTED:
                return str(answer.json()["account_id"])
            await asyncio.sleep(LOOK_SECONDS)


async def _split(shop: Shop, wanted: tuple[int, int]) -> tuple[int, int]:
    """Wait for a venue's expected balance; return the last one read."""
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        [line] = (await shop.get(f"/api/v1/venues/{shop.venue_id}/balance"))["balances"]
        found = (line["available_minor"], line["paid_out_minor"])
        if found == wanted or asyncio.get_running_loop().time() > until:
            return found
        await asyncio.sleep(LOOK_SECONDS)


async def _switch(shop: Shop, path: str, **body: Any) -> Any:
    """Set a switch over a new connection: a kept one may be closed just as it is used again."""
    async with httpx.AsyncClient(base_url=shop.stack.urls["stripe"], timeout=PATIENCE_SECONDS) as http:
        return (await http.post(f"/_emulator/{path}", json=body)).raise_for_status().json()
