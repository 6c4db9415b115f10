"""A show of ten thousand tickets, a token each, minted through two kills of the worker and a limiting node.

`LARGE_SHOW=TICKETS` chooses their number. It prints what it measured.
"""

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from devstack.stack import running_stack
from tests.fakes.evidence import require_invariants
from tests.real.shop import Shop
from tests.real.test_ill_chain import sold
from tests.real.test_refunds import sizes
from tests.real.up import UP

EACH, AT_ONCE = 25, 8
TICKETS = int(os.environ.get("LARGE_SHOW", "10000")) // EACH * EACH
KILLED_AT = (1 / 3, 2 / 3)
# The node takes less than we are told to send, refuses the rest, and wants a pause for each refusal.
OURS = {"BOXOFFICE_SOLANA__CALLS_PER_SECOND": "60", "BOXOFFICE_SOLANA__SENDS_PER_SECOND": "60"}
LIMITS = {"calls_per_second": 50, "sends_per_second": 45, "pause_seconds": 0.2}
COUNTED = "SELECT count(*), count(DISTINCT doc->>'mint_address') FROM rm_tickets WHERE doc->>'mint_address' <> ''"
SECONDS_MAX = 3_000
pytestmark = [pytest.mark.real, pytest.mark.nightly, pytest.mark.timeout(2 * SECONDS_MAX)]


async def minted(shop: Shop) -> tuple[int, int]:
    """Return the number of minted tickets, and of their mints."""
    async with await psycopg.AsyncConnection.connect(shop.stack.urls["postgres"]) as connection:
        found = await (await connection.execute(COUNTED)).fetchone()
    assert found is not None
    return found[0], found[1]


async def kill_on_the_way(shop: Shop) -> list[int]:
    """Kill the worker at each of the moments; return how many tickets were minted by then."""
    struck = []
    for part in KILLED_AT:
        while (seen := (await minted(shop))[0]) < TICKETS * part:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        worker = shop.stack.pid_of("worker")
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        struck.append(seen)
        while shop.stack.pid_of("worker") in {worker, None}:  # noqa: ASYNC110 - the supervisor writes a file
            await asyncio.sleep(0.2)
    return struck


async def test_a_large_show_is_minted_whole(tmp_path: Path) -> None:
    """No ticket is left out and none has two tokens: the show's group on chain has exactly as many members."""
    async with running_stack(tmp_path, env=OURS, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open(capacity=TICKETS)
        limited = await shop.http.post(f"{stack.urls['solana_rpc']}/_chain/faults", json=LIMITS)
        assert limited.status_code == httpx.codes.OK, limited.text
        began, room = time.monotonic(), asyncio.Semaphore(AT_ONCE)
        killing = asyncio.create_task(kill_on_the_way(shop))
        ids = await asyncio.gather(*(sold(shop, number, room, SECONDS_MAX) for number in range(TICKETS // EACH)))
        selling = time.monotonic() - began
        struck = await killing
        async with asyncio.timeout(SECONDS_MAX):
            while (await minted(shop))[0] < TICKETS:  # noqa: ASYNC110 - the read models tell of nothing
                await asyncio.sleep(1)
        seconds = time.monotonic() - began
        await asyncio.gather(*(shop.ended(purchase_id, SECONDS_MAX) for purchase_id in ids))
        print(  # noqa: T201
            f"{TICKETS} tickets sold in {selling:.0f} s, minted in {seconds:.0f} s, {TICKETS / seconds:.1f} a second;"
            f" the worker was killed at {struck} of them"
        )
        assert await minted(shop) == (TICKETS, TICKETS)
        group = (await shop.show())["mint_address"]
        assert await sizes(shop, group) == (TICKETS, TICKETS)
        await shop.caught_up()
        require_invariants((await shop.at_rest(set(ids), 600)).findings)
