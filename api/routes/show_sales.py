"""The sales of a show over time, and how far the tokens of its tickets are."""

from typing import Annotated

from fastapi import Query

from api.http.guard import guarded_router, needs
from api.http.problems import NOT_FOUND, may_answer
from api.http.read_your_writes import require, wait_for_position
from api.http.requests import After, Deps, ShowId
from domain.views.catalog import SalesUnit, ShowSales

router = guarded_router(prefix="/api/v1/shows", tags=["shows"])


class SalesAnswer(ShowSales):
    """The sales and tokens of a show; an empty `time_zone` is UTC.

    `stale` is true when the answer may lack the event that was waited for.
    """

    show_id: str
    currency: str
    time_zone: str
    stale: bool


@router.get("/{show_id}/sales", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "operate")
async def read_show_sales(
    show_id: ShowId,
    deps: Deps,
    by: Annotated[SalesUnit, Query(description="Length of a period.", examples=["day"])] = "day",
    after: After = 0,
) -> SalesAnswer:
    """Return what a show sold in each hour or day of its time zone, and how many of its tickets have their tokens.

    Refunds are not taken off: the venue's statement has them.
    """
    stale = await wait_for_position(deps.queries, after)
    show = await require("show", deps.queries, deps.queries.show, show_id)
    found = await deps.queries.sales(show, by)
    return {**found, "show_id": show_id, "currency": show["currency"], "time_zone": show["time_zone"], "stale": stale}
