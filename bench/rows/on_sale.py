"""A rush over HTTP and the responses once it is sold out, beside an empty route behind the same server.

Only the API and PostgreSQL run, not Temporal: requested purchases wait for their checkout in the event store.
`boxoffice rush` runs a rush on the whole stack.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from activities.access.keys import CreateKey, KeyCommands
from bench.comparison.comparison import ROUNDS, Baseline, Candidate, Row, Side
from bench.comparison.limits import ROUND_TRIP
from bench.fixtures.environment import KEY, api_settings, empty_route, run_server
from bench.fixtures.event_store import open_store
from bench.fixtures.show import open_show
from bench.load.http_client import Load, run
from devstack.supervisor.ports import LOOPBACK, free_port
from domain.core.ids import DEFAULT_TENANT
from domain.stock.allocation import Allocation

CONNECTIONS = 64
BUYERS, TICKETS = 20_000 // ROUNDS, 5_000 // ROUNDS  # per round, so that the row takes less than a minute
SOLD_OUT_SECONDS = 2.0
PLAIN, PLAIN_LOOP = "the same API on h11 and the plain loop", "bench.servers.plain_loop"
HELD, SOLD_OUT = 202, 409


@contextmanager
def run_api(url: str, server: str = "api.main") -> Iterator[tuple[int, int]]:
    """Serve the production API on this database, without Temporal; yield its port and its pid."""
    port = free_port()
    env = {**api_settings(url, port), "BOXOFFICE_API__CHECKOUTS_IN_FLIGHT_MAX": "0"}
    with (
        tempfile.TemporaryDirectory(prefix="bench-door") as folder,
        run_server((server,), port, Path(folder) / "api.log", env) as pid,
    ):
        yield port, pid


def load_of(port: int, name: str, key: str = KEY) -> Load:
    """Return the load of buyers for a bench show, with an API key."""
    body = f'{{"show_id":"sh_{name}","items":[{{"ticket_type_id":"tt_{name}","quantity":1}}]}}'
    return Load(LOOPBACK, port, CONNECTIONS, body=body.encode(), prefix=name, authorization=f"Bearer {key}")


def check_sold(statuses: Counter[int], held: int) -> None:
    """Raise unless every buyer got a response and exactly the available tickets are held."""
    if statuses != {HELD: TICKETS, SOLD_OUT: BUYERS - TICKETS} or held != TICKETS:
        raise RuntimeError(f"{BUYERS} buyers, {TICKETS} tickets: {held} held, answers {dict(statuses)}")


@contextmanager
def _rush(url: str, server: str = "api.main") -> Iterator[Candidate]:
    numbers = count(1)
    with open_store(url) as store, run_api(url, server) as (port, _):

        def measure() -> float:
            name = f"rush{next(numbers)}"
            asyncio.run(open_show(store, TICKETS, name))
            answers = run(load_of(port, name), requests=BUYERS)
            held = asyncio.run(store.read(lambda unit: unit.get(Allocation, f"tt_{name}").held))
            check_sold(answers.statuses, held)
            return answers.per_second

        yield Candidate(measure, f"each round {BUYERS:,} buyers over {CONNECTIONS} connections for {TICKETS:,} tickets")


@contextmanager
def _sold_out(url: str, server: str = "api.main") -> Iterator[Candidate]:
    with open_store(url) as store, run_api(url, server) as (port, _):
        asyncio.run(open_show(store, 1))
        command = CreateKey(tenant_id=DEFAULT_TENANT, kind="secret", label="bench", scopes=("purchase",))
        load = load_of(port, "bench", str(asyncio.run(KeyCommands(store).create(command))))
        run(load, requests=CONNECTIONS)

        def measure() -> float:
            answers = run(load, SOLD_OUT_SECONDS)
            if set(answers.statuses) != {SOLD_OUT}:
                raise RuntimeError(f"not sold out: {dict(answers.statuses)}")
            return answers.per_second

        yield Candidate(measure, f"{CONNECTIONS} connections")


@contextmanager
def _empty(_: str, requests: int) -> Iterator[Candidate]:
    """Serve the empty route, under the same load."""
    with tempfile.TemporaryDirectory(prefix="bench-empty") as folder, empty_route(Path(folder)) as port:
        load = load_of(port, "empty")
        run(load, requests=CONNECTIONS)
        seconds = 0.0 if requests else SOLD_OUT_SECONDS
        yield Candidate(lambda: run(load, seconds, requests).per_second, f"{CONNECTIONS} connections")


ROWS = (
    Row(
        "on-sale-over-http",
        "answers/s",
        ROUND_TRIP,
        Side("the API", _rush),
        (
            Baseline(Side("an empty route", partial(_empty, requests=BUYERS)), 0.9),
            Baseline(Side(PLAIN, partial(_rush, server=PLAIN_LOOP)), 2.5),
        ),
    ),
    Row(
        "sold-out-answers",
        "answers/s",
        ROUND_TRIP,
        Side("the API, sold out", _sold_out),
        (
            Baseline(Side("an empty route", partial(_empty, requests=0)), 0.9),
            Baseline(Side(PLAIN, partial(_sold_out, server=PLAIN_LOOP)), 2.5),
            Baseline(Side("the same API without its guard", partial(_sold_out, server="bench.servers.unguarded")), 0.9),
        ),
    ),
)
