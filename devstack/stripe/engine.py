"""The order in which a call is answered: fault, caller, idempotency key, endpoint, one transaction."""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from devstack.stripe import (
    accounts,
    charges,
    disputes,
    events,
    intents,
    ledger,
    payouts,
    refunds,
    reversals,
    transfers,
)
from devstack.stripe.calls import Call, Endpoint, Routes, shown
from devstack.stripe.credentials import Caller, identify
from devstack.stripe.errors import ApiError, Json, invalid
from devstack.stripe.faults import take_call
from devstack.stripe.forms import only, parse_form
from devstack.stripe.listing import expand
from devstack.stripe.refund_ends import fund_waiting
from devstack.stripe.store import Store, opaque

KEY_SECONDS_MAX = 24 * 3600
KEY_LENGTH_MAX = 255
ENDPOINTS: tuple[Endpoint, ...] = (
    *intents.ENDPOINTS, *charges.ENDPOINTS, *refunds.ENDPOINTS, *disputes.ENDPOINTS, *accounts.ENDPOINTS,
    *reversals.ENDPOINTS, *transfers.ENDPOINTS, *payouts.ENDPOINTS, *ledger.ENDPOINTS, *events.ENDPOINTS,
)  # fmt: skip
_log = logging.getLogger(__name__)
_ROUTES = Routes(ENDPOINTS)


@dataclass(frozen=True)
class Incoming:
    """A call as it came over the wire; header names are in lower case."""

    method: str
    path: str
    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What goes back; `hang_up` closes the connection instead."""

    status: int = 200
    body: str = "{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


def fault_error(status: int) -> ApiError:
    """Return the error that a fault switch asked for."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ApiError(status, "invalid_request_error", "Request rate limit exceeded.", code="rate_limit")
    if status == HTTPStatus.CONFLICT:
        return key_in_use()
    kind = "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return ApiError(status, kind, "An emulated error.")


def key_in_use() -> ApiError:
    """Return the 409 for a key whose first call is still being answered."""
    message = "There is currently another in-progress request using this Idempotent Key."
    return ApiError(409, "idempotency_error", message, code="idempotency_key_in_use")


