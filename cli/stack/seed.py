"""`boxoffice seed`: put a venue and shows on sale in a running stack, to have something to look at."""

import json
from pathlib import Path
from typing import Annotated

import httpx
import typer

from cli.buyer import DemoFailedError, JsonObject
from cli.command import StackDir
from cli.extras import require
from cli.stack.running import answered, api_of, stack_at
from devstack.stack import Stack

READY_SECONDS = 60
VENUE = "The Blue Hall"
SHOWS: tuple[JsonObject, ...] = (
    {
        "name": "Opening Night",
        "currency": "eur",
        "ticket_types": [
            {"name": "Stalls", "price_minor": 4500, "capacity": 50},
            {"name": "Balcony", "price_minor": 2800, "capacity": 15},
        ],
        "tax": {"rate_bps": 700, "inclusive": True},
    },
    {
        "name": "Late Jazz",
        "currency": "eur",
        "ticket_types": [{"name": "Free seating", "price_minor": 1900, "capacity": 120}],
        "capture_method": "automatic",
        "payment_methods": ["card", "sepa_debit"],
        "ends_at": "2099-12-31T23:30:00+01:00",
    },
    {
        "name": "The Last Chair",
        "currency": "eur",
        "ticket_types": [{"name": "The chair", "price_minor": 9900, "capacity": 1}],
        "hold_seconds": 60,
    },
)


def seed(
    data_dir: StackDir = Path("data"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print the venue and the shows as JSON")] = False,
) -> None:
    """Put a venue and three shows on sale in a running stack. Repeated, it finds the same ones."""
    require("devstack", "seed")
    made = answered("seed", _seed(stack_at(data_dir, "seed")))
    if as_json:
        typer.echo(json.dumps(made))
        return
    _say(made)


async def say_seeded(stack: Stack) -> None:
    """Seed a stack, and say where to look, or why not; a stack that is seeded goes on either way."""
    try:
        made = await _seed(stack)
    except (DemoFailedError, httpx.HTTPError) as failure:
        typer.echo(f"boxoffice seed: {failure}", err=True)
        return
    _say(made)


def _say(made: JsonObject) -> None:
    for show in made["shows"]:
        typer.echo(f"{made['shop']}shows/{show['show_id']}  {show['name']}")
    typer.echo(f"open {made['shop']}")


async def _seed(stack: Stack) -> JsonObject:
    async with api_of(stack) as api:
        venue = await api.post("/api/v1/venues", {"name": VENUE}, "seed-venue")
        made = [
            await api.post("/api/v1/shows", {"venue_id": venue["venue_id"], **show}, f"seed-show-{number}")
            for number, show in enumerate(SHOWS, start=1)
        ]
        shows = [await api.on_sale(show["show_id"], READY_SECONDS) for show in made]
    return {"shop": f"{stack.urls['api']}/", "venue": venue, "shows": shows}
