"""The webhook endpoint on the Stripe emulator: registered once, found again on a restart."""

import httpx

from devstack.state import WEBHOOK_SECRET, Keys

WEBHOOK_PATH = "/webhooks/stripe"
ENDPOINTS_MAX = 100
CALL_SECONDS = 10.0


async def register_webhook(api_base: str, api_key: str, target: str, keys: Keys) -> dict[str, str]:
    """Make sure that the emulator sends every event to `target`, and return the secret's setting.

    An endpoint whose secret we still have is used again; any other of ours is deleted, since Stripe tells a secret
    only once.
    """
    headers = {"Authorization": f"Bearer {api_key}"}
    async with httpx.AsyncClient(base_url=api_base, headers=headers, timeout=CALL_SECONDS, trust_env=False) as client:
        listed = await client.get("/v1/webhook_endpoints", params={"limit": ENDPOINTS_MAX})
        listed.raise_for_status()
        ours = [one for one in listed.json()["data"] if one["url"].endswith(WEBHOOK_PATH)]
        known = keys.webhook_endpoint_id if WEBHOOK_SECRET in keys.env else None
        kept = [one for one in ours if one["url"] == target and one["id"] == known]
        for one in ours:
            if one not in kept:
                (await client.delete(f"/v1/webhook_endpoints/{one['id']}")).raise_for_status()
        if not kept:
            wanted = {"url": target, "enabled_events[]": "*"}
            made = await client.post("/v1/webhook_endpoints", data=wanted)
            made.raise_for_status()
            keys.webhook_endpoint_id = made.json()["id"]
            keys.env[WEBHOOK_SECRET] = made.json()["secret"]
            keys.save()
    return {WEBHOOK_SECRET: keys.env[WEBHOOK_SECRET]}
