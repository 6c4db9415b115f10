"""One proxied connection: copies bytes between a client and its target, both ways."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

CHUNK_BYTES = 65_536
GONE = (OSError, asyncio.IncompleteReadError)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_random = random.SystemRandom()

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Delay = Callable[[], tuple[float, float]]
"""Returns (latency, jitter) in seconds, as they are now."""


class ProxiedConnection:
    """A client's connection to the target; once `muted`, it discards everything from either side, for good."""

    def __init__(self, client: Streams, delay: Delay) -> None:
        self.muted = False
        self._client = client
        self._server: Streams | None = None
        self._delay = delay

    async def run(self, port: int | None) -> None:
        """Copy bytes until both sides are done; without a port accept and discard, and never answer."""
        try:
            if port is None:
                self.muted = True
                while await self._client[0].read(CHUNK_BYTES):
                    pass
                return
            self._server = await asyncio.open_connection("127.0.0.1", port)
            (reads, writes), (far_reads, far_writes) = self._client, self._server
            there = asyncio.create_task(self._pump(reads, far_writes))
            back = asyncio.create_task(self._pump(far_reads, writes))
            await asyncio.gather(there, back)
        except GONE:
            self.reset()
        finally:
            for _, writer in filter(None, (self._client, self._server)):
                writer.close()

    def reset(self) -> None:
        """Close both sides at once, with a TCP reset."""
        for _, writer in filter(None, (self._client, self._server)):
            found = writer.get_extra_info("socket")
            with suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            latency, jitter = self._delay()
            if latency or jitter:
                await asyncio.sleep(max(0.0, latency + _random.uniform(-jitter, jitter)))
            if not self.muted:
                writer.write(chunk)
                await writer.drain()
        if self.muted and self._server is not None:
            self.reset()  # one side closed: the other one gets a reset
        elif writer.can_write_eof():
            writer.write_eof()
