"""Intents that Stripe refuses for good, by a switch: what an account may not charge, and why."""

import json

from devstack.stripe.core.calls import Call, Endpoint
from devstack.stripe.core.errors import ApiError, Json
from devstack.stripe.core.forms import choice, required_text

SETTING = "refuse_intents"
STATUSES = {"400": "invalid_request_error", "402": "card_error"}


def refuse_by_switch(call: Call) -> None:
    """Raise the error that the switch has set for intents; each key stores it, as any answer."""
    rule: Json = json.loads(call.store.setting(SETTING, "{}"))
    if rule:
        status = rule["status"]
        raise ApiError(int(status), STATUSES[status], f"Refused by a switch: {rule['code']}.", code=rule["code"])


def refuse_intents(call: Call) -> Json:
    """Refuse every new intent with a `code` and a `status` from now on; `code` none ends it."""
    code = required_text(call.params, "code")
    rule = {} if code == "none" else {"code": code, "status": choice(call.params, "status", tuple(STATUSES))}
    call.store.db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (SETTING, json.dumps(rule)))
    return {"object": SETTING, **rule}


SWITCHES = (Endpoint("POST", "/refuse_intents", refuse_intents, frozenset({"code", "status"})),)
