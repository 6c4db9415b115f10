"""What only the emulator has, below `/_emulator`: faults, forgotten keys, and the switches that move the world."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from devstack.stripe import accounts, balances, bank, disputes, faults, payouts, refund_ends
from devstack.stripe.calls import Call, Endpoint, Routes, shown
from devstack.stripe.deliveries import list_deliveries
from devstack.stripe.errors import Json, invalid
from devstack.stripe.forms import only
from devstack.stripe.store import Store

PREFIX = "/_emulator"
SWITCHES: tuple[Endpoint, ...] = (
    *bank.SWITCHES, *refund_ends.SWITCHES, *disputes.SWITCHES, *accounts.SWITCHES, *payouts.SWITCHES,
    *balances.SWITCHES,
)  # fmt: skip
_ROUTES = Routes(SWITCHES)


class Rule(BaseModel):
    """A fault: of calls (`method`, `path`) or of webhooks (`event`); patterns may hold `*`."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    method: str = "*"
    path: str = "*"
    event: str = ""
    count: int = 1


def as_form(value: Any) -> Any:
    """Turn JSON into what a form would have brought: all leaves are text."""
    if isinstance(value, dict):
        return {name: as_form(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_form(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def turn(store: Store, path: str, given: Json) -> Json:
    """Turn a switch in one transaction, and return what it moved."""
    found = _ROUTES.find("POST", path)
    if found is None:
        raise invalid(f"There is no switch {path}.")
    switch, ids = found
    params = as_form(given)
    only(params, switch.takes)
    with store.transaction():
        call = Call(store, params, ids)
        moved = switch.answer(call)
        refund_ends.fund_waiting(call)
        return dict(shown(moved))


def switchboard(store: Store) -> APIRouter:
    """Return the routes below `/_emulator`; they need no key."""
    router = APIRouter(prefix=PREFIX)
    _add_fault_routes(router, store)

    @router.get("/deliveries")
    async def _deliveries() -> Any:
        return {"object": "list", "data": list_deliveries(store)}

    @router.post("/idempotency/forget")
    async def _forget() -> Any:
        store.db.execute("DELETE FROM answers")
        return {"forgotten": True}

    @router.post("/{path:path}")
    async def _turn(path: str, request: Request) -> Any:
        given = await request.json() if await request.body() else {}
        return turn(store, f"/{path}", given)

    return router


def _add_fault_routes(router: APIRouter, store: Store) -> None:
    @router.get("/faults")
    async def _list() -> Any:
        return {"object": "list", "data": faults.list_rules(store)}

    @router.post("/faults")
    async def _add(rule: Rule) -> Any:
        return faults.add_rule(store, rule.model_dump())

    @router.delete("/faults")
    async def _clear() -> Any:
        faults.clear_rules(store)
        return {"object": "list", "data": []}
