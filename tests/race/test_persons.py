"""One person has one allowance: without the lock of the person's row two are made or one is lost; with it never."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection

from adapters.postgres.connections import Pool, open_pool
from adapters.privacy.buyers import FORGET_UNNAMED, KEEP_PERSON, PostgresBuyers, Sealing, erase_rows
from domain.orders.personal_data import PersonalData
from tests.contract.conftest import tables_url

__all__ = ["tables_url"]
ANN = PersonalData(email="ann@example.org")
SEALING = Sealing({"k": bytes(32)}, "secret")
LOOKUP = SEALING.lookups("default", ANN)[0]


@pytest.fixture
async def pool(tables_url: str) -> AsyncIterator[Pool]:
    async with open_pool(tables_url) as pool:
        yield pool


def columns(buyer_id: str) -> dict[str, Any]:
    ids = {"buyer_id": buyer_id, "tenant_id": "default", "purchase_id": "pu"}
    made = {"lookups": SEALING.lookups("default", ANN), "allowance_ids": [f"al_{buyer_id}"]}
    return {**ids, **made, **SEALING.row(buyer_id, "default", ANN)}


async def test_without_the_lock_a_person_gets_two_ids(pool: Pool) -> None:
    """DO NOTHING beside a look: the statement began before the other one was stored, and returns no id of it."""
    insert = "INSERT INTO persons (tenant_id, lookup, allowance_id) VALUES ('default', %s, %s)"
    look = "WITH made AS (" + insert + " ON CONFLICT DO NOTHING RETURNING allowance_id)"
    look += " SELECT allowance_id FROM made UNION ALL SELECT allowance_id FROM persons WHERE lookup = %s"
    async with pool.connection() as one, pool.connection() as two:
        async with one.transaction():
            await one.execute(insert, (LOOKUP, "al_1"))
            late = asyncio.create_task(two.execute(look, (LOOKUP, "al_2", LOOKUP)))
            await _blocked(pool)
        assert await (await late).fetchall() == []


async def test_with_the_lock_everybody_gets_the_same_id(pool: Pool) -> None:
    """Of twenty first purchases at once one makes the person."""
    buyers = PostgresBuyers(pool, SEALING)
    kept = (buyers.keep(f"bu_{number}", "default", "pu", ANN, [f"al_{number}"]) for number in range(20))
    assert len(set(await asyncio.gather(*kept))) == 1


async def persons(connection: AsyncConnection[object]) -> int:
    return len(await (await connection.execute("SELECT lookup FROM persons")).fetchall())


async def raced(pool: Pool, *, locks: bool) -> int:
    """Erase a person's only buyer while another purchase of the same person is stored; return the persons left."""
    await PostgresBuyers(pool, SEALING).keep("bu_1", "default", "pu", ANN, ["al_1"])
    async with pool.connection() as storing, pool.connection() as erasing:
        async with storing.transaction():
            await storing.execute(KEEP_PERSON, columns("bu_2"))

            async def erase() -> None:
                async with erasing.transaction():
                    if locks:
                        await erase_rows(erasing, ["bu_1"])
                    else:
                        await erasing.execute("DELETE FROM buyers WHERE buyer_id = 'bu_1'")
                        await erasing.execute(FORGET_UNNAMED, (["default"], [LOOKUP]))

            task = asyncio.create_task(erase())
            await _blocked(pool)
        await task
        return await persons(storing)


async def _blocked(pool: Pool) -> None:
    """Wait until a transaction waits for another."""
    async with pool.connection() as looking:
        for _ in range(1_000):
            if (await looking.execute("SELECT FROM pg_locks WHERE NOT granted")).rowcount:
                return
            await asyncio.sleep(0.01)
    raise AssertionError("no transaction waits")


async def test_without_the_lock_a_person_is_lost_while_a_buyer_names_it(pool: Pool) -> None:
    """The statement began before the other purchase was stored, and does not see it."""
    assert await raced(pool, locks=False) == 0


async def test_with_the_lock_a_person_stays_while_a_buyer_names_it(pool: Pool) -> None:
    """The second statement begins after the lock, and sees the purchase that was stored meanwhile."""
    assert await raced(pool, locks=True) == 1
