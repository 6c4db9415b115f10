"""Lists of everything that a tenant has: filtered, in pages or as CSV, newest first."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Generic, Literal

from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field

from api.http.guard import Caller, guarded_router, needs
from api.http.manners import prefers
from api.http.problems import INVALID_REQUEST, Problem, may_answer
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import ID_PATTERN, After, Body, Dates, Deps, Name, about
from api.ports import Dependencies
from api.routes.purchases import Email
from domain.core.ids import purchase_ids_begin
from domain.payments.dispute import DisputeState
from domain.payments.refund import RefundState
from domain.payouts.payout import PayoutState
from domain.tickets.ticket import TicketState
from domain.views.listed import CURSOR_PATTERN, PAGE_ROWS_MAX, ListCursor, Listing, ListQuery, Page, R
from domain.views.purchase import PurchaseState
from domain.views.rows import (
    DISCOUNT_LIST,
    DISPUTE_LIST,
    PAYOUT_LIST,
    PURCHASE_LIST,
    REFUND_LIST,
    SHOW_LIST,
    TICKET_LIST,
    VENUE_LIST,
    DiscountRow,
    DiscountWord,
    DisputeRow,
    PayoutRow,
    PurchaseRow,
    RefundRow,
    ShowRow,
    ShowWord,
    TicketRow,
    VenueRow,
)

router = guarded_router(prefix="/api/v1", tags=["lists"])
CSV, JSON = "text/csv", "application/json"
CSV_TOO: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}
PERSONS_PURCHASES_MAX = 1_000
REFERENCE_PATTERN = r"^[A-Za-z0-9]{3}[\- ]?[A-Za-z0-9]{3}[\- ]?[A-Za-z0-9]{3}$"


VenueFilter = Annotated[
    str | None, Query(pattern=ID_PATTERN, description="Only those of this venue.", examples=["ve_2b7n4c9s6h3j"])
]
ShowFilter = Annotated[
    str | None, Query(pattern=ID_PATTERN, description="Only those of this show.", examples=["sh_9k3m2x8r5t1w"])
]
AttentionFilter = Annotated[bool, Query(description="Only those on which somebody has to act.", examples=[True])]


def state_filter(example: str) -> Any:
    """Return the description of the filter by states."""
    return Query(alias="state", description="Only those in one of these states.", examples=[[example]])


class ListPage(Page[R], Generic[R]):
    """A page of a list, newest first; `next` is the cursor of the next page, null on the last one.

    `stale` is true when the answer may lack the event that was waited for.
    """

    stale: bool


class Paging:
    """Which page of a list, and as what."""

    def __init__(
        self,
        request: Request,
        *,
        caller: Caller,
        dates: Annotated[Dates, Depends()],
        limit: Annotated[
            int, Query(ge=1, le=PAGE_ROWS_MAX, description="Rows of a page, in JSON.", examples=[100])
        ] = 100,
        cursor: Annotated[
            str | None,
            Query(
                pattern=CURSOR_PATTERN,
                description="`next` of the page before, in JSON; the filters stay the same.",
                examples=["1764511200000000.pu_4fzq1c0v7d2k"],
            ),
        ] = None,
        form: Annotated[
            Literal["json", "csv"] | None,
            Query(alias="format", description="Format, instead of the Accept header.", examples=["csv"]),
        ] = None,
        after: After = 0,
    ) -> None:
        """Take the format from the parameter or the Accept header."""
        accepted = request.headers.get("accept", "")
        self.is_csv = form == "csv" or (form is None and prefers(accepted, CSV, JSON))
        self.after = after
        self._caller = caller
        self._dates = dates
        self.query = ListQuery(limit=limit, after=ListCursor.parse(cursor) if cursor else None)

    async def within(self, query: ListQuery, deps: Dependencies) -> ListQuery:
        """Return a query of the period that was asked for, in the zone of the venue that it is bound to."""
        zone = await self._zone(query, deps) if self._dates.needs_zone else ""
        since, until = self._dates.within(zone)
        return query._replace(since=since, until=until)

    async def _zone(self, query: ListQuery, deps: Dependencies) -> str:
        """Return the time zone of the caller's venue, of the one that is asked for, or of that of the show."""
        venue_id = self._caller.venue_id or query.venue_id
        if not venue_id and query.show_id and (show := await find(deps.queries, deps.queries.show, query.show_id)):
            venue_id = show["venue_id"]
        if not venue_id:
            raise Problem(INVALID_REQUEST, "a date without a UTC offset needs venue_id or show_id, whose zone it is in")
        venue = await find(deps.queries, deps.queries.venue, venue_id)
        return venue["time_zone"] if venue else ""


