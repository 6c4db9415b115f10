"""A restore is rehearsed: a dump that was taken while purchases ran gives a whole system, also for those under way."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from cli.checks.reconciliation import reconcile
from devstack.config import POSTGRES_URL
from devstack.servers.postgres import installed
from devstack.stack import running_stack
from settings import read_settings
from tests.contract.postgres_box import database
from tests.real.conftest import QUICK
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = [pytest.mark.real, pytest.mark.nightly]
HOLD_SECONDS = 40
SOLD, PAYING = 2, 3


async def run(program: str, *words: str) -> None:
    """Run a program of PostgreSQL."""
    child = await asyncio.create_subprocess_exec(
        str(installed() / "bin" / program), *words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, err = await child.communicate()
    assert child.returncode == 0, err.decode()


async def sell(shop: Shop) -> list[str]:
    """Sell tickets to the end; return their purchases."""
    bought = [(await shop.buy(f"sold-{number}")).json() for number in range(SOLD)]
    assert {await shop.pay(one["client_secret"]) for one in bought} == {httpx.codes.OK}
    ids = [str(one["purchase_id"]) for one in bought]
    assert {(await shop.ended(one))["state"] for one in ids} == {"fulfilled"}
    return ids


async def test_a_dump_of_a_running_system_is_restored(tmp_path: Path) -> None:
    """What was sold stays sold, money that came after the dump buys its tickets, and reconcile is whole.

    The workers are lost with the database: tokens that they would have minted after the dump would be nobody's.
    """
    folder, dump = tmp_path / "stack", str(tmp_path / "dump")
    folder.mkdir()
    with database() as lost, database() as restored:
        async with running_stack(folder, env={**QUICK, POSTGRES_URL: lost}, up=UP) as stack, Shop.at(stack) as shop:
            await shop.open(capacity=20, hold_seconds=HOLD_SECONDS)
            sold = await sell(shop)
            opened = [(await shop.buy(f"open-{number}")).json() for number in range(PAYING + 1)]
            worker = stack.pid_of("worker")
            assert worker is not None
            os.kill(worker, signal.SIGSTOP)
            placing = asyncio.create_task(shop.buy("while it is dumped"))
            await run("pg_dump", "--format=custom", "--file", dump, lost)
            assert (await placing).status_code == httpx.codes.ACCEPTED
            paid = [str(one["purchase_id"]) for one in opened[:PAYING]]
            assert {await shop.pay(one["client_secret"]) for one in opened[:PAYING]} == {httpx.codes.OK}
            os.kill(worker, signal.SIGKILL)
        await run("pg_restore", "--no-owner", "--dbname", restored, dump)
        async with running_stack(folder, env={**QUICK, POSTGRES_URL: restored}, up=UP) as stack, Shop.at(stack) as shop:
            ends = {one: (await shop.ended(one, 180))["state"] for one in (*sold, *paid)}
            assert set(ends.values()) == {"fulfilled"}
            assert (await shop.ended(opened[-1]["purchase_id"], 180))["state"] == "cancelled"
            report = await reconcile(read_settings(stack.env), lambda _: None)
            assert report.findings.violations == []
            assert {*sold, *paid} <= {str(one) for one in report.stillness.judged}
