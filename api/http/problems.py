"""Problems: every refusal, bad input and failure as RFC 9457 problem details with a stable `type`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from domain.core import errors as refusals
from domain.core.errors import Refusal, UnknownSubject
from domain.core.transient import OverloadedError, TransientError

log = logging.getLogger(__name__)
REFUSALS_COUNT = Counter("boxoffice_refusals", "Requests that were answered with a problem, by its code", ("code",))
MEDIA_TYPE = "application/problem+json"
URN = "urn:boxoffice:problem:"
RETRY_AFTER = {"Retry-After": "2"}
ERRORS_SHOWN_MAX = 20
KEY_HEADER = "Idempotency-Key"
DECLARED = "x-problems"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Some problems are answered outside the app's middleware, which sets these for every other answer.
UNSTORED = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
CHALLENGE = 'Bearer realm="boxoffice"'


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem: its stable code and status, when it occurs, and what the client can do."""

    code: str
    status: int
    when: str
    remedy: str

    @property
    def urn(self) -> str:
        """The `type` of its problem details."""
        return URN + self.code


def type_of(refusal: type[Refusal]) -> ProblemType:
    """Return the problem type of a refusal; the first paragraph of its docstring says when it occurs."""
    when = " ".join((refusal.__doc__ or "").partition("\n\n")[0].split())
    return ProblemType(refusal.code, refusal.http_status, when, refusal.remedy)


NOT_FOUND = type_of(UnknownSubject)
REFUSED = ProblemType("refused", 409, "A rule that this version does not know rejected the request.", Refusal.remedy)
INVALID_REQUEST = ProblemType(
    "invalid-request",
    422,
    "The body or a parameter does not match the schema.",
    "Correct the fields that `errors` names.",
)
MALFORMED_BODY = ProblemType("malformed-body", 400, "The body is not valid JSON.", "Send valid JSON in UTF-8.")
INCOMPLETE_BODY = ProblemType(
    "incomplete-body", 400, "The connection closed before the whole body arrived.", "Send the request again."
)
KEY_MISSING = ProblemType(
    "idempotency-key-missing",
    400,
    f"The request has no {KEY_HEADER} header.",
    "Generate one key per intended change and send the same key with every retry of it.",
)
KEY_INVALID = ProblemType(
    "idempotency-key-invalid",
    400,
    f"The {KEY_HEADER} is not 1 to 255 printable ASCII characters.",
    "Use a UUID, for example.",
)
UNAUTHORISED = ProblemType(
    "unauthorised",
    401,
    "The API key is missing, unknown, expired or revoked.",
    "Send `Authorization: Bearer <key>`; `boxoffice keys` creates keys.",
)
FORBIDDEN = ProblemType(
    "forbidden",
    403,
    "The API key does not have the scope that this request needs.",
    "Use a key with one of the scopes that `detail` names.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed", 405, "The path exists, but not with this method.", "See the `Allow` header."
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout", 408, "The whole request did not arrive in time.", "Send it again, faster, with the same key."
)
PAYLOAD_TOO_LARGE = ProblemType(
    "payload-too-large", 413, "The body is longer than its limit, which `detail` names.", "Send a shorter body."
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    415,
    "The body is not declared as JSON.",
    "Send JSON with the header `Content-Type: application/json`.",
)
RATE_LIMITED = ProblemType(
    "rate-limited",
    429,
    "This key or address sent more requests than its limit allows; nothing was read or changed.",
    "Retry with the same key after the delay in `Retry-After`.",
)
BUSY = ProblemType(
    "busy",
    429,
    "The service is overloaded or has too many connections; nothing was reserved or changed.",
    "Retry with the same key after the delay in `Retry-After`.",
)
TRY_AGAIN = ProblemType(
    "try-again",
    503,
    "A part of the system is unavailable; the change may or may not have happened.",
    "Retry with the same key after the delay in `Retry-After`.",
)
INTERNAL_ERROR = ProblemType(
    "internal-error", 500, "The service failed in an unexpected way.", "Report it; a retry with the same key is safe."
)
REFUSALS = {
    kind.code: type_of(kind)
    for kind in vars(refusals).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
}
PROBLEM_TYPES = REFUSALS | {
    kind.code: kind for kind in tuple(globals().values()) if isinstance(kind, ProblemType) and kind != NOT_FOUND
}
TYPE_OF_STATUS = {
    HTTPStatus.BAD_REQUEST: MALFORMED_BODY,
    HTTPStatus.UNAUTHORIZED: UNAUTHORISED,
    HTTPStatus.FORBIDDEN: FORBIDDEN,
    HTTPStatus.NOT_FOUND: NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED,
}


def may_answer(*kinds: type[Refusal] | ProblemType) -> dict[str, Any]:
    """Declare the problem types of an operation, as the `openapi_extra` of its route.

    Problems that follow from its parameters, body and security are declared by `api.described`.
    """
    types = [kind if isinstance(kind, ProblemType) else type_of(kind) for kind in kinds]
    return {DECLARED: [kind.code for kind in types]}