class Engine:
    """Answers calls one at a time from the store; keys in use are known only while the process lives."""

    def __init__(self, store: Store, platform_secret: str | None = None) -> None:
        self.store = store
        self._platform_secret = platform_secret
        self._in_use: set[str] = set()

    async def answer(self, incoming: Incoming) -> Answer:
        """Answer a call, or do what the fault switches say."""
        fault = take_call(self.store, incoming.method, incoming.path)
        if fault == "drop_before":
            return Answer(hang_up=True)
        try:
            answer = await self._met(incoming, fault)
        except ApiError as error:
            answer = Answer(error.status, json.dumps(shown(error.body())), {"request-id": opaque("req", 14)})
        except Exception:  # noqa: BLE001 - the boundary of the process
            # A bug of the emulator: its caller sees what a broken Stripe looks like, its log says where it is.
            _log.exception("%s %s could not be answered", incoming.method, incoming.path)
            answer = Answer(500, json.dumps(fault_error(500).body()), {"request-id": opaque("req", 14)})
        return Answer(hang_up=True) if fault == "drop_after" else answer

    async def _met(self, incoming: Incoming, fault: str) -> Answer:
        if fault.startswith("status:"):
            raise fault_error(int(fault.removeprefix("status:")))
        params = parse_form(incoming.text)
        return await self._once(
            incoming, params, identify(dict(incoming.headers), params, self._platform_secret), fault
        )

    async def _once(self, incoming: Incoming, params: Json, caller: Caller, fault: str) -> Answer:
        """Answer under the idempotency key: a stored answer is given again, a key in use is refused."""
        given = incoming.headers.get("idempotency-key", "") if incoming.method == "POST" else ""
        if len(given) > KEY_LENGTH_MAX:
            raise ApiError(400, "idempotency_error", "Idempotency keys are at most 255 characters long.")
        key = f"{caller.account}/{caller.key}/{given}" if given else ""
        if key in self._in_use:
            raise key_in_use()
        mark = hashlib.sha256(json.dumps([incoming.method, incoming.path, params], sort_keys=True).encode()).hexdigest()
        stored = self._stored(key, mark) if key else None
        if stored is not None:
            return stored
        if key:
            self._in_use.add(key)
        try:
            if fault.startswith("delay:"):
                await asyncio.sleep(int(fault.removeprefix("delay:")) / 1000)
            return self._answer_new(incoming, params, caller, (key, mark, fault))
        finally:
            self._in_use.discard(key)

    def _stored(self, key: str, mark: str) -> Answer | None:
        oldest = int(time.time()) - KEY_SECONDS_MAX
        row = self.store.db.execute("SELECT * FROM answers WHERE key = ? AND created > ?", (key, oldest)).fetchone()
        if row is None:
            return None
        if row["fingerprint"] != mark:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            raise ApiError(400, "idempotency_error", message)
        again = {"request-id": opaque("req", 14), "idempotent-replayed": "true", "original-request": row["request_id"]}
        return Answer(row["status"], row["body"], again)

    def _answer_new(self, incoming: Incoming, params: Json, caller: Caller, under: tuple[str, str, str]) -> Answer:
        key, mark, fault = under
        request_id = opaque("req", 14)
        refused: ApiError | None = None
        status, body = 200, ""
        try:
            with self.store.transaction():
                try:
                    if fault.startswith("sticky:"):
                        raise fault_error(int(fault.removeprefix("sticky:")))
                    body = json.dumps(self._run(incoming, params, caller, request_id))
                except ApiError as error:
                    if not error.effect:
                        raise
                    refused, status, body = error, error.status, json.dumps(shown(error.body()))
                self._remember(key, mark, (status, body, request_id))
        except ApiError as error:
            refused, status, body = error, error.status, json.dumps(shown(error.body()))
            if error.remembered or fault.startswith("sticky:"):
                self._remember(key, mark, (status, body, request_id))
        code = {"stripe-should-retry": "false"} if refused and refused.status < HTTPStatus.CONFLICT else {}
        return Answer(status, body, {"request-id": request_id, **code})

    def _remember(self, key: str, mark: str, answer: tuple[int, str, str]) -> None:
        if key:
            insert = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)"
            self.store.db.execute(insert, (key, mark, *answer, int(time.time())))

    def _run(self, incoming: Incoming, params: Json, caller: Caller, request_id: str) -> Json:
        endpoint, ids = _route(incoming.method, incoming.path)
        self._admit(endpoint, caller)
        paths = params.get("expand")
        plain = {name: value for name, value in params.items() if name != "expand"}
        only(plain, endpoint.takes)
        origin = (request_id, incoming.headers.get("idempotency-key"))
        call = Call(self.store, plain, ids, account=caller.account, public=caller.public, origin=origin)
        body = endpoint.answer(call)
        if incoming.method != "GET":
            fund_waiting(call)
        expand(self.store, body, paths)
        return dict(shown(body))

    def _admit(self, endpoint: Endpoint, caller: Caller) -> None:
        """Refuse a browser, or a connected account, where it has no business."""
        if caller.public and not endpoint.open_to_browsers:
            message = "This API call cannot be made with a publishable API key. Please use a secret API key."
            raise ApiError(401, "invalid_request_error", message, code="secret_key_required")
        account = self.store.find(caller.account) if caller.account else None
        if caller.account and (account is None or account["object"] != "account"):
            message = (
                f"The provided key does not have access to account '{caller.account}' (or that account does not "
                "exist). Application access may have been revoked."
            )
            raise ApiError(403, "invalid_request_error", message, code="account_invalid")
        if caller.account and not endpoint.open_to_accounts:
            raise invalid("The emulator does not answer this for a connected account: leave out Stripe-Account.")


def _route(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
    found = _ROUTES.find(method, path)
    if found:
        return found
    message = f"Unrecognized request URL ({method}: {path})."
    raise ApiError(404, "invalid_request_error", message, code=None) if path.startswith("/v1") else invalid(message)
