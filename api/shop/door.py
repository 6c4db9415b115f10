"""The page of a gate: somebody types or films codes, and reads in large letters who may enter."""

from collections.abc import Mapping

from fastapi import Response

from api.http.guard import guarded_router, public
from api.shop.errors import is_page
from api.shop.render import page
from api.shop.visitor import Shopper
from domain.tickets.admission import AdmissionReason

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
async def show_door(shopper: Shopper) -> Response:  # noqa: ARG001 - 404 without a shop
    """Show the page of a gate. Its key stays in the browser's tab, and each scan is a call of the API."""
    return page("door.html", sentences=SENTENCES)
