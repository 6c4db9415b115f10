"""Problems: every refusal, bad input and failure as RFC 9457 problem details with a stable `type`."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from domain.core import errors as refusals
from domain.core.errors import Refusal
from domain.core.transient import OverloadedError, TransientError

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
URN = "urn:boxoffice:problem:"
RETRY_AFTER_SECONDS = "2"
ERRORS_SHOWN_MAX = 20
STATUS_OF = {
    kind.code: kind.http_status
    for kind in vars(refusals).values()
    if isinstance(kind, type) and issubclass(kind, Refusal)
}
CODE_OF = {
    HTTPStatus.BAD_REQUEST: "malformed-body",
    HTTPStatus.UNAUTHORIZED: "unauthorised",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
}


class Problem(Exception):  # noqa: N818 - an answer, not an error
    """An answer that is a problem; `code` is stable and public."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.more = more


def refused(code: str, detail: str | None) -> Problem:
    """Return the problem of a refusal that a workflow reported by its code."""
    return Problem(STATUS_OF.get(code, int(HTTPStatus.CONFLICT)), code, detail or code)


def not_found(kind: str, identity: str) -> Problem:
    """Return the problem of a thing that does not exist (or is not known here yet)."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", f"there is no {kind} {identity}")


def answer(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem as a response."""
    body = {
        "type": URN + problem.code,
        "title": HTTPStatus(problem.status).phrase,
        "status": int(problem.status),
        "detail": problem.detail,
        **problem.more,
    }
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Let every exception of the app leave as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(TransientError, _transient)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _bug)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Problem):
        raise error
    return answer(error)


async def _refusal(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Refusal):
        raise error
    return answer(Problem(error.http_status, error.code, str(error), values=error.data))


async def _transient(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OverloadedError):
        full = Problem(
            HTTPStatus.TOO_MANY_REQUESTS, "busy", "more people ask than can be answered now; nothing was done"
        )
        return answer(full, {"Retry-After": RETRY_AFTER_SECONDS})
    log.warning("transient error: %s", error)
    problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "try-again", "a part of the system is away; try again soon")
    return answer(problem, {"Retry-After": RETRY_AFTER_SECONDS})


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    errors: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    if any(item["type"] == "json_invalid" for item in errors):
        return answer(Problem(HTTPStatus.BAD_REQUEST, "malformed-body", "the body is not JSON"))
    shown = [
        {"where": [str(part) for part in item["loc"]], "why": str(item["msg"])} for item in errors[:ERRORS_SHOWN_MAX]
    ]
    detail = "the request does not have the right shape"
    return answer(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", detail, errors=shown))


async def _http(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = CODE_OF.get(HTTPStatus(error.status_code), "refused")
    headers = dict(error.headers) if error.headers else None
    return answer(Problem(error.status_code, code, str(error.detail)), headers)


async def _left(_: Request, error: Exception) -> JSONResponse:
    log.info("a client left before it had said all: %s", type(error).__name__)
    return answer(Problem(HTTPStatus.BAD_REQUEST, "incomplete-body", "the request ended before its body did"))


async def _bug(_: Request, error: Exception) -> JSONResponse:
    log.error("a request failed in a way that nobody foresaw: %s", type(error).__name__)
    return answer(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "something is broken on our side"))