class Choice:
    """Filters by venue, by show and by what somebody has to act on."""

    def __init__(
        self,
        paging: Annotated[Paging, Depends()],
        venue_id: VenueFilter = None,
        show_id: ShowFilter = None,
        needs_attention: AttentionFilter = False,  # noqa: FBT002 - a parameter of a request
    ) -> None:
        """Choose within the page."""
        self.paging = paging
        self.query = paging.query._replace(venue_id=venue_id or "", show_id=show_id or "", attention=needs_attention)


Paged = Annotated[Paging, Depends()]
Chosen = Annotated[Choice, Depends()]


class BuyerSearch(Body):
    """A buyer by e-mail address in any spelling, or by words of the name; in a body, because no URL names a person."""

    email: Annotated[Email | None, about("E-mail address of the buyer.", "ann@example.org")] = None
    name: Annotated[Name | None, about("Words of the buyer's name.", "Ann Smith")] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_ROWS_MAX), about("Purchases of a page.", 100)] = 100
    cursor: Annotated[
        str | None,
        Field(pattern=CURSOR_PATTERN),
        about("`next` of the page before.", "1764511200000000.pu_4fzq1c0v7d2k"),
    ] = None


@router.get("/venues", response_model=ListPage[VenueRow], responses=CSV_TOO, openapi_extra=may_answer())
@needs("manage", "operate")
async def list_venues(deps: Deps, paging: Paged) -> Response:
    """List the venues of the tenant; CSV has all of them."""
    return await _listed(VENUE_LIST, paging.query, paging, deps)


@router.get("/shows", response_model=ListPage[ShowRow], responses=CSV_TOO, openapi_extra=may_answer())
@needs("manage", "operate")
async def list_shows(
    deps: Deps,
    paging: Paged,
    venue_id: VenueFilter = None,
    states: Annotated[list[ShowWord], state_filter("opened")] = [],  # noqa: B006 - pydantic copies it
) -> Response:
    """List shows, the last announced first; CSV has all of them."""
    query = paging.query._replace(venue_id=venue_id or "", states=tuple(states))
    return await _listed(SHOW_LIST, query, paging, deps)


@router.get("/purchases", response_model=ListPage[PurchaseRow], responses=CSV_TOO, openapi_extra=may_answer())
@needs("manage", "operate")
async def list_purchases(
    deps: Deps,
    chosen: Chosen,
    states: Annotated[list[PurchaseState], state_filter("fulfilled")] = [],  # noqa: B006
    order_ref: Annotated[
        str | None,
        Query(pattern=REFERENCE_PATTERN, description="Reference as it was read out.", examples=["HP5-DKD-MH7"]),
    ] = None,
) -> Response:
    """List purchases, the last requested first; CSV has all of them.

    Those that need attention have a refund that failed, cash to hand out, money that bought nothing, an open dispute
    or a refused transfer.
    """
    query = chosen.query._replace(states=tuple(states), ids_begin=purchase_ids_begin(order_ref) if order_ref else "")
    return await _listed(PURCHASE_LIST, query, chosen.paging, deps)


@router.post("/buyer-searches", openapi_extra=may_answer())
@needs("manage")
async def search_purchases(body: BuyerSearch, deps: Deps, caller: Caller) -> ListPage[PurchaseRow]:
    """List the purchases of a buyer, found in the table of buyers by e-mail address or name."""
    if (body.email is None) == (body.name is None):
        raise Problem(INVALID_REQUEST, "a search needs either email or name")
    found = await deps.buyers.purchases_of(
        caller.tenant_id, email=body.email, name=body.name, limit=PERSONS_PURCHASES_MAX + 1
    )
    if len(found) > PERSONS_PURCHASES_MAX:
        raise Problem(INVALID_REQUEST, f"more than {PERSONS_PURCHASES_MAX} purchases match; search by e-mail address")
    after = ListCursor.parse(body.cursor) if body.cursor else None
    query = ListQuery(ids=tuple(found), limit=body.limit, after=after)
    return {**await deps.queries.page(PURCHASE_LIST, query), "stale": False}


