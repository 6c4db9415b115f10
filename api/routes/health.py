"""Health of the API, and the index of its pages."""

from typing import Literal

from typing_extensions import TypedDict

from api.http.guard import guarded_router, public
from api.http.problems import may_answer
from api.http.requests import Deps

router = guarded_router(tags=["health"])


class HealthAnswer(TypedDict):
    """The API can answer; `position` is the position of the read models in the event store."""

    status: Literal["ok"]
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
async def read_health(deps: Deps) -> HealthAnswer:
    """Return 200 when the database answers; Temporal, Stripe and the chain may be unavailable."""
    return {"status": "ok", "position": await deps.queries.position()}


@router.get("/", openapi_extra=may_answer())
@public
async def read_index() -> IndexAnswer:
    """Return the links of this API's own pages."""
    return {"name": "boxoffice", "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}}