class Problem(Exception):  # noqa: N818 - an answer, not an error
    """An answer that is a problem of this type; `more` are further members of its body."""

    def __init__(self, kind: ProblemType, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.more = more


def refused(code: str, detail: str | None, **values: str | None) -> Problem:
    """Return the problem of a refusal that a workflow reported by its code, with the values that it named."""
    named = {name: value for name, value in values.items() if value is not None}
    return Problem(REFUSALS.get(code, REFUSED), detail or code, **({"values": named} if named else {}))


def not_found(kind: str, identity: str) -> Problem:
    """Return the problem of a resource that does not exist (or is not known here yet)."""
    return Problem(NOT_FOUND, f"{kind} {identity} does not exist")


def answer(problem: Problem) -> Response:
    """Return a problem as a response."""
    return _response(problem.kind, problem.kind.status, problem.detail, problem.more, problem.headers)


def _response(
    kind: ProblemType, status: int, detail: str, more: dict[str, Any], headers: dict[str, str] | None
) -> Response:
    REFUSALS_COUNT.labels(kind.code).inc()
    title = HTTPStatus(status).phrase
    headers = {**UNSTORED, **(headers or {})}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = CHALLENGE
    body = {"type": kind.urn, "title": title, "status": status, "detail": detail, **more}
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Answer every exception of the app with a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(TransientError, _transient)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _bug)


async def _problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return answer(error)


async def _refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return refusal_answer(error)


def refusal_answer(refusal: Refusal) -> Response:
    """Return a refusal as a response."""
    return answer(Problem(REFUSALS.get(refusal.code, REFUSED), str(refusal), values=refusal.data))


async def _transient(request: Request, error: Exception) -> Response:
    return answer(unavailable(error, _id_of(request)))


def unavailable(error: Exception, request_id: str | None = None) -> Problem:
    """Return the problem of a transient error."""
    if isinstance(error, OverloadedError):
        return Problem(BUSY, "overloaded; nothing was reserved, retry after the given delay", headers=RETRY_AFTER)
    log.warning("transient error in request %s: %s", request_id, error)
    return Problem(TRY_AGAIN, "a part of the system is unavailable; retry after the given delay", headers=RETRY_AFTER)


async def _invalid(request: Request, error: Exception) -> Response:
    errors: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    if not _is_json(request) and any(item["loc"][0] == "body" and item["type"] != "missing" for item in errors):
        return answer(Problem(UNSUPPORTED_MEDIA_TYPE, "the body must be declared as application/json"))
    if any(item["type"] == "json_invalid" for item in errors):
        return answer(Problem(MALFORMED_BODY, "the body is not valid JSON"))
    for item in errors:
        if tuple(item["loc"]) == ("header", KEY_HEADER):
            return answer(_bad_key(item["type"]))
    shown = [
        {"where": [str(part) for part in item["loc"]], "why": str(item["msg"])} for item in errors[:ERRORS_SHOWN_MAX]
    ]
    return answer(Problem(INVALID_REQUEST, "the request does not match the schema; see errors", errors=shown))


def _is_json(request: Request) -> bool:
    """Return whether FastAPI reads the body as JSON; any other body reaches validation as bytes."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _bad_key(why: str) -> Problem:
    if why in {"missing", "string_too_short"}:
        return Problem(KEY_MISSING, f"this request needs an {KEY_HEADER} header")
    return Problem(KEY_INVALID, f"an {KEY_HEADER} has 1 to 255 printable ASCII characters")


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    kind = TYPE_OF_STATUS.get(HTTPStatus(error.status_code), REFUSED)
    headers = dict(error.headers) if error.headers else None
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(sorted(methods_of(request)))}
    return _response(kind, error.status_code, str(error.detail), {}, headers)


def methods_of(request: Request) -> set[str]:
    """Return all methods of a request's path; the route that refused the method knows only its own."""
    methods = {
        method
        for method in METHODS
        for route in request.app.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    }
    return methods | ({"HEAD"} if "GET" in methods else set())


async def _left(request: Request, error: Exception) -> Response:
    log.info("client disconnected in the middle of request %s: %s", _id_of(request), type(error).__name__)
    return answer(Problem(INCOMPLETE_BODY, "the connection closed before the whole body arrived"))


async def _bug(request: Request, error: Exception) -> Response:
    log.error("unexpected error in request %s: %s", _id_of(request), type(error).__name__)
    return answer(Problem(INTERNAL_ERROR, "the service failed in an unexpected way"))


def _id_of(request: Request) -> str | None:
    """Return the id that the access log gave the request; None in an app without one."""
    request_id: str | None = request.scope.get("state", {}).get("request_id")
    return request_id
