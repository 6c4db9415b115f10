"""The page that describes the HTTP API, from files of its own: it works without the internet."""

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.http.guard import guarded_router, public
from api.shop.errors import is_page
from api.shop.render import DOCS_POLICY, page

router = guarded_router(include_in_schema=False)


@router.get("/docs")
@public
@is_page
async def show_docs() -> Response:
    """Show the operations of the API, to read and to try; it may be stored, as it has no secrets."""
    shown = page("docs.html", policy=DOCS_POLICY)
    del shown.headers["Cache-Control"]
    return shown


@router.get("/redoc")
@public
@is_page
async def show_redoc() -> Response:
    """Send readers of the other viewer, which there was in 0.1.0, to the page."""
    return RedirectResponse("/docs", 308)
