"""Metrics: what Prometheus scrapes of this process."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from api.http.problems import Problem
from api.http.requests import Deps

router = APIRouter(tags=["health"])
POSITION = Gauge("boxoffice_read_model_position", "Position of the last event that the read models contain")


@router.get("/metrics")
async def metrics(deps: Deps) -> Response:
    """Return the metrics in Prometheus' text format, where the deployment serves them."""
    if not deps.limits.metrics:
        raise Problem(404, "not-found", "this deployment serves no metrics")
    POSITION.set(await deps.queries.position())
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
