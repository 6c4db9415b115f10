"""Answers a call: fault rule, caller, idempotency key, endpoint, in one transaction."""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from devstack.stripe.balance import balance_transactions
from devstack.stripe.connect import accounts, payouts, reversals, transfers
from devstack.stripe.connect.access import check_access
from devstack.stripe.core.calls import Call, Endpoint, Routes, public_view
from devstack.stripe.core.errors import ApiError, Json, invalid
from devstack.stripe.core.faults import take_call_fault
from devstack.stripe.core.forms import parse_form, reject_unknown
from devstack.stripe.core.listing import expand
from devstack.stripe.core.store import Store, new_id
from devstack.stripe.disputes import disputes
from devstack.stripe.http.credentials import Caller, identify
from devstack.stripe.payments import charges, intents
from devstack.stripe.refunds import refunds
from devstack.stripe.refunds.refund_switches import pay_waiting_refunds
from devstack.stripe.webhooks import events, webhook_endpoints

KEY_SECONDS_MAX = 24 * 3600
KEY_LENGTH_MAX = 255
ENDPOINTS: tuple[Endpoint, ...] = (
    *intents.ENDPOINTS, *charges.ENDPOINTS, *refunds.ENDPOINTS, *disputes.ENDPOINTS, *accounts.ENDPOINTS,
    *reversals.ENDPOINTS, *transfers.ENDPOINTS, *payouts.ENDPOINTS, *balance_transactions.ENDPOINTS, *events.ENDPOINTS,
    *webhook_endpoints.ENDPOINTS,
)  # fmt: skip
_log = logging.getLogger(__name__)
_ROUTES = Routes(ENDPOINTS)


@dataclass(frozen=True)
class ApiRequest:
    """An HTTP request to the API; header names are in lower case."""

    method: str
    path: str
    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class ApiResponse:
    """The HTTP response; `hang_up` closes the connection instead."""

    status: int = 200
    body: str = "{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


