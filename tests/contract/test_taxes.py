"""Contract of the tax report: sums by rate and kind in a period, equal on PostgreSQL and from the events."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import open_pool
from adapters.read_models.projection import Projection
from adapters.read_models.queries import ReadModels
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import BooksTransaction, TransactionPosted, tax_payable
from domain.money.statement import StatementQuery, TaxSum
from tests.contract.selling import sell
from tests.fakes.event_store import FakeEventStore
from tests.fakes.shop_world import MemoryReads

POSTED = (("sale", "stripe:clearing", tax_payable("ve_1"), 190), ("refund", tax_payable("ve_1"), "stripe:clearing", 40))


def post(uow: UnitOfWork) -> None:
    for number, (kind, debit, credit, amount) in enumerate((*POSTED, *POSTED)):
        posting = {"debit": debit, "credit": credit, "amount": amount, "unit": "eur"}
        uow.add(
            BooksTransaction.begin(
                TransactionPosted,
                f"tax:{number}",
                uow.at,
                tenant_id="default",
                purchase_id="pu_1",
                kind=kind,
                postings=[posting],
            )
        )


def line(kind: str, minor: int) -> TaxSum:
    return {"currency": "eur", "tax_bps": 0, "kind": kind, "tax_minor": minor, "tax": f"{minor / 100:.2f}"}


@pytest.mark.parametrize("kind", ["fake", "postgres"])
async def test_the_tax_of_a_period(kind: str, request: pytest.FixtureRequest) -> None:
    """Each kind is summed, what went back is negative, and another period or venue has nothing of it."""
    expected = [line("refund", -80), line("sale", 380)]
    later = StatementQuery(since=utc_now() + timedelta(days=1))
    earlier = StatementQuery(until=datetime(2020, 1, 1, tzinfo=UTC))
    if kind == "fake":
        fake = FakeEventStore(utc_now)
        await sell(fake)
        await fake.commit(post)
        memory = MemoryReads(fake)
        assert await memory.taxes("ve_1", StatementQuery()) == expected
        assert await memory.taxes("ve_1", later) == await memory.taxes("ve_1", earlier) == []
        return
    url: str = request.getfixturevalue("tables_url")
    store = PostgresEventStore(url, utc_now)
    await sell(store)
    await store.commit(post)
    with psycopg.connect(url, autocommit=True) as connection:
        Projection(connection).catch_up()
    async with open_pool(url) as pool:
        reads = ReadModels(pool)
        assert await reads.taxes("ve_1", StatementQuery()) == expected
        assert await reads.taxes("ve_1", later) == await reads.taxes("ve_1", earlier) == []
        assert await reads.taxes("ve_2", StatementQuery()) == []
    store.close()
