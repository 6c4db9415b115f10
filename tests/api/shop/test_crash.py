"""The crash button: it kills a process of a development stack alone, and only from our own page."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.shop.crash import NAMES
from api.terms import ShopTerms
from devstack.topology import OUTSIDE
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import ApiWorld

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
ELSEWHERE = {"Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP) as started:
        yield started
        started.kill()


@pytest.fixture
def stack_file(tmp_path: Path, process: subprocess.Popen[bytes]) -> Path:
    """A supervisor's file: a worker that runs, and a chain that is away."""
    worker = {"pid": process.pid, "started": 1_796_044_167.0, "state": "healthy", "restarts": 2}
    chain = {"pid": None, "started": None, "state": "waiting", "restarts": 1}
    file = tmp_path / "stack.json"
    file.write_text(json.dumps({"processes": {"worker": worker, "chain": chain}}))
    return file


@pytest.fixture
async def browser(stack_file: Path) -> AsyncIterator[httpx.AsyncClient]:
    shop = ShopTerms("default", stack_file=stack_file)
    async with api_client(app_over(replace(ApiWorld().deps(), shop=shop)), key="") as client:
        yield client


async def kill(browser: httpx.AsyncClient, key: str, **more: Any) -> int:
    """Kill a process at its button; return the answer's status."""
    return (await browser.post(f"/stack/{key}/kill", **more)).status_code


async def test_the_page_shows_what_the_supervisor_knows(browser: httpx.AsyncClient) -> None:
    """Which process is up since when, which is away, and how often each has crashed."""
    page = (await browser.get("/stack")).text
    assert "up since 13:09:27" in page
    assert all(text in page for text in ("Worker", "Solana", "waiting", "<td>2</td>", "/stack/worker/kill"))


async def test_a_process_is_killed(browser: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    """As a crash would: it has no time to clean up. One that is away already stays away."""
    assert await kill(browser, "chain") == 204
    assert process.poll() is None
    assert await kill(browser, "worker") == 204
    assert process.wait(30) == -9


async def test_nothing_else_is_killed(browser: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    """No process that the file does not name, and none for another site."""
    assert await kill(browser, "1") == 404
    assert await kill(browser, "worker", headers=ELSEWHERE) == 403
    assert process.poll() is None


async def test_without_a_stack_there_is_no_button(
    browser: httpx.AsyncClient, stack_file: Path, process: subprocess.Popen[bytes]
) -> None:
    """In production there is no file; and one that is gone is as none."""
    await asyncio.to_thread(stack_file.unlink)
    async with api_client(app_over(replace(ApiWorld().deps(), shop=ShopTerms("default"))), key="") as plain:
        for client in (browser, plain):
            assert (await client.get("/stack")).status_code == 404
            assert await kill(client, "worker") == 404
    assert process.poll() is None


def test_every_process_has_a_name_for_people() -> None:
    """Those of others, and ours."""
    assert {*OUTSIDE, "api", "worker", "projector"} == set(NAMES)
