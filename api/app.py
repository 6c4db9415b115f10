"""The HTTP API: its routes, and how every failure leaves it."""

from fastapi import FastAPI

from api import health, internal, metadata, metrics, problems, purchases, shows, tickets, venues, webhooks
from api.ports import Parts


def create_app(parts: Parts) -> FastAPI:
    """Return the app over these parts."""
    app = FastAPI(
        title="Boxoffice",
        version="1",
        description="Sells tickets to shows: one durable purchase, proved on chain and in the books.",
        redirect_slashes=False,
    )
    app.state.parts = parts
    problems.install(app)
    for room in (venues, shows, purchases, tickets, internal, webhooks, metadata, metrics, health):
        app.include_router(room.router)
    return app
