"""The HTTP API: its routes, their description, and its exception handlers."""

from fastapi import APIRouter
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute

from api.described import DescribedApp
from api.http import problems
from api.http.fast_path import FastPath
from api.http.guard import TOKEN_HEADER
from api.http.limits.body import LimitedBody
from api.http.limits.declared import LimitTable
from api.http.limits.rates import LimitedAddress
from api.http.limits.read_time import TimeLimit
from api.http.manners import Manners
from api.ports import Dependencies
from api.routes import (
    audit,
    box_office,
    buyers,
    capacity,
    checkins,
    claims,
    config,
    counter,
    discounts,
    events,
    health,
    ipfs,
    lists,
    metrics,
    purchase_events,
    purchase_tickets,
    purchases,
    quotes,
    receipts,
    refunds,
    show_cancellations,
    show_sales,
    shows,
    statements,
    ticket_api,
    ticket_codes,
    tickets,
    token_metadata,
    venues,
    verifications,
    webhook_endpoints,
    webhooks,
)
from api.shop import crash, docs, door, errors, pages
from api.shop.venue import pages as venue_pages

SENT_BY_BROWSERS = ("Authorization", "Content-Type", problems.KEY_HEADER, TOKEN_HEADER, "Last-Event-ID")
SHOWN_TO_BROWSERS = ("Content-Disposition", "Location", "Retry-After", "WWW-Authenticate")
TAGS = {
    "purchases": "Buy tickets, follow a purchase, cancel it, read its receipt.",
    "lists": "Lists of venues, shows, purchases, tickets, refunds, disputes, codes and payouts, in pages or as CSV.",
    "buyers": "Read, correct and erase the personal data of a purchase's buyer.",
    "refunds": "Refund a sold purchase wholly, by ticket or by amount.",
    "quotes": "Price tickets without holding them.",
    "venues": "Venues, their Stripe accounts, balances, statements and taxes; the platform's statement.",
    "shows": "Shows, their ticket types, prices, sale windows and capacity.",
    "discounts": "Discount codes of a show.",
    "show cancellations": "Cancel a show and refund all its orders.",
    "tickets": "Read a ticket, verify it against the chain, claim its token, draw its code.",
    "door": "Check tickets in at the gates of a show.",
    "config": "What a buyer's browser asks first.",
    "events": "What happened, in pages, as a stream and as webhooks.",
    "audit": "What each key did.",
    "internal": "For the operator's own systems: outside orders, the box office and the door.",
    "webhooks": "Events that Stripe sends.",
    "metadata": "Metadata of the tokens on chain.",
    "health": "Health and metrics.",
}
PUBLIC = (
    purchases,
    purchase_events,
    lists,
    buyers,
    venues,
    statements,
    shows,
    show_cancellations,
    show_sales,
    capacity,
    discounts,
    events,
    webhook_endpoints,
    quotes,
    receipts,
    refunds,
    tickets,
    ticket_codes,
    claims,
    checkins,
    purchase_tickets,
    verifications,
    config,
    audit,
)


def create_app(deps: Dependencies) -> DescribedApp:
    """Return the app over these dependencies."""
    app = described_app()
    serve(app, deps)
    return app


def serve(app: DescribedApp, deps: Dependencies) -> None:
    """Give the described app the dependencies and exception handlers that it serves with."""
    app.state.deps = deps
    problems.install(app)
    errors.install(app)
    install_limits(app, deps)
    purchase_events.install(app)


def install_limits(app: DescribedApp, deps: Dependencies) -> None:
    """Put the limits in front of every route, the first that a request meets last; each answer passes them all."""
    limits = LimitTable(app.routes, deps.limits)
    app.add_middleware(TimeLimit, limits=limits)
    app.add_middleware(LimitedBody, limits=limits)
    app.add_middleware(LimitedAddress, limits=limits, check=deps.check_rate)
    if deps.limits.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=deps.limits.cors_origins,
            allow_methods=problems.METHODS,
            allow_headers=SENT_BY_BROWSERS,
            expose_headers=SHOWN_TO_BROWSERS,
        )
    app.add_middleware(Manners)


def described_app() -> DescribedApp:
    """Return the app with its routes and their description, without the dependencies to serve them."""
    app = DescribedApp(
        title="Boxoffice",
        version="1",
        description="Sells tickets to shows: one durable purchase, proved on chain and in the books.",
        openapi_tags=[{"name": name, "description": description} for name, description in TAGS.items()],
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    # Routes are matched in this order: the one of a rush comes first.
    app.router.add_api_route(
        purchases.PATH,
        purchases.buy,
        route_class_override=FastPath,
        methods=["POST"],
        status_code=201,
        tags=["purchases"],
        operation_id="buy_tickets",
        summary="Buy Tickets",
        response_model=purchases.Checkout,
        responses=purchases.CHECKOUT_ANSWERS,
        openapi_extra=purchases.CHECKOUT_PROBLEMS,
    )
    for room in (*PUBLIC, ticket_api, box_office, counter, webhooks, token_metadata, ipfs, metrics, health):
        add_routes(app, room.router)
    for shown in (pages, crash, docs, door, venue_pages):
        add_routes(app, shown.router)
    return app


def add_routes(app: DescribedApp, router: APIRouter) -> None:
    """Add the routes of a router as they are: including it would build each of them again, a sixth of the API's start.

    Their operations are named like their endpoints.
    """
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.unique_id = route.operation_id or route.name
        app.router.routes.append(route)
