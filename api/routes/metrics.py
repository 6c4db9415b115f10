"""Metrics of this process, for Prometheus."""

from fastapi import Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from api.http.guard import guarded_router, needs
from api.http.limits.declared import limited
from api.http.problems import NOT_FOUND, Problem, may_answer
from api.http.requests import Deps

router = guarded_router(tags=["health"])
POSITION = Gauge("boxoffice_read_model_position", "Position of the last event in the read models")


@router.get(
    "/metrics",
    openapi_extra=may_answer(NOT_FOUND),
    response_class=PlainTextResponse,
    responses={200: {"description": "Metrics in Prometheus' text format."}},
)
@needs("operate")
@limited(rate="health")
async def read_metrics(deps: Deps) -> Response:
    """Return the metrics in Prometheus' text format, where the deployment serves them."""
    if not deps.limits.metrics:
        raise Problem(NOT_FOUND, "this deployment serves no metrics")
    POSITION.set(await deps.queries.position())
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
