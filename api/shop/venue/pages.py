"""A venue's pages: sign in with an API key, see its shows and its money, and one show's figures."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.http.guard import Caller, guarded_router, needs, public
from api.http.problems import not_found
from api.http.requests import Dates, Deps, ShowId, VenueId
from api.ports import Dependencies
from api.routes.shows import read_show
from api.routes.statements import Period, read_statement
from api.routes.venues import read_venue
from api.shop.door import SENTENCES as REASONS
from api.shop.errors import SIGN_IN, is_page
from api.shop.render import page, workflows_link
from api.shop.venue.figures import Month, figures_of, money_of, months_of, sums_of
from api.shop.visitor import VENUE_PAGES, FromOurPage, end_session, keep_session, read_form, shopper_of
from domain.access.subject import Scope, Subject
from domain.views.catalog import VenueDocument
from domain.views.listed import CURSOR_PATTERN, ListCursor, ListQuery
from domain.views.rows import PAYOUT_LIST, SHOW_LIST, VENUE_LIST

# Served where the shop is; a key of any tenant sees its own.
router = guarded_router(prefix=VENUE_PAGES, include_in_schema=False, dependencies=[Depends(shopper_of)])
SHOWS_MAX = 20
PAYOUTS_MAX = 20
MANAGE: Scope = "manage"
MonthKey = Annotated[str, Query(alias="month", pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
AfterShow = Annotated[str, Query(pattern=CURSOR_PATTERN)]


@router.get("/sign-in")
@public
@is_page
async def show_sign_in() -> Response:
    """Ask for a key."""
    return page("venue/sign_in.html", fault="")


@router.post("/sign-in", dependencies=[FromOurPage])
@public
@is_page
async def sign_in(request: Request, deps: Deps) -> Response:
    """Keep a good key in the browser, sealed; refuse another one."""
    credential = (await read_form(request)).get("key", "")
    subject = await deps.authenticator.subject_of(credential) if credential else None
    if subject is None:
        return page("venue/sign_in.html", 401, fault="This key is unknown, expired or revoked.")
    if not subject.may(MANAGE):
        return page("venue/sign_in.html", 403, fault="This key does not have the scope manage.")
    response = RedirectResponse(VENUE_PAGES, 303)
    keep_session(response, deps.authenticator.session_of(credential), deps)
    return response


@router.post("/sign-out", dependencies=[FromOurPage])
@public
@is_page
async def sign_out(deps: Deps) -> Response:
    """Forget the key."""
    response = RedirectResponse(SIGN_IN, 303)
    end_session(response, deps)
    return response


@router.get("")
@needs(MANAGE, by_session=True)
@is_page
async def show_venues(deps: Deps) -> Response:
    """Show the venues that the key may manage; a single one at once."""
    venues = (await deps.queries.page(VENUE_LIST, ListQuery()))["items"]
    if len(venues) == 1:
        return RedirectResponse(f"{VENUE_PAGES}/{venues[0]['venue_id']}", 303)
    return page("venue/venues.html", venues=venues)


@router.get("/{venue_id}")
@needs(MANAGE, by_session=True)
@is_page
async def show_venue(
    venue_id: VenueId, deps: Deps, caller: Caller, month_key: MonthKey = "", cursor: AfterShow = ""
) -> Response:
    """Show a venue: its shows, its money in its places, a month of its accounts, and its payouts."""
    venue = await read_venue(venue_id, deps)
    months = _months(venue, deps)
    month = _chosen(months, month_key) if month_key else months[0]
    after = ListCursor.parse(cursor) if cursor else None
    shows = await deps.queries.page(SHOW_LIST, ListQuery(venue_id=venue_id, limit=SHOWS_MAX, after=after))
    payouts = await deps.queries.page(PAYOUT_LIST, ListQuery(venue_id=venue_id, limit=PAYOUTS_MAX))
    return page(
        "venue/venue.html",
        venue=venue,
        shows=[await _row(row["show_id"], deps, caller) for row in shows["items"]],
        older_shows=shows["next"],
        money=await money_of(venue_id, deps),
        months=months,
        month=month,
        sums=await sums_of(venue_id, month, deps),
        payouts=payouts["items"],
        workflows=workflows_link(deps.shop, "VenueId", venue_id) if caller.may("operate") else "",
    )


@router.get("/{venue_id}/statement.csv")
@needs(MANAGE, by_session=True)
@is_page
async def download_statement(venue_id: VenueId, month_key: MonthKey, request: Request, deps: Deps) -> Response:
    """Return the statement of a month as CSV, as the API does."""
    venue = await read_venue(venue_id, deps)
    month = _chosen(_months(venue, deps), month_key)
    return await read_statement(venue_id, request, deps, Period(Dates(month.since, month.until), form="csv"))


@router.get("/{venue_id}/shows/{show_id}")
@needs(MANAGE, by_session=True)
@is_page
async def show_show_of_venue(venue_id: VenueId, show_id: ShowId, deps: Deps, caller: Caller) -> Response:
    """Show the figures of one show."""
    venue = await read_venue(venue_id, deps)
    show = await read_show(show_id, deps, caller)
    if show["venue_id"] != venue_id:
        raise not_found("show", show_id)
    workflows = workflows_link(deps.shop, "ShowId", show_id) if caller.may("operate") else ""
    figures = await figures_of(show, deps)
    return page("venue/show.html", venue=venue, show=show, figures=figures, reasons=REASONS, workflows=workflows)


async def _row(show_id: str, deps: Dependencies, caller: Subject) -> dict[str, Any]:
    """Return a show's row of the list: the show, and the stock of all its types together."""
    show = await read_show(show_id, deps, caller)
    sums = {name: sum(item[name] for item in show["ticket_types"]) for name in ("sold", "held", "available")}
    return {"show": show, **sums}


def _months(venue: VenueDocument, deps: Dependencies) -> list[Month]:
    return months_of(datetime.fromisoformat(venue["registered_at"]), deps.now(), venue["time_zone"])


def _chosen(months: list[Month], key: str) -> Month:
    """Return a month of a venue; 404 for one before its first or after the present one."""
    found = next((one for one in months if one.key == key), None)
    if found is None:
        raise not_found("month", key)
    return found
