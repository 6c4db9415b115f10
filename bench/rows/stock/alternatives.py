"""Alternatives for holding a seat: one statement, a locked row, an aggregate per hold with optimistic retries."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError
from psycopg.conninfo import conninfo_to_dict

from bench.comparison.comparison import Candidate, Side
from bench.fixtures.event_store import CAPACITY, HOLD, now
from bench.load.callers import CALLERS, TRIAL_SECONDS, best_of, threads_per_second

POOLS = (1, 2, 4, 8, 16)
LIBRARY_POOLS = (2, 4, 16)
TABLES = """
CREATE TABLE stock (id text PRIMARY KEY, available bigint NOT NULL);
CREATE TABLE hold (key text PRIMARY KEY, stock_id text NOT NULL, quantity int NOT NULL, until timestamptz NOT NULL);
"""
TAKE = """
WITH taken AS (UPDATE stock SET available = available - 1 WHERE id = 'tt' AND available >= 1 RETURNING id)
INSERT INTO hold (key, stock_id, quantity, until) SELECT %s, id, 1, %s FROM taken
"""
KEEP = "INSERT INTO hold (key, stock_id, quantity, until) VALUES (%s, 'tt', 1, %s)"
Act = Callable[[], object]


def _atomic(connection: psycopg.Connection[Any], prefix: str) -> Act:
    numbers = count()
    return lambda: connection.execute(TAKE, (f"{prefix}:{next(numbers)}", now() + HOLD), prepare=True)


def _locked(connection: psycopg.Connection[Any], prefix: str) -> Act:
    numbers = count()

    def hold() -> None:
        with connection.transaction():
            row = connection.execute("SELECT available FROM stock WHERE id = 'tt' FOR UPDATE", prepare=True).fetchone()
            if row is None or row[0] < 1:
                raise RuntimeError("sold out")
            connection.execute("UPDATE stock SET available = available - 1 WHERE id = 'tt'", prepare=True)
            connection.execute(KEEP, (f"{prefix}:{next(numbers)}", now() + HOLD), prepare=True)

    return hold


@contextmanager
def _rows(
    url: str, act_of: Callable[[psycopg.Connection[Any], str], Act], pools: tuple[int, ...]
) -> Iterator[Candidate]:
    """Hold seats over a pool of connections, one thread each; use the best pool size."""
    with ExitStack() as stack:
        connections = [stack.enter_context(psycopg.connect(url, autocommit=True)) for _ in range(max(pools))]
        connections[0].execute(TABLES)
        connections[0].execute("INSERT INTO stock VALUES ('tt', %s)", (CAPACITY,))

        def measure(size: int, seconds: float) -> float:
            return threads_per_second([act_of(one, uuid4().hex) for one in connections[:size]], seconds)

        best = best_of(lambda size: measure(size, TRIAL_SECONDS), pools) if len(pools) > 1 else pools[0]
        yield Candidate(partial(measure, best, 1.0), f"{'best pool: ' if len(pools) > 1 else ''}{best} connections")


class SeatStock(Aggregate):
    """Stock as a plain aggregate of the library: one event per hold."""

    def __init__(self, capacity: int) -> None:
        self.available = capacity

    @event("Held")
    def hold(self, key: str, seconds: int) -> None:  # noqa: ARG002 - kept in the event
        """Hold a seat."""
        self.available -= 1


class HoldApplication(Application[UUID]):
    """The library's application over the same PostgreSQL, with its cache of aggregates."""

    def hold(self, stock_id: UUID, key: str) -> None:
        """Read, decide and save; retry on a conflict."""
        while True:
            seats: SeatStock = self.repository.get(stock_id)
            seats.hold(key, int(timedelta(minutes=10).total_seconds()))
            try:
                self.save(seats)
            except IntegrityError:
                continue
            return


def open_application(url: str, pool: int) -> HoldApplication:
    """Open the library's application with a pool of this size."""
    deps = conninfo_to_dict(url)
    names = {"dbname": "POSTGRES_DBNAME", "host": "POSTGRES_HOST", "port": "POSTGRES_PORT", "user": "POSTGRES_USER"}
    env = {name: str(deps[part]) for part, name in names.items()}
    pooled = {"POSTGRES_POOL_SIZE": str(pool), "POSTGRES_MAX_OVERFLOW": str(CALLERS), "AGGREGATE_CACHE_MAXSIZE": "10"}
    return HoldApplication(
        env={"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_PASSWORD": "none", **env, **pooled}
    )


@contextmanager
def _optimistic(url: str) -> Iterator[Candidate]:
    """Hold with the library's application, 64 threads; use the best pool size."""
    with ExitStack() as stack:

        def measure(app: HoldApplication, stock_id: UUID, seconds: float) -> float:
            acts = [partial(app.hold, stock_id, "key") for _ in range(CALLERS)]
            return threads_per_second(acts, seconds)

        apps: dict[int, tuple[HoldApplication, UUID]] = {}
        for pool in LIBRARY_POOLS:
            app = stack.enter_context(open_application(url, pool))
            seats = SeatStock(CAPACITY)
            app.save(seats)
            apps[pool] = (app, seats.id)
        best = best_of(lambda pool: measure(*apps[pool], TRIAL_SECONDS), LIBRARY_POOLS)
        yield Candidate(partial(measure, *apps[best], 1.0), f"{CALLERS} threads, best pool: {best}")


ATOMIC = Side("one UPDATE + INSERT statement per hold", partial(_rows, act_of=_atomic, pools=POOLS))
ATOMIC_ALONE = Side("one UPDATE + INSERT statement per hold", partial(_rows, act_of=_atomic, pools=(1,)))
LOCKED = Side("SELECT ... FOR UPDATE", partial(_rows, act_of=_locked, pools=(CALLERS,)))
OPTIMISTIC = Side("an aggregate save per hold, optimistic", _optimistic)
