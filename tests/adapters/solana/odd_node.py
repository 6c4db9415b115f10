"""A node that answers each RPC method as told: with a good result, or with anything else."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

GENESIS = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"


def reply(result: Any) -> tuple[int, str]:
    """Return a good answer with a result."""
    return 200, json.dumps({"jsonrpc": "2.0", "id": 0, "result": result})


def error(code: Any, message: Any = "no", **more: Any) -> tuple[int, str]:
    """Return an error object in a 200."""
    return 200, json.dumps({"jsonrpc": "2.0", "id": 0, "error": {"code": code, "message": message, **more}})


class OddNode:
    """An HTTP server on loopback; `answers` maps a method to (status, body), `heads` to more header lines."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, tuple[int, str] | Callable[[list[Any]], tuple[int, str]]] = {
            "getGenesisHash": reply(GENESIS)
        }
        self.heads: dict[str, str] = {}
        self.calls: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert length is not None
        call = json.loads(await reader.readexactly(int(length[1])))
        method = call["method"]
        self.calls.append(method)
        found = self.answers.get(method, (404, ""))
        status, body = found(call.get("params") or []) if callable(found) else found
        lines = f"HTTP/1.1 {status} X\r\nconnection: close\r\n{self.heads.get(method, '')}"
        text = body.encode("utf-8", "surrogateescape")
        if status:
            writer.write(f"{lines}content-length: {len(text)}\r\n\r\n".encode() + text)
        writer.close()


@asynccontextmanager
async def odd_node() -> AsyncIterator[OddNode]:
    """Run a node."""
    node = OddNode()
    async with await asyncio.start_server(node.answer, "127.0.0.1", 0) as server:
        node.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield node
