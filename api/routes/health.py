"""Health of the API, and the index of its pages."""

from typing import Any, Literal

from fastapi import Request
from fastapi.responses import RedirectResponse
from typing_extensions import TypedDict

from api.http.guard import guarded_router, public
from api.http.limits.declared import limited
from api.http.manners import prefers
from api.http.problems import may_answer
from api.http.requests import Deps

router = guarded_router(tags=["health"])
READY_SECONDS = 2.0


class HealthAnswer(TypedDict):
    """The API can answer; `position` is the position of the read models in the event store."""

    status: Literal["ok"]
    position: int


class LiveAnswer(TypedDict):
    """The process answers requests."""

    status: Literal["live"]


class ReadyAnswer(TypedDict):
    """The database answers; `position` is the position of the read models in the event store."""

    status: Literal["ready"]
    position: int


class IndexLinks(TypedDict):
    """Paths of this API's own pages."""

    docs: str
    openapi: str
    health: str


class IndexAnswer(TypedDict):
    """The name of the service and its links."""

    name: str
    links: IndexLinks


@router.get("/health", openapi_extra=may_answer())
@public
@limited(rate="health")
async def read_health(deps: Deps) -> HealthAnswer:
    """Return 200 when the database answers; Temporal, Stripe and the chain may be unavailable."""
    return {"status": "ok", "position": await deps.queries.position()}


@router.get("/health/live", openapi_extra=may_answer())
@public
@limited(rate=None)  # the counters may be in a database that is away
async def read_liveness() -> LiveAnswer:
    """Return 200 while the process answers requests; it asks nothing else. Restart a process that does not answer."""
    return {"status": "live"}


@router.get("/health/ready", openapi_extra=may_answer())
@public
@limited(rate="health", seconds=READY_SECONDS)
async def read_readiness(deps: Deps) -> ReadyAnswer:
    """Return 200 when the database answers within two seconds, 503 otherwise: send no requests here meanwhile."""
    return {"status": "ready", "position": await deps.queries.position()}


@router.get(
    "/",
    response_model=IndexAnswer,
    responses={303: {"description": "To a browser: the shop is at `Location`."}},
    openapi_extra=may_answer(),
)
@public
async def read_index(request: Request, deps: Deps) -> Any:
    """Return the links of this API's own pages; a browser is sent to the shop, where one is served."""
    if deps.shop.tenant_id and prefers(request.headers.get("accept", ""), "text/html", "application/json"):
        return RedirectResponse("/shows", 303)
    return {"name": "boxoffice", "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}}
