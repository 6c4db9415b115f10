"""Network conditions of a proxy route, over a real proxy process."""

import asyncio
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx
import pytest

from devstack.stack import ROOT
from devstack.supervisor.ports import LOOPBACK, choose_ports, is_free

SHORT = 0.4
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Network:
    """An echo server behind a proxy route."""

    def __init__(self, control: httpx.AsyncClient, port: int) -> None:
        self.control = control
        self._port = port
        self.opened: list[asyncio.StreamWriter] = []

    async def set_mode(self, mode: str, **more: int) -> None:
        answer = await self.control.post("/routes/echo", json={"mode": mode, **more})
        assert answer.status_code == httpx.codes.OK, answer.text

    async def cut(self) -> int:
        return int((await self.control.post("/routes/echo/cut")).json()["cut"])

    async def reset(self) -> None:
        assert (await self.control.post("/reset")).json()["echo"]["conditions"]["mode"] == "pass"

    async def live(self) -> int:
        return int((await self.control.get("/routes")).json()["echo"]["live"])

    async def connect(self) -> Streams:
        streams = await asyncio.open_connection(LOOPBACK, self._port)
        self.opened.append(streams[1])
        return streams


async def echoed(streams: Streams, word: bytes) -> bytes:
    """Send a word and return the echo."""
    streams[1].write(word)
    return await asyncio.wait_for(streams[0].read(100), timeout=5)


async def is_mute(streams: Streams) -> bool:
    streams[1].write(b"anybody")
    try:
        await asyncio.wait_for(streams[0].read(100), timeout=SHORT)
    except TimeoutError:
        return True
    return False


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while word := await reader.read(100):
            writer.write(word)
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """One proxy process for all tests; each test resets it. It reports no error of its own."""
    file = tmp_path_factory.mktemp("proxy") / "ports.json"
    told = file.with_name("stderr")
    chosen = choose_ports({"control": 0, "listen": 0, "target": 0}, {}, file)
    flags = ("--port", str(chosen["control"]), "--route", f"echo={chosen['listen']}:{chosen['target']}")
    with told.open("wb") as errors:
        child = subprocess.Popen([sys.executable, "-m", "devstack.proxy", *flags], cwd=ROOT, stderr=errors)
    try:
        until = time.monotonic() + 20
        while is_free(chosen["control"]) and time.monotonic() < until:
            time.sleep(0.02)
        yield chosen
    finally:
        child.terminate()
        child.wait()
    assert told.read_text() == ""


@pytest.fixture
async def network(ports: dict[str, int]) -> AsyncIterator[Network]:
    echoes: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        echoes.append(asyncio.create_task(echo(reader, writer)))

    server = await asyncio.start_server(answer, LOOPBACK, ports["target"])
    url = f"http://{LOOPBACK}:{ports['control']}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as control:
        there = Network(control, ports["listen"])
        yield there
        await there.reset()
        await there.cut()
    server.close()
    for writer in there.opened:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    await asyncio.gather(*echoes)


async def test_pass_carries_both_ways_and_the_end(network: Network) -> None:
    """Bytes are forwarded unchanged, and so is the end of a stream."""
    streams = await network.connect()
    assert await echoed(streams, b"hello") == b"hello"
    streams[1].write_eof()
    assert await streams[0].read() == b""
    async with asyncio.timeout(5):
        while await network.live():  # noqa: ASYNC110 - the proxy sends no event
            await asyncio.sleep(0.02)


async def test_slow_takes_its_time_also_for_live_connections(network: Network) -> None:
    """Each chunk is delayed, each way, and arrives in order."""
    streams = await network.connect()
    await echoed(streams, b"first")
    await network.set_mode("slow", latency_ms=150, jitter_ms=20)
    began = time.monotonic()
    assert await echoed(streams, b"second") == b"second"
    assert time.monotonic() - began > 0.25
    await network.reset()
    began = time.monotonic()
    await echoed(streams, b"third")
    assert time.monotonic() - began < 0.15


async def test_cut_resets_what_lives_and_nothing_else(network: Network) -> None:
    """A live connection is reset, not closed; the next one works."""
    streams = await network.connect()
    await echoed(streams, b"hello")
    assert await network.cut() == 1
    with pytest.raises(ConnectionResetError):
        await echoed(streams, b"gone?")
    assert await echoed(await network.connect(), b"new") == b"new"


async def test_refuse_takes_no_new_connection(network: Network) -> None:
    """New connections are refused and live ones continue, until the mode ends."""
    streams = await network.connect()
    await echoed(streams, b"hello")
    await network.set_mode("refuse")
    with pytest.raises(ConnectionRefusedError):
        await network.connect()
    assert await echoed(streams, b"still") == b"still"
    await network.reset()
    assert await echoed(await network.connect(), b"new") == b"new"


async def test_silent_answers_nothing_and_resets_what_it_caught(network: Network) -> None:
    """Old and new connections get no bytes; when the mode ends they are reset, and a new one works."""
    old = await network.connect()
    await echoed(old, b"hello")
    await network.set_mode("silent")
    new = await network.connect()
    assert [await is_mute(old), await is_mute(new)] == [True, True]
    await network.reset()
    for streams in (old, new):
        with pytest.raises(ConnectionResetError):
            await echoed(streams, b"gone?")
    assert await echoed(await network.connect(), b"new") == b"new"


async def test_half_open_stays_mute_for_ever(network: Network) -> None:
    """Muted connections stay muted after the mode has ended; a new connection works."""
    old = await network.connect()
    await echoed(old, b"hello")
    await network.set_mode("half_open")
    new = await network.connect()
    assert await is_mute(new)  # so that the proxy has taken it while the mode was on
    await network.reset()
    assert [await is_mute(old), await is_mute(new)] == [True, True]
    assert await echoed(await network.connect(), b"new") == b"new"


async def test_an_unknown_route_or_mode_is_refused(network: Network) -> None:
    """An unknown route or mode is an error and changes nothing."""
    assert (await network.control.post("/routes/nowhere", json={})).status_code == httpx.codes.NOT_FOUND
    wrong = await network.control.post("/routes/echo", json={"mode": "quiet"})
    assert wrong.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_clients_that_reset_leave_the_route_in_order(network: Network) -> None:
    """Connections that are reset from outside, in every mode, are gone, and the route takes its next conditions."""
    for mode in ("pass", "slow", "half_open", "silent", "pass"):
        await network.set_mode(mode)
        streams = [await network.connect() for _ in range(20)]
        for _, writer in streams:
            writer.write(b"hello")
        async with asyncio.timeout(5):
            while await network.live() < len(streams):  # noqa: ASYNC110 - the proxy sends no event
                await asyncio.sleep(0.02)
        for _, writer in streams[::2]:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        await network.cut()
    await network.reset()
    assert await echoed(await network.connect(), b"hello") == b"hello"
    async with asyncio.timeout(5):
        while await network.live() != 1:  # noqa: ASYNC110 - the proxy sends no event
            await asyncio.sleep(0.02)
