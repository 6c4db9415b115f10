"""The HTTP API: its routes, and how every failure leaves it."""

from fastapi import FastAPI

from api.http import problems
from api.http.fast_path import FastPath
from api.ports import Dependencies
from api.routes import (
    box_office,
    capacity,
    discounts,
    health,
    metrics,
    purchase_events,
    purchases,
    quotes,
    receipts,
    refunds,
    show_cancellations,
    shows,
    ticket_api,
    tickets,
    token_metadata,
    venues,
    webhooks,
)


def create_app(deps: Dependencies) -> FastAPI:
    """Return the app over these parts."""
    app = FastAPI(
        title="Boxoffice",
        version="1",
        description="Sells tickets to shows: one durable purchase, proved on chain and in the books.",
        redirect_slashes=False,
    )
    app.state.deps = deps
    problems.install(app)
    purchase_events.install(app)
    # Routes are matched in this order: the one of a rush comes first.
    app.router.add_api_route(
        purchases.PATH,
        purchases.buy,
        route_class_override=FastPath,
        methods=["POST"],
        status_code=201,
        tags=["purchases"],
    )
    public = (
        purchases,
        purchase_events,
        venues,
        shows,
        show_cancellations,
        capacity,
        discounts,
        quotes,
        receipts,
        refunds,
        tickets,
    )
    for room in (*public, ticket_api, box_office, webhooks, token_metadata, metrics, health):
        app.include_router(room.router)
    return app