def fault_error(status: int) -> ApiError:
    """Return the error of a fault rule."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ApiError(status, "invalid_request_error", "Request rate limit exceeded.", code="rate_limit")
    if status == HTTPStatus.CONFLICT:
        return key_in_use()
    kind = "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return ApiError(status, kind, "An emulated error.")


def key_in_use() -> ApiError:
    """Return the 409 for a key whose first call is still running."""
    message = "There is currently another in-progress request using this Idempotent Key."
    return ApiError(409, "idempotency_error", message, code="idempotency_key_in_use")


class Engine:
    """Answers calls one at a time from the store; keys in use live only in memory."""

    def __init__(self, store: Store, platform_secret: str | None = None) -> None:
        self.store = store
        self._platform_secret = platform_secret
        self._in_use: set[str] = set()

    async def answer(self, request: ApiRequest) -> ApiResponse:
        """Answer a call, or apply its fault rule."""
        fault = take_call_fault(self.store, request.method, request.path)
        if fault == "drop_before":
            return ApiResponse(hang_up=True)
        try:
            answer = await self._answer_with_fault(request, fault)
        except ApiError as error:
            answer = ApiResponse(error.status, json.dumps(public_view(error.body())), {"request-id": new_id("req", 14)})
        except Exception:  # noqa: BLE001 - the boundary of the process
            # A bug of the emulator: the caller gets a 500 as from a broken Stripe, the log gets the traceback.
            _log.exception("%s %s could not be answered", request.method, request.path)
            answer = ApiResponse(500, json.dumps(fault_error(500).body()), {"request-id": new_id("req", 14)})
        return ApiResponse(hang_up=True) if fault == "drop_after" else answer

    async def _answer_with_fault(self, request: ApiRequest, fault: str) -> ApiResponse:
        if fault.startswith("status:"):
            raise fault_error(int(fault.removeprefix("status:")))
        params = parse_form(request.text)
        return await self._answer_once(
            request, params, identify(dict(request.headers), params, self._platform_secret), fault
        )

    async def _answer_once(self, request: ApiRequest, params: Json, caller: Caller, fault: str) -> ApiResponse:
        """Answer under the idempotency key: replay a stored response, refuse a key in use."""
        given = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        if len(given) > KEY_LENGTH_MAX:
            raise ApiError(400, "idempotency_error", "Idempotency keys are at most 255 characters long.")
        key = f"{caller.account}/{caller.key}/{given}" if given else ""
        if key in self._in_use:
            raise key_in_use()
        fingerprint = hashlib.sha256(
            json.dumps([request.method, request.path, params], sort_keys=True).encode()
        ).hexdigest()
        stored = self._stored_response(key, fingerprint) if key else None
        if stored is not None:
            return stored
        if key:
            self._in_use.add(key)
        try:
            if fault.startswith("delay:"):
                await asyncio.sleep(int(fault.removeprefix("delay:")) / 1000)
            return self._execute(request, params, caller, (key, fingerprint, fault))
        finally:
            self._in_use.discard(key)

    def _stored_response(self, key: str, fingerprint: str) -> ApiResponse | None:
        oldest = int(time.time()) - KEY_SECONDS_MAX
        row = self.store.db.execute("SELECT * FROM answers WHERE key = ? AND created > ?", (key, oldest)).fetchone()
        if row is None:
            return None
        if row["fingerprint"] != fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            raise ApiError(400, "idempotency_error", message)
        again = {"request-id": new_id("req", 14), "idempotent-replayed": "true", "original-request": row["request_id"]}
        return ApiResponse(row["status"], row["body"], again)

    def _execute(self, request: ApiRequest, params: Json, caller: Caller, context: tuple[str, str, str]) -> ApiResponse:
        key, fingerprint, fault = context
        request_id = new_id("req", 14)
        refused: ApiError | None = None
        status, body = 200, ""
        try:
            with self.store.transaction():
                try:
                    if fault.startswith("sticky:"):
                        raise fault_error(int(fault.removeprefix("sticky:")))
                    body = json.dumps(self._run(request, params, caller, request_id))
                except ApiError as error:
                    if not error.effect:
                        raise
                    refused, status, body = error, error.status, json.dumps(public_view(error.body()))
                self._store_response(key, fingerprint, (status, body, request_id))
        except ApiError as error:
            refused, status, body = error, error.status, json.dumps(public_view(error.body()))
            if error.is_stored or fault.startswith("sticky:"):
                self._store_response(key, fingerprint, (status, body, request_id))
        code = {"stripe-should-retry": "false"} if refused and refused.status < HTTPStatus.CONFLICT else {}
        return ApiResponse(status, body, {"request-id": request_id, **code})

    def _store_response(self, key: str, fingerprint: str, answer: tuple[int, str, str]) -> None:
        if key:
            insert = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)"
            self.store.db.execute(insert, (key, fingerprint, *answer, int(time.time())))

    def _run(self, request: ApiRequest, params: Json, caller: Caller, request_id: str) -> Json:
        endpoint, ids = _route(request.method, request.path)
        self._admit(endpoint, caller)
        paths = params.get("expand")
        plain = {name: value for name, value in params.items() if name != "expand"}
        reject_unknown(plain, endpoint.takes)
        origin = (request_id, request.headers.get("idempotency-key"))
        call = Call(self.store, plain, ids, account=caller.account, public=caller.public, origin=origin)
        body = endpoint.answer(call)
        if request.method != "GET":
            pay_waiting_refunds(call)
        expand(self.store, body, paths)
        return dict(public_view(body))

    def _admit(self, endpoint: Endpoint, caller: Caller) -> None:
        """Refuse browsers and connected accounts at endpoints that are not open to them."""
        if caller.public and not endpoint.open_to_browsers:
            message = "This API call cannot be made with a publishable API key. Please use a secret API key."
            raise ApiError(401, "invalid_request_error", message, code="secret_key_required")
        if caller.account:
            check_access(self.store, caller.account)
        if caller.account and not endpoint.open_to_accounts:
            raise invalid("The emulator does not answer this for a connected account: leave out Stripe-Account.")


def _route(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
    found = _ROUTES.find(method, path)
    if found:
        return found
    message = f"Unrecognized request URL ({method}: {path})."
    raise ApiError(404, "invalid_request_error", message, code=None) if path.startswith("/v1") else invalid(message)
