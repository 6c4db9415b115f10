"""Cancelled shows: stop the sale for good, give every order back, follow it, pause it and go on."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from activities.refunds.cancel_show import CancelShow
from api.http.problems import not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import After, Body, Deps, IdInPath, digest_of
from domain.money.breakdown import FeesBorneBy

router = APIRouter(prefix="/api/v1/shows/{show_id}/cancellation", tags=["cancellations"])
RATE_MAX = 1_000.0
Rate = Annotated[float, Field(gt=0, le=RATE_MAX, strict=False)]


class ShowCancellationBody(Body):
    """Who bears the fees of all the refunds, and how many begin in a second at most."""

    fees: FeesBorneBy = "venue"
    rate_per_second: Rate = 20.0


class ResumeBody(Body):
    """Another rate, if it is to be another one."""

    rate_per_second: Rate | None = None


@router.post("", status_code=202)
async def cancel_show(show_id: IdInPath, body: ShowCancellationBody, deps: Deps, response: Response) -> dict[str, Any]:
    """Cancel a show: nothing is sold any more, open holds end, and every order is refunded exactly once.

    The show is the key: the same request again is the same cancellation.
    """
    tenant_id = deps.limits.tenant_id
    command = CancelShow(
        tenant_id=tenant_id, show_id=show_id, body_digest=digest_of(body, show_id), **body.model_dump()
    )
    position = await deps.cancellations.cancel_show(command)
    await deps.engine.start_cancellation(tenant_id, show_id)
    return _answer(show_id, "refunding", position, response)


@router.post("/pause", status_code=202)
async def pause(show_id: IdInPath, deps: Deps, response: Response) -> dict[str, Any]:
    """Begin no further refund; those under way go on."""
    position = await deps.cancellations.pause(show_id)
    await deps.engine.cancellation_news(show_id)
    return _answer(show_id, "paused", position, response)


@router.post("/resume", status_code=202)
async def resume(show_id: IdInPath, body: ResumeBody, deps: Deps, response: Response) -> dict[str, Any]:
    """Go on, at another rate if one is given."""
    position = await deps.cancellations.resume(show_id, body.rate_per_second)
    await deps.engine.cancellation_news(show_id)
    return _answer(show_id, "refunding", position, response)


@router.get("")
async def read_cancellation(show_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return how far it has come: orders, given back, residue, amounts; exact as of the events that are read."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.cancelled.cancellation, show_id)
    if found is None:
        raise not_found("cancellation of show", show_id)
    return {**found, "stale": stale}


def _answer(show_id: str, state: str, position: int, response: Response) -> dict[str, Any]:
    response.headers["Location"] = f"/api/v1/shows/{show_id}/cancellation?after={position}"
    return {"show_id": show_id, "state": state}
