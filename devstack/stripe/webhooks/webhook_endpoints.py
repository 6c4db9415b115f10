"""Webhook endpoints: create, list, retrieve, delete."""

from devstack.stripe.core.calls import LIST_COMMON, Call, Endpoint, without_keys
from devstack.stripe.core.errors import Json, missing_parameter
from devstack.stripe.core.forms import boolean, required_text
from devstack.stripe.core.listing import page
from devstack.stripe.core.store import new_id


def create_endpoint(call: Call) -> Json:
    """Create a webhook endpoint; only this response contains its secret."""
    wanted = call.params.get("enabled_events")
    if not isinstance(wanted, list):
        raise missing_parameter("enabled_events")
    return call.store.add({
        "id": new_id("we"), "object": "webhook_endpoint", "api_version": call.params.get("api_version"),
        "application": None, "created": call.now, "description": call.params.get("description"),
        "enabled_events": wanted, "livemode": False, "metadata": {}, "secret": new_id("whsec", 32),
        "status": "enabled", "url": required_text(call.params, "url"), "_connect": boolean(call.params.get("connect")),
    })  # fmt: skip


def list_endpoints(call: Call) -> Json:
    """List the webhook endpoints, without their secrets."""
    found = page(call, "webhook_endpoint", "/v1/webhook_endpoints")
    return {**found, "data": [without_keys(row, "secret") for row in found["data"]]}


def retrieve_endpoint(call: Call) -> Json:
    """Return one webhook endpoint, without its secret."""
    return without_keys(call.store.get("webhook_endpoint", call.subject), "secret")


def delete_endpoint(call: Call) -> Json:
    """Delete a webhook endpoint and its queued deliveries."""
    call.store.get("webhook_endpoint", call.subject)
    call.store.remove(call.subject)
    call.store.db.execute("DELETE FROM deliveries WHERE endpoint = ?", (call.subject,))
    return {"id": call.subject, "object": "webhook_endpoint", "deleted": True}


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/webhook_endpoints",
        create_endpoint,
        frozenset({"url", "enabled_events", "description", "api_version", "connect"}),
    ),
    Endpoint("GET", "/v1/webhook_endpoints", list_endpoints, LIST_COMMON),
    Endpoint("GET", "/v1/webhook_endpoints/*", retrieve_endpoint),
    Endpoint("DELETE", "/v1/webhook_endpoints/*", delete_endpoint),
)
