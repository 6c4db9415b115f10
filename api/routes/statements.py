"""Statements and taxes: of a venue, for its bookkeeper, and of the platform."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from typing_extensions import TypedDict

from api.http.guard import Caller, guarded_router, needs
from api.http.manners import prefers
from api.http.problems import FORBIDDEN, NOT_FOUND, Problem, may_answer
from api.http.read_your_writes import require, wait_for_position
from api.http.requests import After, Dates, Deps, VenueId
from domain.core.ids import DEFAULT_TENANT
from domain.money.csv_table import csv_of
from domain.money.platform_statement import PLATFORM_COLUMNS, PlatformStatement
from domain.money.statement import (
    COLUMNS,
    CURSOR_PATTERN,
    LINES_MAX,
    LineCursor,
    Statement,
    StatementQuery,
    TaxSum,
)

router = guarded_router(prefix="/api/v1", tags=["venues"])
CSV, JSON = "text/csv", "application/json"
CSV_TOO: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}
P = TypeVar("P", Statement, PlatformStatement)
Read = Callable[[StatementQuery], Awaitable[P]]


class StatementAnswer(Statement):
    """A venue's statement; `stale` is true when the answer may lack the event that was waited for."""

    stale: bool


class TaxAnswer(TypedDict):
    """The tax of a venue's sales in a period; `stale` is true when the answer may lack the event waited for."""

    venue_id: str
    sums: list[TaxSum]
    stale: bool


class PlatformStatementAnswer(PlatformStatement):
    """The platform's statement; `stale` is true when the answer may lack the event that was waited for."""

    stale: bool


class Period:
    """The period of a statement, start included and end excluded; either may be left open."""

    def __init__(
        self,
        dates: Annotated[Dates, Depends()],
        form: Annotated[
            Literal["json", "csv"] | None,
            Query(alias="format", description="Format, instead of the Accept header.", examples=["csv"]),
        ] = None,
        limit: Annotated[
            int, Query(ge=1, le=LINES_MAX, description="Lines of a page, in JSON.", examples=[100])
        ] = LINES_MAX,
        cursor: Annotated[
            str | None,
            Query(
                pattern=CURSOR_PATTERN,
                description="`next` of the page before, in JSON; the period stays the same.",
                examples=["1042.0.1.2000"],
            ),
        ] = None,
    ) -> None:
        """Take the page within the period."""
        self.form = form
        self.dates = dates
        self._limit = limit
        self._after = LineCursor.parse(cursor) if cursor else None

    def whole(self, zone: str) -> StatementQuery:
        """Return the query of the whole period."""
        return StatementQuery(*self.dates.within(zone), limit=LINES_MAX)

    def page(self, zone: str) -> StatementQuery:
        """Return the query of the page."""
        return self.whole(zone)._replace(limit=self._limit, after=self._after)

    def is_csv(self, request: Request) -> bool:
        """Return whether the request wants CSV."""
        accepted = request.headers.get("accept", "")
        return self.form == "csv" or (self.form is None and prefers(accepted, CSV, JSON))


@router.get(
    "/venues/{venue_id}/statement",
    response_model=StatementAnswer,
    responses=CSV_TOO,
    openapi_extra=may_answer(NOT_FOUND),
)
@needs("manage")
async def read_statement(
    venue_id: VenueId, request: Request, deps: Deps, period: Annotated[Period, Depends()], after: After = 0
) -> Response:
    """Return the lines of a venue's accounts in a period, and the balances before and after the period.

    JSON has a page of them; `next` is the cursor of the next one, and all pages end where the first one saw the end.
    CSV has all lines, when the request accepts `text/csv` or has `format=csv`. A free order is a line of no amount.
    """
    stale = await wait_for_position(deps.queries, after)
    venue = await require("venue", deps.queries, deps.queries.venue, venue_id)
    if period.is_csv(request):
        whole, read = period.whole(venue["time_zone"]), partial(deps.queries.statement, venue_id)
        return _csv(venue_id, COLUMNS, whole, await read(whole), read)
    page = await deps.queries.statement(venue_id, period.page(venue["time_zone"]))
    shown: StatementAnswer = {**page, "stale": stale}
    return JSONResponse(shown)


@router.get("/venues/{venue_id}/taxes", openapi_extra=may_answer(NOT_FOUND))
@needs("manage")
async def read_taxes(venue_id: VenueId, deps: Deps, dates: Annotated[Dates, Depends()], after: After = 0) -> TaxAnswer:
    """Return the tax of a venue's sales in a period, by currency and rate; the sum is what the period owes."""
    stale = await wait_for_position(deps.queries, after)
    venue = await require("venue", deps.queries, deps.queries.venue, venue_id)
    sums = await deps.queries.taxes(venue_id, StatementQuery(*dates.within(venue["time_zone"])))
    return {"venue_id": venue_id, "sums": sums, "stale": stale}


@router.get(
    "/platform/statement", response_model=PlatformStatementAnswer, responses=CSV_TOO, openapi_extra=may_answer()
)
@needs("operate")
async def read_platform_statement(
    request: Request, deps: Deps, caller: Caller, period: Annotated[Period, Depends()], after: After = 0
) -> Response:
    """Return the lines of the platform's own accounts in a period, and the balances before and after the period.

    These are its fees, the processing fees less Stripe's, its losses, and its payouts and top-ups, over all tenants: so
    only a key of the default tenant, bound to no venue, reads them. A date has an offset here. Pages and CSV are those
    of a venue's statement.
    """
    if caller.tenant_id != DEFAULT_TENANT or caller.venue_id:
        raise Problem(FORBIDDEN, "the platform's statement is for a key of the default tenant, bound to no venue")
    stale = await wait_for_position(deps.queries, after)
    if period.is_csv(request):
        whole, read = period.whole(""), deps.queries.platform_statement
        return _csv("platform", PLATFORM_COLUMNS, whole, await read(whole), read)
    shown: PlatformStatementAnswer = {**await deps.queries.platform_statement(period.page("")), "stale": stale}
    return JSONResponse(shown)


def _csv(name: str, columns: Sequence[str], query: StatementQuery, first: P, read: Read[P]) -> StreamingResponse:
    """Answer with all lines of a statement as CSV, page by page: a slow client holds no connection to the database."""

    async def rows() -> AsyncIterator[str]:
        page = first
        yield csv_of(columns, page["lines"], head=True)
        while page["next"] is not None:
            page = await read(query._replace(after=LineCursor.parse(page["next"])))
            yield csv_of(columns, page["lines"], head=False)

    disposition = f'attachment; filename="statement-{name}.csv"'
    return StreamingResponse(rows(), media_type=CSV, headers={"Content-Disposition": disposition})
