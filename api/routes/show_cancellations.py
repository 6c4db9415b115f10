"""Cancelled shows: stop the sale for good, give every order back, follow it, pause it and go on."""

from typing import Annotated, Any, Literal

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import Field
from typing_extensions import TypedDict

from activities.core.ports import Committed
from activities.refunds.cancel_show import CancelShow
from api.http.guard import Caller, guarded_router, needs
from api.http.problems import NOT_FOUND, may_answer
from api.http.read_your_writes import require, wait_for_position
from api.http.requests import After, Body, Deps, ShowId, about, digest_of
from domain.catalog.show_cancellation import ShowCancellationState
from domain.core.errors import KeyReused, UnknownSubject
from domain.money.breakdown import FeesBorneBy
from domain.views.show_cancellation import CancellationStatus

router = guarded_router(prefix="/api/v1/shows/{show_id}/cancellation", tags=["show cancellations"])
RATE_MAX = 1_000.0
Rate = Annotated[float, Field(gt=0, le=RATE_MAX, strict=False)]


class ShowCancellationBody(Body):
    """Terms of the refunds of a cancelled show."""

    fees: Annotated[FeesBorneBy, about("Who bears both fees of every refund.", "venue")] = "venue"
    rate_per_second: Annotated[Rate, about("Refunds that begin per second, at most.", 20.0)] = 20.0


class ResumeBody(Body):
    """The rate to go on with."""

    rate_per_second: Annotated[
        Rate | None, about("Refunds that begin per second from now on; null keeps the rate.", 7.5)
    ] = None


class CancellationAccepted(TypedDict):
    """The change was recorded; `Location` names the page that follows it."""

    show_id: str
    state: Literal["refunding", "paused"]


class CancellationFinished(TypedDict):
    """Every order of the show has been given back: there is nothing to change."""

    show_id: str
    state: Literal["finished"]


class CancellationAnswer(CancellationStatus):
    """A cancelled show and its progress; `stale` is true when the answer may lack the event that was waited for."""

    stale: bool


ANSWERS: dict[str, Any] = {
    "status_code": 202,
    "response_model": CancellationAccepted,
    "responses": {200: {"model": CancellationFinished, "description": "The cancellation had finished before."}},
}


@router.post("", **ANSWERS, openapi_extra=may_answer(UnknownSubject, KeyReused))
@needs("refund")
async def cancel_show(show_id: ShowId, body: ShowCancellationBody, deps: Deps, caller: Caller) -> Response:
    """Cancel a show: sales stop, open holds end, and every order is refunded exactly once.

    The show is the key: the same request again is the same cancellation; other terms are 409.
    """
    tenant_id = caller.tenant_id
    command = CancelShow(
        tenant_id=tenant_id, show_id=show_id, body_digest=digest_of(body, show_id), **body.model_dump()
    )
    changed = await deps.cancellations.cancel_show(command)
    await deps.engine.start_cancellation(tenant_id, await deps.catalog.about(show_id))
    return _answer(show_id, changed)


@router.post("/pause", **ANSWERS, openapi_extra=may_answer(UnknownSubject))
@needs("refund")
async def pause_cancellation(show_id: ShowId, deps: Deps) -> Response:
    """Begin no further refund; those under way go on."""
    changed = await deps.cancellations.pause(show_id)
    await deps.engine.cancellation_news(show_id)
    return _answer(show_id, changed)


@router.post("/resume", **ANSWERS, openapi_extra=may_answer(UnknownSubject))
@needs("refund")
async def resume_cancellation(show_id: ShowId, body: ResumeBody, deps: Deps) -> Response:
    """Begin refunds again, at another rate if one is given."""
    changed = await deps.cancellations.resume(show_id, body.rate_per_second)
    await deps.engine.cancellation_news(show_id)
    return _answer(show_id, changed)


@router.get("", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "refund", "operate")
async def read_cancellation(show_id: ShowId, deps: Deps, after: After = 0) -> CancellationAnswer:
    """Return the progress of a cancelled show: orders, refunds, residue and amounts, in exact numbers."""
    stale = await wait_for_position(deps.queries, after)
    found = await require("cancellation of show", deps.queries, deps.cancelled.cancellation, show_id)
    return {**found, "stale": stale}


def _answer(show_id: str, changed: Committed[ShowCancellationState]) -> Response:
    location = f"/api/v1/shows/{show_id}/cancellation?after={changed.position}"
    status = 200 if changed.value == "finished" else 202
    return JSONResponse({"show_id": show_id, "state": changed.value}, status, {"Location": location})
