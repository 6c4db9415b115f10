"""Events as Stripe documents them rarely, or not at all: each is the text of a body."""

import json
from typing import Any

INTENT = {"object": "payment_intent", "id": "pi_1", "metadata": {"purchase_id": "pu_1"}}
WHOLE: dict[str, Any] = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "created": 1_767_225_600,
    "data": {"object": INTENT},
}


def event(**changed: Any) -> str:
    return json.dumps(WHOLE | changed)


def subject(**changed: Any) -> str:
    return event(data={"object": INTENT | changed})


# Nobody acts on these.
STORED_ONLY = {
    "a balance without an id": event(type="balance.available", data={"object": {"object": "balance", "available": []}}),
    "a thin event": json.dumps(
        {
            "id": "evt_65", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
            "created": "2026-01-01T00:00:00.000Z", "livemode": False, "data": {"reason": "x"},
            "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
        }
    ),
    "an unknown type": event(type="moon.landed"),
    "no type": event(type=None),
    "a type that is a list": event(type=["payment_intent.succeeded"]),
    "no data": event(data=None),
    "data that is a list": event(data=[INTENT]),
    "an object that is a list": event(data={"object": [INTENT]}),
    "an object that is a number": event(data={"object": 7}),
    "no id and no purchase": event(data={"object": {"object": "payment_intent"}}),
    "an id of zeros and nulls": event(data={"object": {"object": "payment_intent", "id": "pi\0"}}),
    "a refund without an id": event(type="refund.updated", data={"object": {"object": "refund", "id": 5}}),
    "a dispute without an id": event(type="charge.dispute.created", data={"object": {}}),
    "an account without an id of it": event(type="account.updated"),
    "a venue's payment": event(account="acct_1"),
    "a payout without an id": event(type="payout.paid", account="acct_1", data={"object": {}}),
    "a list": "[1, 2]",
    "a number": "7",
    "a huge number": "9" * 5000,
    "a word": '"evt_1"',
    "null": "null",
    "nothing": "",
    "no JSON": "{",
    "depth": "[" * 100_000,
}  # fmt: skip
# Odd, and yet it is known what to do.
HANDLED = {
    "no event id": event(id=None),
    "an event id that is an object": event(id={"id": "evt_1"}),
    "an event id of a thousand characters": event(id="e" * 1000),
    "an event id that no database stores": event(id="evt\0\ud800"),
    "metadata that is a list": subject(metadata=["purchase_id"]),
    "metadata of another kind": subject(metadata={"purchase_id": {"is": 5}, "refund_key": ["x"]}),
    "an enormous time": event(created=10**400),
    "a time before time": event(created=-(10**12)),
    "a time that is no number": event(created=True),
    "a time that is no time": '{"created": NaN, ' + event()[1:],
    "a time far away": event(created="0001-01-01T00:00:00+14:00"),
    "no time": event(created=None),
}
