"""A route: where the proxy listens, what is behind it, and what the network between them is like now."""

import asyncio
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from devstack.proxy.link import Link, Streams

LOOPBACK = "127.0.0.1"
MILLISECONDS = 1000
Mode = Literal["pass", "slow", "refuse", "silent", "half_open"]


class Weather(BaseModel):
    """How a route behaves.

    `pass` carries; `slow` carries each piece after `latency_ms` give or take `jitter_ms`; `refuse` takes no new
    connection; `silent` and `half_open` accept and answer nothing, and make live connections mute. What `silent` caught
    is reset when the mode changes (a firewall that lost its state); what `half_open` caught stays mute until a side
    gives up.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Mode = "pass"
    latency_ms: NonNegativeInt = 0
    jitter_ms: NonNegativeInt = 0


class Standing(BaseModel):
    """A route as it is now."""

    weather: Weather
    live: int
    accepted: int


class Route:
    """One listening port of the proxy and the port behind it."""

    def __init__(self, name: str, listen: int, target: int) -> None:
        self.name = name
        self._listen = listen
        self._target = target
        self._weather = Weather()
        self._links: set[Link] = set()
        self._caught: set[Link] = set()
        self._accepted = 0
        self._server: asyncio.Server | None = None

    @property
    def standing(self) -> Standing:
        """How it is now."""
        return Standing(weather=self._weather, live=len(self._links), accepted=self._accepted)

    async def become(self, weather: Weather) -> None:
        """Change the weather; live connections feel it at once."""
        was, self._weather = self._weather, weather
        if was.mode == "silent" and weather.mode != "silent":
            self.cut(self._caught)
        if weather.mode in {"silent", "half_open"}:
            for link in self._links:
                link.mute = True
        self._caught = set(self._links) if weather.mode == "silent" else set()
        if weather.mode == "refuse":
            await self.close()
        else:
            await self.open()

    def cut(self, links: set[Link] | None = None) -> int:
        """Reset live connections, all unless some are named; returns how many."""
        chosen = set(self._links if links is None else links)
        for link in chosen:
            link.reset()
        return len(chosen)

    async def open(self) -> None:
        """Listen, if it does not yet."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self._listen)

    async def close(self) -> None:
        """Stop listening; live connections go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _delay(self) -> tuple[float, float]:
        weather = self._weather
        slow = weather.mode == "slow"
        return (weather.latency_ms / MILLISECONDS, weather.jitter_ms / MILLISECONDS) if slow else (0.0, 0.0)

    async def _accept(self, *client: *Streams) -> None:
        link = Link(client, self._delay)
        self._accepted += 1
        self._links.add(link)
        silent = self._weather.mode in {"silent", "half_open"}
        if self._weather.mode == "silent":
            self._caught.add(link)
        try:
            with suppress(asyncio.CancelledError):
                await link.run(None if silent else self._target)
        finally:
            self._links.discard(link)
            self._caught.discard(link)
