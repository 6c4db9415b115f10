"""Books: sales posted to one venue's account, by group commit or by one transaction with row locks each."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg

from activities.books.post import post
from activities.core.commands import PurchaseRef
from adapters.event_store.store import PostgresEventStore
from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import json_of
from bench.load.callers import TRIAL_SECONDS, best_of, threads_per_second
from bench.rows.stock.alternatives import POOLS
from bench.rows.stock.holds import committing
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import BooksTransaction, sale_postings
from domain.money.money import FeeRates, price_of

VENUE = "ve_bench"
PRICE = price_of("eur", ((2, 5000),), FeeRates())
FEE_MINOR = 313
TRANSACTION = {"purchase_id": "pu_bench", "kind": "sale", "postings": sale_postings(VENUE, PRICE, FEE_MINOR, 2)}
TABLES = """
CREATE TABLE account (name text PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE booked (key text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE posting (
    key text NOT NULL, number int NOT NULL, debit text NOT NULL, credit text NOT NULL, amount bigint NOT NULL,
    debit_balance bigint NOT NULL, credit_balance bigint NOT NULL, PRIMARY KEY (key, number));
"""


def _poster(store: PostgresEventStore) -> Callable[[], Awaitable[object]]:
    numbers, prefix = count(), uuid4().hex

    def settle() -> Awaitable[object]:
        purchase = PurchaseRef(tenant_id="bench", purchase_id=f"pu_{prefix}_{next(numbers)}", attempt=1)

        key = f"{purchase.purchase_id}:sale"

        def decide(unit: UnitOfWork) -> None:
            post(unit, purchase, key, "sale", sale_postings(VENUE, PRICE, FEE_MINOR, 2))

        return store.commit(decide, (BooksTransaction.stream(key),))

    return settle


def _settle(connection: psycopg.Connection[Any], prefix: str, numbers: Iterator[int]) -> None:
    """Post one sale: lock its accounts in order, update the balances, insert the postings with the new balances."""
    key = f"{prefix}:{next(numbers)}"
    postings = sale_postings(VENUE, PRICE, FEE_MINOR, 2)
    names = sorted({name for posting in postings for name in (posting.debit, posting.credit)})
    with connection.transaction():
        connection.execute("INSERT INTO booked (key) VALUES (%s)", (key,), prepare=True)
        locked = "SELECT name, balance FROM account WHERE name = ANY(%s) ORDER BY name FOR UPDATE"
        balances = dict(connection.execute(locked, (names,), prepare=True).fetchall())
        lines = []
        for number, posting in enumerate(postings):
            balances[posting.debit] -= posting.amount
            balances[posting.credit] += posting.amount
            after = (balances[posting.debit], balances[posting.credit])
            lines.append((key, number, posting.debit, posting.credit, posting.amount, *after))
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO posting VALUES (%s, %s, %s, %s, %s, %s, %s)", lines)
            moved = (
                "UPDATE account SET balance = new.balance FROM unnest(%s::text[], %s::bigint[]) AS new (name, balance)"
            )
            cursor.execute(f"{moved} WHERE account.name = new.name", (names, [balances[name] for name in names]))


@contextmanager
def _locked(url: str) -> Iterator[Candidate]:
    postings = sale_postings(VENUE, PRICE, FEE_MINOR, 2)
    with ExitStack() as stack:
        connections = [stack.enter_context(psycopg.connect(url, autocommit=True)) for _ in range(max(POOLS))]
        connections[0].execute(TABLES)
        for name in {name for posting in postings for name in (posting.debit, posting.credit)}:
            connections[0].execute("INSERT INTO account VALUES (%s, 0)", (name,))

        def measure(size: int, seconds: float) -> float:
            acts = [partial(_settle, one, uuid4().hex, count()) for one in connections[:size]]
            return threads_per_second(acts, seconds)

        best = best_of(lambda size: measure(size, TRIAL_SECONDS), POOLS)
        yield Candidate(partial(measure, best, 1.0), f"best pool: {best} connections")


ROWS = (
    Row(
        "books",
        "transactions/s",
        json_of(TRANSACTION),
        Side("group commit, event-sourced", partial(committing, acts_of=_poster)),
        (Baseline(Side("one transaction each, row locks", _locked), 25),),
    ),
)
