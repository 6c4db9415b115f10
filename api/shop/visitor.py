"""Who is in front of a page: cookies hold the tokens of orders and a venue's session; forms come from our pages."""

from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request, Response

from api.http.guard import SESSION_COOKIE, cookie_of
from api.http.problems import FORBIDDEN, INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE, Problem, not_found
from api.http.requests import Deps
from api.ports import Dependencies
from domain.access.subject import Subject

COOKIE_SECONDS = 90 * 24 * 3600
FORM_TYPE = "application/x-www-form-urlencoded"
VENUE_PAGES = "/venue"


async def shopper_of(deps: Deps) -> Subject:
    """Return the subject that the shop sells as; 404 where this deployment serves no shop."""
    if not deps.shop.tenant_id:
        raise not_found("page", "/")
    return Subject("publishable", "shop", tenant_id=deps.shop.tenant_id, scopes=frozenset({"purchase"}))


Shopper = Annotated[Subject, Depends(shopper_of)]


async def check_origin(request: Request) -> None:
    """Refuse a form that another site has sent: browsers say where a request comes from, and pages cannot change it."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_ours = site in {"same-origin", "none"}
    else:
        is_ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not is_ours:
        raise Problem(FORBIDDEN, "this form was sent by another site; open the shop and try again")


FromOurPage = Depends(check_origin)


def keep_order(response: Response, purchase_id: str, token: str, deps: Dependencies) -> None:
    """Give the browser the token of an order, for the pages of that order alone."""
    response.set_cookie(
        cookie_of(purchase_id),
        token,
        max_age=COOKIE_SECONDS,
        path=f"/orders/{purchase_id}",
        httponly=True,
        samesite="lax",
        secure=_is_secure(deps),
    )


def keep_session(response: Response, session: str, deps: Dependencies) -> None:
    """Give the browser a session, for the venue's pages alone; it forgets it when it is closed."""
    response.set_cookie(
        SESSION_COOKIE, session, path=VENUE_PAGES, httponly=True, samesite="strict", secure=_is_secure(deps)
    )


def end_session(response: Response, deps: Dependencies) -> None:
    """Take the session from the browser."""
    response.delete_cookie(SESSION_COOKIE, path=VENUE_PAGES, httponly=True, samesite="strict", secure=_is_secure(deps))


def _is_secure(deps: Dependencies) -> bool:
    return deps.shop.public_url.startswith("https://")


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != FORM_TYPE:
        raise Problem(UNSUPPORTED_MEDIA_TYPE, f"the body must be declared as {FORM_TYPE}")
    try:
        text = (await request.body()).decode()
        return {name: values[-1].strip() for name, values in parse_qs(text, strict_parsing=bool(text)).items()}
    except ValueError as error:
        raise Problem(INVALID_REQUEST, "the form cannot be read; open the page again") from error
