"""The currency of the amounts that operators list: from the price of each purchase."""

import psycopg
import pytest

from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.read_models.projection import Projection
from cli.operate.listing import Listed, priced
from domain.core.transient import TransientError
from tests.contract.selling import sell


def listed(purchase_id: str, amount_minor: int | None) -> Listed:
    ids = (f"purchase/{purchase_id}", "PurchaseWorkflow", "", purchase_id, "sh_1", "ve_1", "minting")
    return Listed(*ids, amount_minor, needs_operator=False, stuck_since=None)


async def test_an_amount_has_the_currency_of_its_price(tables_url: str) -> None:
    """One that the read models do not know yet is told in minor units."""
    store = PostgresEventStore(tables_url, utc_now)
    await sell(store)
    store.close()
    with psycopg.connect(tables_url, autocommit=True) as connection:
        Projection(connection).catch_up()
    found = await priced(
        tables_url, [listed("pu_1", 4_500), listed("pu_2", 4_500), listed("pu_3", 1), listed("", None)]
    )
    assert [one.amount for one in found] == ["45.00 EUR", "45.00 EUR", "1 minor units", ""]


async def test_a_database_that_does_not_answer() -> None:
    """The caller is told so."""
    with pytest.raises(TransientError):
        await priced("postgresql://postgres@127.0.0.1:9/none", [listed("pu_1", 1)])
