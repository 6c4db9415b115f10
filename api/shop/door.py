"""The page of a gate: somebody types or films codes, and reads in large letters who may enter."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query, Response

from api.http.guard import guarded_router, public
from api.http.requests import ID_PATTERN, Deps
from api.shop.errors import is_page
from api.shop.render import page
from api.shop.visitor import Shopper
from domain.core.actor import acting_as
from domain.tickets.admission import AdmissionReason
from domain.views.listed import ListQuery
from domain.views.rows import SHOW_LIST

SHOWS_MAX = 50
router = guarded_router(include_in_schema=False)
SENTENCES: Mapping[AdmissionReason, str] = {
    "admitted": "Welcome",
    "wrong-show": "Ticket of another show",
    "show-cancelled": "The show was cancelled",
    "unpaid": "Not paid",
    "void": "No longer valid",
    "stale-generation": "Old code: there is a newer one",
    "blocked": "Blocked by the buyer's bank",
    "already-checked-in": "Already inside",
    "not-yet": "The doors are not open yet",
    "over": "The show is over",
}


@router.get("/door")
@public
@is_page
async def show_door(
    deps: Deps, shopper: Shopper, show_id: Annotated[str, Query(alias="show", pattern=ID_PATTERN)] = ""
) -> Response:
    """Show the page of a gate. Its key stays in the browser's tab, and each scan is a call of the API."""
    with acting_as(shopper.actor):
        rows = (await deps.queries.page(SHOW_LIST, ListQuery(states=("opened",), limit=SHOWS_MAX)))["items"]
        ids = dict.fromkeys([*([show_id] if show_id else []), *(row["show_id"] for row in rows)])
        shows = [await deps.queries.show(one) for one in ids]
    return page("door.html", sentences=SENTENCES, shows=[show for show in shows if show], chosen=show_id)
