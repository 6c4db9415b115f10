"""HTTP client of the API tests: an answer that the OpenAPI document does not declare fails the test."""

import json
import re
from collections.abc import Awaitable, Callable
from copy import copy
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from starlette.datastructures import State
from starlette.routing import compile_path

from api.app import described_app, serve
from api.described import DescribedApp
from api.http.guard import GuardedRoute
from api.ports import Dependencies
from api.shop import crash, docs, door, pages
from api.shop.venue import pages as venue_pages

EVERY_SCOPE = "bo_dev_tests_every-scope"  # a key with every scope, of the default tenant
BASE_URL = "http://boxoffice"
UNROUTED = {404, 405}


class UndeclaredAnswerError(AssertionError):
    """An answer that the OpenAPI document does not declare."""


@cache
def routed() -> DescribedApp:
    """Return the app of this process that nobody serves."""
    return described_app()


def unserved_app() -> DescribedApp:
    """Return an app with the routes of every other one, for `serve`; what a test adds to it is its own.

    FastAPI prepares a route at its first request, for tens of milliseconds. Only a test that adds a route makes an app.
    """
    app = copy(routed())
    app.state = State()
    app.user_middleware = list(app.user_middleware)
    app.exception_handlers = dict(app.exception_handlers)
    return app


def app_over(deps: Dependencies) -> DescribedApp:
    """Return the app over these dependencies, with the routes of every other one."""
    app = unserved_app()
    serve(app, deps)
    return app


def api_client(
    app: FastAPI, *, key: str = EVERY_SCOPE, raise_app_exceptions: bool = False, address: str = "127.0.0.1"
) -> httpx.AsyncClient:
    """Return a client of an app in this process, with a key ("" for none) and every answer checked."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=raise_app_exceptions, client=(address, 1))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    hooks = {"response": [check_answer]}
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers, event_hooks=hooks)


async def check_answer(answer: httpx.Response) -> None:
    """Fail when the status, the content type or the content of an answer is not declared for its operation."""
    await answer.aread()
    check(answer.request.method, answer.request.url.path, answer)


def answers_of(api_url: str) -> Callable[[httpx.Response], Awaitable[None]]:
    """Return a hook that checks the answers of a served API, except open event streams."""

    async def check_unless_stream(answer: httpx.Response) -> None:
        is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
        if str(answer.request.url).startswith(api_url) and not is_stream:
            await check_answer(answer)

    return check_unless_stream


def check(method: str, path: str, answer: httpx.Response) -> None:
    """Fail unless the OpenAPI document declares this answer."""
    operation = operation_of("GET" if method == "HEAD" else method, path)
    if operation is None:
        if answer.status_code not in UNROUTED and path not in OWN_PAGES and not is_page(path):
            raise UndeclaredAnswerError(f"{method} {path} is no operation and answers {answer.status_code}")
        return
    name = operation["operationId"]
    declared = operation["responses"].get(str(answer.status_code))
    if declared is None:
        raise UndeclaredAnswerError(f"{name} does not declare {answer.status_code}: {answer.text}")
    content = declared.get("content", {})
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if not content and not answer.content:
        return
    if media_type not in content:
        raise UndeclaredAnswerError(f"{name} does not declare {media_type} for {answer.status_code}")
    for value in _values(media_type, answer) if method != "HEAD" else ():
        _check_value(f"{name} {answer.status_code}", content[media_type]["schema"], value)


OWN_PAGES = {"/openapi.json"}


def is_page(path: str) -> bool:
    """Return whether a path is that of a page for people, which is no operation of the API."""
    return any(pattern.fullmatch(path) for pattern in _pages())


@cache
def _pages() -> list[re.Pattern[str]]:
    routes = [route for shown in (pages, crash, docs, door, venue_pages) for route in shown.router.routes]
    return [compile_path(route.path)[0] for route in routes if isinstance(route, GuardedRoute)]


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Return the operation of a request; None without one."""
    for pattern, operations in _paths():
        if pattern.fullmatch(path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of the app."""
    described: dict[str, Any] = routed().openapi()
    return described


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    by_length = sorted(document()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations) for path, operations in by_length]


@cache
def _closed_components() -> dict[str, Any]:
    components: dict[str, Any] = closed(document()["components"])
    return components


def closed(schema: Any) -> Any:
    """Return the schema with undeclared fields of objects refused."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    fields = {key: closed(value) for key, value in schema.items()}
    if fields.get("type") == "object" and "properties" in fields:
        fields.setdefault("additionalProperties", False)
    return fields


def _values(media_type: str, answer: httpx.Response) -> list[Any]:
    """Return the values that the schema describes: the body, or the data of each event of a stream."""
    if media_type.endswith("json"):
        return [answer.json()]
    if media_type == "text/event-stream":
        return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    return [answer.text]


@cache
def _validator(schema: str) -> Draft202012Validator:
    """Return the validator of a schema, which is given as JSON."""
    return Draft202012Validator({**closed(json.loads(schema)), "components": _closed_components()})


def _check_value(where: str, schema: dict[str, Any], value: Any) -> None:
    for error in _validator(json.dumps(schema)).iter_errors(value):
        raise UndeclaredAnswerError(f"{where}: {error.json_path}: {error.message}")
