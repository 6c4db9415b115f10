"""Each answer of the read models is of one moment: a commit beside its statements is in all of it, or in none."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import open_pool
from adapters.read_models.projection import Projection
from adapters.read_models.shows.cancellation import ShowCancellationQueries
from domain.money.books import venue_payable
from tests.contract.selling import sell

# One transaction, as the projector's: whatever an answer reads is different after it.
COMMIT = """
UPDATE rm_shows SET doc = doc || '{"name": "Later"}';
UPDATE rm_allocations SET doc = doc || '{"sold": 1}';
UPDATE rm_balances SET balance = balance + 7;
UPDATE rm_account_lines SET amount = amount + 7;
UPDATE rm_postings SET amount = amount + 7;
UPDATE rm_order_counts SET tickets = tickets + 1, refunded_minor = refunded_minor + 7;
UPDATE rm_tickets SET doc = doc || '{"token": "none"}';
UPDATE rm_cancellations SET doc = doc || '{"state": "paused"}';
INSERT INTO rm_reservations (id, doc) VALUES ('re_2', '{"show_id": "sh_1", "state": "confirmed"}');
"""
CANCELLATION = """
INSERT INTO rm_cancellations (id, doc)
VALUES ('sh_1', '{"show_id": "sh_1", "state": "refunding", "tenant_id": "default", "venue_id": "ve_1"}')
"""
SHOW: Any = {"show_id": "sh_1", "tenant_id": "default", "time_zone": "UTC"}
Ask = Callable[[ShowCancellationQueries], Awaitable[Any]]


class Overtaken(ShowCancellationQueries):
    """Queries beside a projector that commits after the first statement of an answer."""

    url = ""

    async def _rows(self, statement: Any, values: Any = None) -> list[tuple[Any, ...]]:
        rows = await super()._rows(statement, values)
        if self.url:
            with psycopg.connect(self.url) as connection:
                connection.execute(COMMIT)
            self.url = ""
        return rows


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda reads: reads.show("sh_1"), id="a show and its stock"),
        pytest.param(lambda reads: reads.balance(venue_payable("ve_1")), id="a balance and its lines"),
        pytest.param(lambda reads: reads.sales(SHOW, "day"), id="sales and tokens"),
        pytest.param(lambda reads: reads.cancellation("sh_1"), id="a cancellation and its numbers"),
        pytest.param(lambda reads: reads.purchase("pu_1"), id="a purchase, its timeline and its postings"),
    ],
)
async def test_a_commit_is_in_the_whole_answer_or_not_at_all(tables_url: str, ask: Ask) -> None:
    """The next answer has it."""
    store = PostgresEventStore(tables_url, utc_now)
    await sell(store)
    store.close()
    with psycopg.connect(tables_url, autocommit=True) as connection:
        Projection(connection).catch_up()
        connection.execute(CANCELLATION)
    async with open_pool(tables_url) as pool:
        reads = Overtaken(pool)
        before = await ask(reads)
        reads.url = tables_url
        assert await ask(reads) == before
        assert await ask(reads) != before
