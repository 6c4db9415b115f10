"""The door: a rush over HTTP and the answers once it is sold out, beside an empty route behind the same server.

The API and PostgreSQL run, the engine does not: what is placed waits for its checkout in the events. How the
whole stack takes a rush is what `boxoffice rush` shows.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from adapters.event_store.store import PostgresEventStore
from bench.contest import ROUNDS, Against, Contestant, Row, Side
from bench.http_load import Load, run
from bench.show import open_show
from bench.stock import open_event_store
from bench.world import empty_route, served
from devstack.ports import LOOPBACK, free_port
from domain.stock.allocation import Allocation

CONNECTIONS = 64
BUYERS, TICKETS = 20_000 // ROUNDS, 5_000 // ROUNDS  # a round each, or the row would take longer than a minute
SOLD_OUT_SECONDS = 2.0
HELD, SOLD_OUT = 202, 409
SECRET = "11" * 32


def body_of(name: str) -> bytes:
    """Return the request for one ticket of a show of the bench."""
    return f'{{"show_id":"sh_{name}","items":[{{"ticket_type_id":"tt_{name}","quantity":1}}]}}'.encode()


@contextmanager
def door(url: str) -> Iterator[tuple[int, int]]:
    """Serve the production API on this database, with an engine that it never asks; yields its port and its pid."""
    port = free_port()
    env = {
        "BOXOFFICE_POSTGRES__URL": url,
        "BOXOFFICE_API__HOST": LOOPBACK,
        "BOXOFFICE_API__PORT": str(port),
        "BOXOFFICE_API__CHECKOUTS_IN_FLIGHT_MAX": "0",
        "BOXOFFICE_SOLANA__ISSUER_SECRET": SECRET,
        "BOXOFFICE_SOLANA__ADDRESS_SECRET": SECRET,
    }
    with (
        tempfile.TemporaryDirectory(prefix="bench-door") as folder,
        served(("api.main",), port, Path(folder) / "api.log", env) as pid,
    ):
        yield port, pid


def load_of(port: int, name: str) -> Load:
    """Return the requests of buyers for a show of the bench."""
    return Load(LOOPBACK, port, CONNECTIONS, body=body_of(name), prefix=name)


def _held(store: PostgresEventStore, name: str) -> int:
    return asyncio.run(store.read(lambda uow: uow.get(Allocation, f"tt_{name}").held))


def check_sold(statuses: Counter[int], held: int) -> None:
    """Raise unless every buyer got an answer and exactly the tickets that there are were given away."""
    if statuses != {HELD: TICKETS, SOLD_OUT: BUYERS - TICKETS} or held != TICKETS:
        raise RuntimeError(f"{BUYERS} buyers, {TICKETS} tickets: {held} held, answers {dict(statuses)}")


@contextmanager
def _rush(url: str) -> Iterator[Contestant]:
    numbers = count(1)
    with open_event_store(url) as store, door(url) as (port, _):

        def measure() -> float:
            name = f"rush{next(numbers)}"
            asyncio.run(open_show(store, TICKETS, name))
            answers = run(load_of(port, name), requests=BUYERS)
            check_sold(answers.statuses, _held(store, name))
            return answers.per_second

        yield Contestant(
            measure, f"each round {BUYERS:,} buyers over {CONNECTIONS} connections for {TICKETS:,} tickets"
        )


@contextmanager
def _sold_out(url: str) -> Iterator[Contestant]:
    with open_event_store(url) as store, door(url) as (port, _):
        asyncio.run(open_show(store, 1))
        load = load_of(port, "bench")
        run(load, requests=CONNECTIONS)

        def measure() -> float:
            answers = run(load, SOLD_OUT_SECONDS)
            if set(answers.statuses) != {SOLD_OUT}:
                raise RuntimeError(f"not sold out: {dict(answers.statuses)}")
            return answers.per_second

        yield Contestant(measure, f"{CONNECTIONS} connections")


@contextmanager
def _empty(_: str, requests: int) -> Iterator[Contestant]:
    """Serve the empty route; the same connections send the same bodies."""
    with tempfile.TemporaryDirectory(prefix="bench-empty") as folder, empty_route(Path(folder)) as port:
        load = load_of(port, "empty")
        run(load, requests=CONNECTIONS)
        seconds = 0.0 if requests else SOLD_OUT_SECONDS
        yield Contestant(lambda: run(load, seconds, requests).per_second, f"{CONNECTIONS} connections")


ROWS = (
    Row(
        "on-sale-over-http",
        "answers/s",
        Side("the door", _rush),
        (Against(Side("an empty route", partial(_empty, requests=BUYERS)), 0.5),),
    ),
    Row(
        "sold-out-answers",
        "answers/s",
        Side("the door, sold out", _sold_out),
        (Against(Side("an empty route", partial(_empty, requests=0)), 0.7),),
    ),
)
