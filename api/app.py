"""The HTTP API: its routes, and how every failure leaves it."""

from api import (
    box_office,
    cancellations,
    capacity,
    discounts,
    following,
    health,
    internal,
    metadata,
    metrics,
    problems,
    purchases,
    quotes,
    receipts,
    refunds,
    shows,
    tickets,
    venues,
    webhooks,
)
from api.direct import DirectApp
from api.ports import Parts


def create_app(parts: Parts) -> DirectApp:
    """Return the app over these parts."""
    app = DirectApp(
        title="Boxoffice",
        version="1",
        description="Sells tickets to shows: one durable purchase, proved on chain and in the books.",
        redirect_slashes=False,
    )
    app.state.parts = parts
    problems.install(app)
    following.install(app)
    # Routes are looked through in this order: the one that a rush asks for comes first, outside of its room's router.
    app.router.add_api_route(
        purchases.PATH,
        purchases.buy,
        methods=["POST"],
        status_code=201,
        tags=["purchases"],
    )
    app.answer_directly(purchases.PATH, purchases.PurchaseBody, purchases.buy)
    public = (
        purchases,
        following,
        venues,
        shows,
        cancellations,
        capacity,
        discounts,
        quotes,
        receipts,
        refunds,
        tickets,
    )
    for room in (*public, internal, box_office, webhooks, metadata, metrics, health):
        app.include_router(room.router)
    return app
