"""A server that speaks Kubo's RPC as it is documented, over blocks in memory or a real Kubo's."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import BodyPartReader, web

from activities.tokens.metadata import CHUNK_BYTES_MAX, cid_of

TOKEN = "a token"


class Blocks(Protocol):
    """The blocks and pins of a node."""

    def put(self, content: bytes) -> str: ...

    def is_kept(self, cid: str) -> bool: ...


class MemoryBlocks:
    """Blocks and pins in memory."""

    def __init__(self) -> None:
        self.pins: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        cid = cid_of(content)
        self.pins[cid] = content
        return cid

    def is_kept(self, cid: str) -> bool:
        return cid in self.pins


@dataclass
class RpcServer:
    """The server; `odd` replaces the next answers."""

    blocks: Blocks
    odd: list[Callable[[], web.Response]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        if self.odd:
            return self.odd.pop(0)()
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"Message": "unauthorised", "Code": 1}, status=403)
        if request.path == "/api/v0/block/put":
            assert dict(request.query) == {"cid-codec": "raw", "mhtype": "sha2-256", "pin": "true"}
            part = await (await request.multipart()).next()
            assert isinstance(part, BodyPartReader)
            content = bytes(await part.read())
            return web.json_response({"Key": self.blocks.put(content), "Size": len(content)})
        assert request.path == "/api/v0/pin/ls"
        cid = request.query["arg"]
        if self.blocks.is_kept(cid):
            return web.json_response({"Keys": {cid: {"Type": "recursive"}}})
        return web.json_response({"Message": f"path '{cid}' is not pinned", "Code": 0, "Type": "error"}, status=500)


@asynccontextmanager
async def serving(blocks: Blocks) -> AsyncIterator[RpcServer]:
    """Serve on a free port of this machine."""
    server = RpcServer(blocks)
    app = web.Application(client_max_size=2 * CHUNK_BYTES_MAX)
    app.router.add_post("/api/v0/{verb:.+}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield server
    finally:
        await runner.cleanup()


def settings_for(server: RpcServer) -> dict[str, str]:
    """Return the settings of a stack that pins there, in rounds that a test starts itself."""
    return {
        "BOXOFFICE_IPFS__RPC_URL": server.url,
        "BOXOFFICE_IPFS__TOKEN": TOKEN,
        "BOXOFFICE_IPFS__EVERY_SECONDS": "864000",
    }
