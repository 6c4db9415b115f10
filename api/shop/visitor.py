"""Who is in front of a page: a cookie holds the token of each order, and another site's forms are refused."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from api.http.guard import cookie_of
from api.http.problems import FORBIDDEN, Problem, not_found
from api.http.requests import Deps
from api.ports import Dependencies
from domain.access.subject import Subject

COOKIE_SECONDS = 90 * 24 * 3600
FORM_TYPE = "application/x-www-form-urlencoded"


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
        secure=deps.shop.public_url.startswith("https://"),
    )
