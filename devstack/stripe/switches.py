"""What only the emulator has: faults, the buyer's bank, the end of slow payments and refunds, forgotten keys."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from devstack.stripe import faults, refunds
from devstack.stripe.calls import Call, shown
from devstack.stripe.charges import method_of
from devstack.stripe.confirming import approve, declined, fail
from devstack.stripe.deliveries import list_deliveries
from devstack.stripe.errors import Json, invalid
from devstack.stripe.intents import unexpected
from devstack.stripe.store import Store

_FAILED_PROOF = "The provided PaymentMethod has failed authentication."


class Rule(BaseModel):
    """A fault: of calls (`method`, `path`) or of webhooks (`event`); patterns may hold `*`."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    method: str = "*"
    path: str = "*"
    event: str = ""
    count: int = 1


class Outcome(BaseModel):
    """How something that waits shall end."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["succeed", "fail"] = "succeed"


def _waiting(call: Call, status: str, verb: str) -> Json:
    intent = call.store.get("payment_intent", call.subject)
    if intent["status"] != status:
        raise unexpected(intent, verb)
    return intent


def authenticate(call: Call, *, succeed: bool) -> Json:
    """Let the buyer pass or fail 3-D Secure."""
    intent = _waiting(call, "requires_action", "authenticated")
    if succeed:
        return approve(call, intent)
    code = "payment_intent_authentication_failure"
    return fail(call, intent, code, _FAILED_PROOF, {})


def finish_processing(call: Call, *, succeed: bool) -> Json:
    """Let a payment that is processing come to its end."""
    intent = _waiting(call, "processing", "finished")
    if succeed:
        return approve(call, intent)
    declined(call, intent, method_of(intent))  # its traces are wanted, not the error: nobody waits for an answer
    return intent


def switchboard(store: Store) -> APIRouter:
    """Return the routes below `/_emulator`; they need no key."""
    router = APIRouter(prefix="/_emulator")
    _add_fault_routes(router, store)

    @router.get("/deliveries")
    async def _deliveries() -> Any:
        return {"object": "list", "data": list_deliveries(store)}

    @router.post("/payment_intents/{intent_id}/{step}")
    async def _finish(intent_id: str, step: str, end: Outcome) -> Any:
        steps = {"authenticate": authenticate, "finish_processing": finish_processing}
        if step not in steps:
            raise invalid(f"Unknown step: {step}")
        with store.transaction():
            return shown(steps[step](Call(store, {}, (intent_id,)), succeed=end.outcome == "succeed"))

    @router.post("/refunds/{refund_id}/finish")
    async def _finish_refund(refund_id: str, end: Outcome) -> Any:
        with store.transaction():
            return shown(refunds.finish(Call(store, {}), refund_id, succeeded=end.outcome == "succeed"))

    @router.post("/idempotency/forget")
    async def _forget() -> Any:
        store.db.execute("DELETE FROM answers")
        return {"forgotten": True}

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
