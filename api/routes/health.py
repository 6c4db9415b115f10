"""Health: whether the API can answer, and where everything is."""

from typing import Any

from fastapi import APIRouter

from api.http.requests import Deps

router = APIRouter(tags=["health"])


@router.get("/health")
async def health(deps: Deps) -> dict[str, Any]:
    """Return 200 with the read models' position when the database answers; the engine may be away."""
    return {"status": "ok", "position": await deps.queries.position()}


@router.get("/")
async def index() -> dict[str, Any]:
    """Return where to look."""
    return {"name": "boxoffice", "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}}
