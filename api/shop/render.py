"""Render pages: templates that escape everything, and headers that let a page run nothing but our own files."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.terms import ShopTerms
from domain.money.currency import money, shown

FOLDER = Path(__file__).parent
CLOSED = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
POLICY = f"{CLOSED}; script-src 'self'; connect-src 'self'; form-action 'self'"
# Only the page on which a card is entered may load Stripe's script, and what Stripe's guide asks for with it.
STRIPE_SCRIPTS = "https://js.stripe.com https://*.js.stripe.com"
STRIPES_POLICY = (
    f"{CLOSED}; script-src 'self' {STRIPE_SCRIPTS}; connect-src 'self' https://api.stripe.com;"
    f" frame-src {STRIPE_SCRIPTS} https://hooks.stripe.com; form-action 'self'"
)
# Swagger UI has its icons in its style sheet.
DOCS_POLICY = POLICY.replace("img-src 'self'", "img-src 'self' data:")


def moment(timestamp: str, zone: str) -> str:
    """Return a timestamp as people read it in a zone (IANA's name): Thu 31 December 2026, 20:00; without one, in UTC.

    Only UTC is named: a time in the zone of the place needs no name there.
    """
    local = datetime.fromisoformat(timestamp).astimezone(ZoneInfo(zone or "UTC"))
    return f"{local:%a} {local.day} {local:%B %Y, %H:%M}{'' if zone else ' UTC'}"


@cache
def templates() -> Environment:
    """Return the templates of the pages."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters.update(amount=shown, money=money, moment=moment)
    return made


def page(name: str, status: int = 200, *, policy: str = POLICY, **values: Any) -> HTMLResponse:
    """Return a page, or a part of one."""
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return HTMLResponse(templates().get_template(name).render(**values), status, headers)


def workflows_link(shop: ShopTerms, owner: Literal["PurchaseId", "ShowId", "VenueId"], identity: str) -> str:
    """Return the address of an owner's workflows in Temporal's web UI; "" where it has none."""
    query = quote(f'{owner}="{identity}"', safe="")
    return f"{shop.workflows_url}?query={query}" if shop.workflows_url else ""
