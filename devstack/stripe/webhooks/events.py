"""Events: stored, and queued for every webhook endpoint that subscribes to their type."""

import fnmatch
import time

from devstack.stripe.core.calls import LIST_COMMON, Call, Endpoint, public_view
from devstack.stripe.core.errors import Json
from devstack.stripe.core.faults import take_webhook_fault
from devstack.stripe.core.forms import boolean, required_text
from devstack.stripe.core.listing import Filters, page
from devstack.stripe.core.store import Store, new_id

API_VERSION = "2026-10-28.endive"
REORDER_SECONDS_MAX = 2.0
DELIVERED = "NOT EXISTS (SELECT 1 FROM deliveries WHERE event = objects.id AND state != 'delivered')"


def emit(call: Call, kind: str, subject: Json, *, account: str | None = None, before: Json | None = None) -> None:
    """Store an event with the object's present state, and a delivery for each endpoint subscribed to its type.

    An event of a connected account has the account's id and goes to the endpoints created with `connect`;
    `before` is the object's earlier state, for `previous_attributes`.
    """
    owner = subject.get("_account", "") if account is None else account
    data: Json = {"object": public_view(subject)}
    if before is not None:
        data["previous_attributes"] = {
            name: value for name, value in public_view(before).items() if value != subject.get(name)
        }
    event = call.store.add({
        "id": new_id("evt"), "object": "event", "api_version": API_VERSION, "created": call.now,
        "data": data, "livemode": False, "pending_webhooks": 0,
        "request": {"id": call.origin[0], "idempotency_key": call.origin[1]}, "type": kind,
        **({"account": owner, "_account": owner} if owner else {}),
    })  # fmt: skip
    for endpoint in call.store.select("webhook_endpoint"):
        wanted_here = endpoint.get("_connect", False) == bool(owner)
        if wanted_here and any(fnmatch.fnmatchcase(kind, wanted) for wanted in endpoint["enabled_events"]):
            _queue_deliveries(call.store, event, endpoint["id"])


def _queue_deliveries(store: Store, event: Json, endpoint_id: str) -> None:
    fault = take_webhook_fault(store, event["type"])
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
    """List events by `type`, `types[]`, `created` and delivery."""
    filters = Filters()
    filters.add_owner(call.account)
    wanted = [required_text(call.params, "type")] if "type" in call.params else list(call.params.get("types") or [])
    if wanted:
        patterns = " OR ".join("json_extract(body, '$.type') GLOB ?" for _ in wanted)
        filters.add(f"({patterns})", *wanted)
    if "delivery_success" in call.params:
        filters.add(DELIVERED if boolean(call.params["delivery_success"]) else f"NOT {DELIVERED}")
    return page(call, "event", "/v1/events", (), filters)


def retrieve(call: Call) -> Json:
    """Return one event."""
    return call.own("event", call.subject)


ENDPOINTS = (
    Endpoint("GET", "/v1/events", listing, LIST_COMMON | {"type", "types", "delivery_success"}, open_to_accounts=True),
    Endpoint("GET", "/v1/events/*", retrieve, open_to_accounts=True),
)
