"""A route: a listening port, its target port, and the network conditions between them."""

import asyncio
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from devstack.proxy.connection import ProxiedConnection, Streams

LOOPBACK = "127.0.0.1"
MILLISECONDS = 1000
Mode = Literal["pass", "slow", "refuse", "silent", "half_open"]


class NetworkConditions(BaseModel):
    """Network conditions of a route.

    `pass` forwards; `slow` delays each chunk by `latency_ms` ± `jitter_ms`; `refuse` accepts no new connection;
    `silent` and `half_open` accept and never answer, and mute live connections. Connections muted by `silent` are
    reset when the mode changes (as by a firewall that lost its state); those of `half_open` stay muted until a side
    closes.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Mode = "pass"
    latency_ms: NonNegativeInt = 0
    jitter_ms: NonNegativeInt = 0


class RouteStatus(BaseModel):
    """Present status of a route."""

    conditions: NetworkConditions
    live: int
    accepted: int


class Route:
    """One listening port of the proxy and the port behind it."""

    def __init__(self, name: str, listen: int, target: int) -> None:
        self.name = name
        self._listen = listen
        self._target = target
        self._conditions = NetworkConditions()
        self._connections: set[ProxiedConnection] = set()
        self._silenced: set[ProxiedConnection] = set()
        self._accepted = 0
        self._server: asyncio.Server | None = None

    @property
    def status(self) -> RouteStatus:
        """Present status."""
        return RouteStatus(conditions=self._conditions, live=len(self._connections), accepted=self._accepted)

    async def set_conditions(self, conditions: NetworkConditions) -> None:
        """Change the conditions, of live connections too."""
        was, self._conditions = self._conditions, conditions
        if was.mode == "silent" and conditions.mode != "silent":
            self.cut(self._silenced)
        if conditions.mode in {"silent", "half_open"}:
            for connection in self._connections:
                connection.muted = True
        self._silenced = set(self._connections) if conditions.mode == "silent" else set()
        if conditions.mode == "refuse":
            await self.close()
        else:
            await self.open()

    def cut(self, connections: set[ProxiedConnection] | None = None) -> int:
        """Reset live connections, all by default; return how many."""
        chosen = set(self._connections if connections is None else connections)
        for connection in chosen:
            connection.reset()
        return len(chosen)

    async def open(self) -> None:
        """Listen, if not yet listening."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self._listen)

    async def close(self) -> None:
        """Stop listening; live connections continue."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _delay(self) -> tuple[float, float]:
        conditions = self._conditions
        slow = conditions.mode == "slow"
        return (conditions.latency_ms / MILLISECONDS, conditions.jitter_ms / MILLISECONDS) if slow else (0.0, 0.0)

    async def _accept(self, *client: *Streams) -> None:
        connection = ProxiedConnection(client, self._delay)
        self._accepted += 1
        self._connections.add(connection)
        silent = self._conditions.mode in {"silent", "half_open"}
        if self._conditions.mode == "silent":
            self._silenced.add(connection)
        try:
            with suppress(asyncio.CancelledError):
                await connection.run(None if silent else self._target)
        finally:
            self._connections.discard(connection)
            self._silenced.discard(connection)
