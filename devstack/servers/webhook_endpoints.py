"""Registers our webhook endpoints at the Stripe emulator, once per address."""

from typing import NamedTuple

import httpx

from devstack.supervisor.data_dir import CONNECT_WEBHOOK_SECRET, WEBHOOK_SECRET, StackSecrets
from devstack.supervisor.probes import TRUSTS_NOBODY

WEBHOOK_PATH = "/webhooks/stripe"
ENDPOINTS_MAX = 100
CALL_SECONDS = 10.0
# Each event without a handler would cost both sides a call.
PLATFORM_EVENTS = (
    *(f"payment_intent.{event}" for event in ("amount_capturable_updated", "canceled", "payment_failed", "processing")),
    "payment_intent.succeeded",
    *(f"charge.dispute.{event}" for event in ("closed", "created", "funds_reinstated", "funds_withdrawn", "updated")),
    *("charge.refund.updated", "refund.created", "refund.failed", "refund.updated"),
)
VENUE_EVENTS = (
    "account.application.deauthorized", "account.updated", "payout.canceled", "payout.failed", "payout.paid",
    "payout.updated",
)  # fmt: skip


class Endpoint(NamedTuple):
    """One of our endpoints: path suffix, whether for connected accounts, its secret's setting, and event types."""

    suffix: str
    connect: bool
    secret: str
    events: tuple[str, ...]


ENDPOINTS = (
    Endpoint("", connect=False, secret=WEBHOOK_SECRET, events=PLATFORM_EVENTS),
    Endpoint("/connect", connect=True, secret=CONNECT_WEBHOOK_SECRET, events=VENUE_EVENTS),
)


async def register_webhook(api_base: str, api_key: str, target: str, stack_secrets: StackSecrets) -> dict[str, str]:
    """Make the emulator send our events to `target` and the venues' events below it; return the secrets' settings.

    Reuse an endpoint whose secret we still have; delete our others, since Stripe returns a secret only once.
    """
    headers = {"Authorization": f"Bearer {api_key}"}
    async with httpx.AsyncClient(
        base_url=api_base, headers=headers, timeout=CALL_SECONDS, trust_env=False, verify=TRUSTS_NOBODY
    ) as client:
        for endpoint in ENDPOINTS:
            await _register(client, endpoint, target, stack_secrets)
    return {endpoint.secret: stack_secrets.env[endpoint.secret] for endpoint in ENDPOINTS}


async def _register(client: httpx.AsyncClient, endpoint: Endpoint, target: str, stack_secrets: StackSecrets) -> None:
    listed = await client.get("/v1/webhook_endpoints", params={"limit": ENDPOINTS_MAX})
    listed.raise_for_status()
    ours = [one for one in listed.json()["data"] if one["url"].endswith(WEBHOOK_PATH + endpoint.suffix)]
    known = stack_secrets.webhook_endpoint_ids.get(endpoint.secret) if endpoint.secret in stack_secrets.env else None
    kept = [one for one in ours if one["url"] == target + endpoint.suffix and one["id"] == known]
    for one in ours:
        if one not in kept:
            (await client.delete(f"/v1/webhook_endpoints/{one['id']}")).raise_for_status()
    if not kept:
        form = {
            "url": target + endpoint.suffix,
            "enabled_events[]": list(endpoint.events),
            "connect": str(endpoint.connect).lower(),
        }
        created = await client.post("/v1/webhook_endpoints", data=form)
        created.raise_for_status()
        stack_secrets.webhook_endpoint_ids[endpoint.secret] = created.json()["id"]
        stack_secrets.env[endpoint.secret] = created.json()["secret"]
        stack_secrets.save()
