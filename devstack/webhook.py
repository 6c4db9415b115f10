"""The webhook endpoints on the Stripe emulator: registered once, found again on a restart."""

from typing import NamedTuple

import httpx

from devstack.state import CONNECT_WEBHOOK_SECRET, WEBHOOK_SECRET, Keys

WEBHOOK_PATH = "/webhooks/stripe"
ENDPOINTS_MAX = 100
CALL_SECONDS = 10.0
# An event that nobody acts on costs both sides a call.
HEARD = (
    *(f"payment_intent.{news}" for news in ("amount_capturable_updated", "canceled", "payment_failed", "processing")),
    "payment_intent.succeeded",
    *(f"charge.dispute.{news}" for news in ("closed", "created", "funds_reinstated", "funds_withdrawn", "updated")),
    *("charge.refund.updated", "refund.created", "refund.failed", "refund.updated"),
)
HEARD_OF_VENUES = ("account.updated", "payout.canceled", "payout.failed", "payout.paid")


class Endpoint(NamedTuple):
    """One endpoint of ours: its path after the common one, whose events it takes and which, its secret's setting."""

    suffix: str
    connect: bool
    secret: str
    events: tuple[str, ...]


ENDPOINTS = (
    Endpoint("", connect=False, secret=WEBHOOK_SECRET, events=HEARD),
    Endpoint("/connect", connect=True, secret=CONNECT_WEBHOOK_SECRET, events=HEARD_OF_VENUES),
)


async def register_webhook(api_base: str, api_key: str, target: str, keys: Keys) -> dict[str, str]:
    """Make sure that the emulator sends our events to `target`, venues' events below it; return the secrets' settings.

    An endpoint whose secret we still have is used again; any other of ours is deleted, since Stripe tells a secret
    only once.
    """
    headers = {"Authorization": f"Bearer {api_key}"}
    async with httpx.AsyncClient(base_url=api_base, headers=headers, timeout=CALL_SECONDS, trust_env=False) as client:
        for endpoint in ENDPOINTS:
            await _register(client, endpoint, target, keys)
    return {endpoint.secret: keys.env[endpoint.secret] for endpoint in ENDPOINTS}


async def _register(client: httpx.AsyncClient, endpoint: Endpoint, target: str, keys: Keys) -> None:
    listed = await client.get("/v1/webhook_endpoints", params={"limit": ENDPOINTS_MAX})
    listed.raise_for_status()
    ours = [one for one in listed.json()["data"] if one["url"].endswith(WEBHOOK_PATH + endpoint.suffix)]
    known = keys.webhook_endpoint_ids.get(endpoint.secret) if endpoint.secret in keys.env else None
    kept = [one for one in ours if one["url"] == target + endpoint.suffix and one["id"] == known]
    for one in ours:
        if one not in kept:
            (await client.delete(f"/v1/webhook_endpoints/{one['id']}")).raise_for_status()
    if not kept:
        wanted = {
            "url": target + endpoint.suffix,
            "enabled_events[]": list(endpoint.events),
            "connect": str(endpoint.connect).lower(),
        }
        made = await client.post("/v1/webhook_endpoints", data=wanted)
        made.raise_for_status()
        keys.webhook_endpoint_ids[endpoint.secret] = made.json()["id"]
        keys.env[endpoint.secret] = made.json()["secret"]
        keys.save()