@router.get("/tickets", response_model=ListPage[TicketRow], responses=CSV_TOO, openapi_extra=may_answer())
@needs("manage", "operate")
async def list_tickets(
    deps: Deps,
    chosen: Chosen,
    states: Annotated[list[TicketState], state_filter("issued")] = [],  # noqa: B006
) -> Response:
    """List tickets, the last reserved first; those that need attention are blocked by a dispute."""
    return await _listed(TICKET_LIST, chosen.query._replace(states=tuple(states)), chosen.paging, deps)


@router.get("/refunds", response_model=ListPage[RefundRow], responses=CSV_TOO, openapi_extra=may_answer())
@needs("manage", "operate", "refund")
async def list_refunds(
    deps: Deps,
    chosen: Chosen,
    states: Annotated[list[RefundState], state_filter("failed")] = [],  # noqa: B006
) -> Response:
    """List refunds, the last requested first; those that need attention failed or are owed at the till."""
    return await _listed(REFUND_LIST, chosen.query._replace(states=tuple(states)), chosen.paging, deps)


@router.get("/disputes", response_model=ListPage[DisputeRow], responses=CSV_TOO, openapi_extra=may_answer())
@needs("manage", "operate", "refund")
async def list_disputes(
    deps: Deps,
    chosen: Chosen,
    states: Annotated[list[DisputeState], state_filter("open")] = [],  # noqa: B006
) -> Response:
    """List disputes of payments, the last opened first; those that need attention are open."""
    return await _listed(DISPUTE_LIST, chosen.query._replace(states=tuple(states)), chosen.paging, deps)


@router.get("/discounts", response_model=ListPage[DiscountRow], responses=CSV_TOO, openapi_extra=may_answer())
@needs("manage")
async def list_discounts(
    deps: Deps,
    paging: Paged,
    venue_id: VenueFilter = None,
    show_id: ShowFilter = None,
    states: Annotated[list[DiscountWord], state_filter("stopped")] = [],  # noqa: B006
) -> Response:
    """List discount codes, the last created first; one that is stopped is refused. CSV has all of them."""
    query = paging.query._replace(venue_id=venue_id or "", show_id=show_id or "", states=tuple(states))
    return await _listed(DISCOUNT_LIST, query, paging, deps)


@router.get("/payouts", response_model=ListPage[PayoutRow], responses=CSV_TOO, openapi_extra=may_answer())
@needs("manage", "operate")
async def list_payouts(
    deps: Deps,
    paging: Paged,
    venue_id: VenueFilter = None,
    states: Annotated[list[PayoutState], state_filter("paid")] = [],  # noqa: B006
) -> Response:
    """List payouts between venues' Stripe accounts and their banks, the last one first; CSV has all of them."""
    query = paging.query._replace(venue_id=venue_id or "", states=tuple(states))
    return await _listed(PAYOUT_LIST, query, paging, deps)


async def _listed(listing: Listing[Any, R], query: ListQuery, paging: Paging, deps: Dependencies) -> Response:
    """Answer with a page as JSON, or with all rows as CSV."""
    stale = await wait_for_position(deps.queries, paging.after)
    query = await paging.within(query, deps)
    if not paging.is_csv:
        return JSONResponse({**await deps.queries.page(listing, query), "stale": stale})
    query = query._replace(limit=PAGE_ROWS_MAX)
    rows = _csv_rows(listing, query, await deps.queries.page(listing, query), deps)
    name = f'attachment; filename="{listing.kind}.csv"'
    return StreamingResponse(rows, media_type=CSV, headers={"Content-Disposition": name})


async def _csv_rows(
    listing: Listing[Any, R], query: ListQuery, page: Page[R], deps: Dependencies
) -> AsyncIterator[str]:
    """Yield a list as CSV, page by page: a slow client holds no connection to the database."""
    yield listing.csv_of(page["items"], head=True)
    while page["next"] is not None:
        page = await deps.queries.page(listing, query._replace(after=ListCursor.parse(page["next"])))
        yield listing.csv_of(page["items"], head=False)
