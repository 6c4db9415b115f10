"""Clients that others' tools generate from docs/openapi.json buy tickets and understand every answer.

Each tool has an environment of its own, made from the package registries: `make clients`, and the nightly run.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from api.app import create_app
from tests.fakes.api_client import EVERY_SCOPE, api_client
from tests.fakes.shop_world import ApiWorld

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "openapi.json"
PYTHON_TOOLS = ("openapi-python-client==0.29.1", "ruff")
NODE_TOOLS = ("openapi-typescript@7.13.0", "openapi-fetch@0.14.1", "typescript@5.9.3", "@types/node@20")
OPTIONAL_DEFAULTS = ("--default-non-nullable", "false")  # a body field with a default may be left out
TSC = ("--strict", "--target", "es2022", "--module", "nodenext", "--noUncheckedIndexedAccess", "--skipLibCheck")
SECONDS_MAX = 240
URN = "urn:boxoffice:problem:"
EXPECTED = [
    "201 awaiting-payment 1104",
    "200 awaiting-payment 1104",
    "202 reserving 1104",
    f"409 {URN}sold-out 4",
    f"422 {URN}invalid-request quantity",
]
pytestmark = [
    pytest.mark.registries,
    pytest.mark.timeout(3 * SECONDS_MAX),
    pytest.mark.skipif("CLIENTS" not in os.environ, reason="installs tools from PyPI and npm: run `make clients`"),
]


def installed(*command: str, cwd: Path) -> None:
    """Run an installer; without its registry the test is skipped."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if done.returncode:
        pytest.skip(f"`{' '.join(command)}` failed: {done.stderr[-300:]}")


def said(*command: str | Path, cwd: Path, path: str = "") -> list[str]:
    """Run a tool or a client and return its lines."""
    env = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} if path else None
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


async def opened(world: ApiWorld) -> dict[str, Any]:
    """Announce a show with five tickets."""
    async with api_client(create_app(world.deps())) as client:
        key = {"Idempotency-Key": "k"}
        venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key)).json()
        types = [{"name": "floor", "price_minor": 1000, "capacity": 5}]
        body = {"venue_id": venue["venue_id"], "name": "Night", "currency": "eur", "ticket_types": types}
        show = (await client.post("/api/v1/shows", json=body, headers=key)).json()
    await world.announce(venue["venue_id"], show["show_id"])
    return {"show_id": show["show_id"], "ticket_type_id": show["ticket_types"][0]["ticket_type_id"]}


@pytest.fixture
def shops() -> Iterator[str]:
    """Two shops on loopback, one whose engine is away; what a client is told of them."""
    given: dict[str, Any] = {"key": EVERY_SCOPE}
    running = []
    for name, is_away in (("url", False), ("waiting_url", True)):
        world = ApiWorld()
        given |= asyncio.run(opened(world))
        world.engine.away = is_away
        config = uvicorn.Config(create_app(world.deps()), host="127.0.0.1", port=0, log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
        given[name] = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        running.append((server, thread))
    yield json.dumps(given)
    for server, thread in running:
        server.should_exit = True
        thread.join()


def test_a_python_client_understands_every_answer_of_a_purchase(tmp_path: Path, shops: str) -> None:
    """openapi-python-client has a model for 200, 201, 202, 409 and 422."""
    installed("uv", "venv", "--quiet", "--python", sys.executable, "tools", cwd=tmp_path)
    installed("uv", "pip", "install", "--quiet", "--python", "tools/bin/python", *PYTHON_TOOLS, cwd=tmp_path)
    tool, to = tmp_path / "tools/bin/openapi-python-client", tmp_path / "boxoffice_client"
    path = str(tmp_path / "tools/bin")
    warned = said(tool, "generate", "--path", DOCUMENT, "--meta", "none", "--output-path", to, cwd=tmp_path, path=path)
    assert [line for line in warned if "warning" in line.lower()] == []
    shutil.copy(HERE / "buy.py", tmp_path)
    assert said(tmp_path / "tools/bin/python", "buy.py", shops, cwd=tmp_path) == EXPECTED


def test_a_typescript_client_understands_every_answer_of_a_purchase(tmp_path: Path, shops: str) -> None:
    """The types of openapi-typescript are strict enough for tsc, and true at run time."""
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    installed("npm", "install", "--no-audit", "--no-fund", *NODE_TOOLS, cwd=tmp_path)
    tools = tmp_path / "node_modules/.bin"
    said(tools / "openapi-typescript", DOCUMENT, *OPTIONAL_DEFAULTS, "--output", "boxoffice.ts", cwd=tmp_path)
    shutil.copy(HERE / "buy.ts", tmp_path)
    said(tools / "tsc", *TSC, "buy.ts", cwd=tmp_path)
    assert said("node", "buy.js", shops, cwd=tmp_path) == EXPECTED
