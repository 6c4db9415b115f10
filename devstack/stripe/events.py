"""Events: what has happened, kept for reading and put in line for every webhook endpoint that wants it."""

import fnmatch
import time

from devstack.stripe.calls import LIST_COMMON, Call, Endpoint, emptied, shown
from devstack.stripe.errors import Json, absent_parameter
from devstack.stripe.faults import take_webhook
from devstack.stripe.forms import needed_text, truth
from devstack.stripe.listing import Filters, page
from devstack.stripe.store import Store, opaque

API_VERSION = "2026-10-28.endive"
REORDER_SECONDS_MAX = 2.0
DELIVERED = "NOT EXISTS (SELECT 1 FROM deliveries WHERE event = objects.id AND state != 'delivered')"


def tell(call: Call, kind: str, subject: Json, *, account: str | None = None, before: Json | None = None) -> None:
    """Write an event with the object as it is now, and one delivery for each endpoint that wants its type.

    What happened to a connected account bears its id, and goes to the endpoints that were made with `connect`;
    `before` is the object as it was, for `previous_attributes`.
    """
    owner = subject.get("_account", "") if account is None else account
    told: Json = {"object": shown(subject)}
    if before is not None:
        told["previous_attributes"] = {
            name: value for name, value in shown(before).items() if value != subject.get(name)
        }
    event = call.store.add({
        "id": opaque("evt"), "object": "event", "api_version": API_VERSION, "created": call.now,
        "data": told, "livemode": False, "pending_webhooks": 0,
        "request": {"id": call.origin[0], "idempotency_key": call.origin[1]}, "type": kind,
        **({"account": owner, "_account": owner} if owner else {}),
    })  # fmt: skip
    for endpoint in call.store.select("webhook_endpoint"):
        wanted_here = endpoint.get("_connect", False) == bool(owner)
        if wanted_here and any(fnmatch.fnmatchcase(kind, wanted) for wanted in endpoint["enabled_events"]):
            _put_in_line(call.store, event, endpoint["id"])


def _put_in_line(store: Store, event: Json, endpoint_id: str) -> None:
    fault = take_webhook(store, event["type"])
    wait = {"reorder": REORDER_SECONDS_MAX}.get(fault, 0.0)
    if fault.startswith("delay:"):
        wait = int(fault.removeprefix("delay:")) / 1000
    state = {"lost": "lost", "reorder": "behind"}.get(fault, "due")
    row = (event["id"], endpoint_id, time.time() + wait, state)
    for _ in range(2 if fault == "duplicate" else 1):
        store.db.execute(
            "INSERT INTO deliveries (event, endpoint, attempts, next_at, state) VALUES (?, ?, 0, ?, ?)", row
        )


def listing(call: Call) -> Json:
    """Answer the events, by `type`, `types[]`, `created` and whether all their webhooks were delivered."""
    filters = Filters()
    filters.add_owner(call.account)
    wanted = [needed_text(call.params, "type")] if "type" in call.params else list(call.params.get("types") or [])
    if wanted:
        patterns = " OR ".join("json_extract(body, '$.type') GLOB ?" for _ in wanted)
        filters.add(f"({patterns})", *wanted)
    if "delivery_success" in call.params:
        filters.add(DELIVERED if truth(call.params["delivery_success"]) else f"NOT {DELIVERED}")
    return page(call, "event", "/v1/events", (), filters)


def retrieve(call: Call) -> Json:
    """Answer one event."""
    return call.own("event", call.subject)


def create_endpoint(call: Call) -> Json:
    """Make a webhook endpoint; its secret is told only in this answer."""
    wanted = call.params.get("enabled_events")
    if not isinstance(wanted, list):
        raise absent_parameter("enabled_events")
    return call.store.add({
        "id": opaque("we"), "object": "webhook_endpoint", "api_version": call.params.get("api_version"),
        "application": None, "created": call.now, "description": call.params.get("description"),
        "enabled_events": wanted, "livemode": False, "metadata": {}, "secret": opaque("whsec", 32),
        "status": "enabled", "url": needed_text(call.params, "url"), "_connect": truth(call.params.get("connect")),
    })  # fmt: skip


def list_endpoints(call: Call) -> Json:
    """Answer the webhook endpoints, without their secrets."""
    found = page(call, "webhook_endpoint", "/v1/webhook_endpoints")
    return {**found, "data": [emptied(row, "secret") for row in found["data"]]}


def retrieve_endpoint(call: Call) -> Json:
    """Answer one webhook endpoint, without its secret."""
    return emptied(call.store.get("webhook_endpoint", call.subject), "secret")


def delete_endpoint(call: Call) -> Json:
    """Forget a webhook endpoint and what was in line for it."""
    call.store.get("webhook_endpoint", call.subject)
    call.store.remove(call.subject)
    call.store.db.execute("DELETE FROM deliveries WHERE endpoint = ?", (call.subject,))
    return {"id": call.subject, "object": "webhook_endpoint", "deleted": True}


ENDPOINTS = (
    Endpoint("GET", "/v1/events", listing, LIST_COMMON | {"type", "types", "delivery_success"}, open_to_accounts=True),
    Endpoint("GET", "/v1/events/*", retrieve, open_to_accounts=True),
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
