"""What tests of payments share: a purchase that waits for its payment, its end, and its timeline."""

from typing import Any

from tests.real.shop import Shop


async def opened(shop: Shop, **terms: Any) -> tuple[Any, str]:
    """Open a show and a checkout; return the checkout and its intent."""
    await shop.open(**terms)
    body = (await shop.buy(f"{shop.show_id}-1")).json()
    return body, body["client_secret"].partition("_secret")[0]


async def ends(shop: Shop, purchase: Any, state: str, reason: str | None) -> Any:
    """Assert that the purchase ends so, and that all sums agree."""
    ended = await shop.ended(purchase["purchase_id"])
    assert (ended["state"], ended["end_reason"]) == (state, reason)
    assert await shop.check_sums([purchase["purchase_id"]]) == {state: 1}
    return ended


def has(event: str) -> Any:
    return lambda seen: any(line["event"] == event for line in seen["timeline"])
