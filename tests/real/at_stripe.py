"""Changes at Stripe that others make, outside the box office."""

from typing import Any

import httpx

from tests.real.shop import Shop


async def at_stripe(shop: Shop, path: str, form: dict[str, str]) -> Any:
    """Call Stripe with our key for a call that the program never makes, as a user of its dashboard would."""
    key = shop.stack.env["BOXOFFICE_STRIPE__API_KEY"]
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"{path} {form}"}
    answer = await shop.http.post(f"{shop.stack.urls['stripe']}{path}", data=form, headers=headers)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


async def stray(shop: Shop, purchase: Any, capture_method: str = "manual", card: str = "pm_card_visa") -> Any:
    """Pay the purchase's price by an intent that is not its own."""
    form = {
        "amount": str(purchase["price"]["total_minor"]),
        "currency": "eur",
        "capture_method": capture_method,
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[purchase_id]": purchase["purchase_id"],
    }
    made = await at_stripe(shop, "/v1/payment_intents", form)
    await shop.pay(made["client_secret"], card)
    return made
