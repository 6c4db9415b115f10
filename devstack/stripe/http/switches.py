"""Routes below `/_emulator`: fault rules, settings, idempotency keys, and the switches for bank, buyer and time."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.stripe.balance import balance_switches
from devstack.stripe.connect import access, accounts, onboarding, payouts
from devstack.stripe.core import faults
from devstack.stripe.core.calls import Call, Endpoint, Routes, public_view
from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import choice, reject_unknown
from devstack.stripe.core.store import Store
from devstack.stripe.disputes import disputes
from devstack.stripe.payments import bank_switches, refused_intents
from devstack.stripe.refunds import refund_switches
from devstack.stripe.webhooks.deliveries import list_deliveries

PREFIX = "/_emulator"
# The first option of each is the default.
SETTINGS = {"onboarding": tuple(onboarding.STATES), "uncovered_refunds": ("overdraw", "wait", "refuse")}


def set_settings(call: Call) -> Json:
    """Set the emulator's behaviour where Stripe's depends on the account."""
    for name in call.params:
        value = choice(call.params, name, SETTINGS[name])
        call.store.db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))
    return {name: call.store.setting(name, options[0]) for name, options in SETTINGS.items()}


SWITCHES: tuple[Endpoint, ...] = (
    *bank_switches.SWITCHES, *refund_switches.SWITCHES, *disputes.SWITCHES, *accounts.SWITCHES, *access.SWITCHES,
    *payouts.SWITCHES, *balance_switches.SWITCHES, *refused_intents.SWITCHES,
    Endpoint("POST", "/settings", set_settings, frozenset(SETTINGS)),
)  # fmt: skip
_ROUTES = Routes(SWITCHES)


class Rule(BaseModel):
    """A fault rule for calls (`method`, `path`) or webhooks (`event`); patterns may contain `*`."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    method: str = "*"
    path: str = "*"
    event: str = ""
    count: int = 1


def as_form(value: Any) -> Any:
    """Convert JSON to form values: all leaves are text."""
    if isinstance(value, dict):
        return {name: as_form(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_form(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def run_switch(store: Store, path: str, given: Json) -> Json:
    """Run a switch in one transaction, and return the changed object."""
    found = _ROUTES.find("POST", path)
    if found is None:
        raise invalid(f"There is no switch {path}.")
    switch, ids = found
    params = as_form(given)
    reject_unknown(params, switch.takes)
    with store.transaction():
        call = Call(store, params, ids)
        changed = switch.answer(call)
        refund_switches.pay_waiting_refunds(call)
        return dict(public_view(changed))


def switchboard(store: Store) -> list[Route]:
    """Return the routes below `/_emulator`; they need no API key."""

    async def deliveries(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": list_deliveries(store)})

    async def forget(_: Request) -> Response:
        store.db.execute("DELETE FROM answers")
        return JSONResponse({"forgotten": True})

    async def switch(request: Request) -> Response:
        given = await request.json() if await request.body() else {}
        return JSONResponse(run_switch(store, f"/{request.path_params['path']}", given))

    return [
        *_fault_routes(store),
        Route("/deliveries", deliveries),
        Route("/idempotency/forget", forget, methods=["POST"]),
        Route("/{path:path}", switch, methods=["POST"]),
    ]


def _fault_routes(store: Store) -> list[Route]:
    async def rules(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": faults.list_rules(store)})

    async def add(request: Request) -> Response:
        try:
            rule = Rule.model_validate_json(await request.body())
        except ValidationError as wrong:
            return Response(wrong.json(), status_code=422, media_type="application/json")
        return JSONResponse(faults.add_rule(store, rule.model_dump()))

    async def clear(_: Request) -> Response:
        faults.clear_rules(store)
        return JSONResponse({"object": "list", "data": []})

    return [
        Route("/faults", rules),
        Route("/faults", add, methods=["POST"]),
        Route("/faults", clear, methods=["DELETE"]),
    ]
