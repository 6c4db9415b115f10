"""The stage of the rows about whole purchases: a real stack with a show on sale."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from bench.world import check_durable
from cli.buyer import ApiClient
from devstack.stack import Stack, start_stack, stop_stack

UP = (sys.executable, "-m", "bench.up")
CAPACITY = 1_000_000
READY_SECONDS = 60.0
# Nobody asks Stripe again while a round runs: what was left open by one round does not weigh on the next.
CALM = {"BOXOFFICE_SAGA__POLL_SECONDS": "3000", "BOXOFFICE_SAGA__HOLD_SECONDS_MAX": "3600"}


class Stage(NamedTuple):
    """A running stack, and what is for sale on it."""

    stack: Stack
    show_id: str
    seat: str
    stubbed: bool
    api: str
    stripe: str
    postgres: str
    temporal: str
    webhook_secret: bytes


@contextmanager
def stage(*, stubbed: bool) -> Iterator[Stage]:
    """Start a stack, put a show on sale, and stop everything in the end."""
    with tempfile.TemporaryDirectory(prefix="bench-stage") as folder, asyncio.Runner() as runner:
        up = (*UP, "--stubbed") if stubbed else UP
        stack, child = runner.run(start_stack(Path(folder), env=CALM, up=up))
        try:
            check_durable(stack.urls["postgres"])
            show_id, seat = runner.run(open_show(stack.urls["api"]))
            urls, secret = stack.urls, stack.env["BOXOFFICE_STRIPE__WEBHOOK_SECRET"].encode()
            reached = (urls["api"], urls["stripe"], urls["postgres"], urls["temporal"])
            yield Stage(stack, show_id, seat, stubbed, *reached, secret)
        finally:
            runner.run(stop_stack(Path(folder), child))


async def open_show(api_url: str, capacity: int = CAPACITY, name: str = "Bench") -> tuple[str, str]:
    """Register a venue and a show over HTTP and wait until it is on sale; returns the ids of show and ticket type."""
    async with httpx.AsyncClient(base_url=api_url, timeout=30) as http:
        api = ApiClient(http)
        venue = await api.post("/api/v1/venues", {"name": f"{name} Hall"}, f"{name}-venue")
        seats = {"name": "Floor", "price_minor": 5_000, "capacity": capacity}
        body = {"venue_id": venue["venue_id"], "name": name, "currency": "eur", "ticket_types": [seats]}
        made = await api.post("/api/v1/shows", {**body, "hold_seconds": 3_600}, f"{name}-show")
        path = f"/api/v1/shows/{made['show_id']}"
        show = await api.until(path, "the show on sale", lambda seen: bool(seen["on_sale"]), READY_SECONDS)
        return show["show_id"], show["ticket_types"][0]["ticket_type_id"]
