"""Counters of the rate limits: in this process's memory, or in PostgreSQL for all processes together."""

import time

from limits.aio.storage import Storage

from adapters.postgres.connections import Pool, Tables

COUNTERS_MAX = 100_000
SWEEP_SECONDS = 60.0


class MemoryCounters(Storage):
    """Counters of this process: a bounded number, where the oldest makes room for a new one.

    The library's own storage in memory looks at every counter in every request: 4 ms at 10,000 counters.
    """

    STORAGE_SCHEME = None

    def __init__(self, counters_max: int = COUNTERS_MAX) -> None:
        super().__init__()
        self._counters: dict[str, tuple[int, float]] = {}
        self._counters_max = counters_max

    @property
    def base_exceptions(self) -> type[Exception]:
        """The errors of this storage: none."""
        return RuntimeError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a window that begins with its first request; return the count."""
        now = time.time()
        count, until = self._counters.get(key, (0, now))
        if until <= now:
            self._counters.pop(key, None)  # a new window is the youngest again
            count, until = 0, now + expiry
            if len(self._counters) >= self._counters_max:
                del self._counters[next(iter(self._counters))]
        self._counters[key] = (count + amount, until)
        return count + amount

    async def get(self, key: str) -> int:
        """Return the count of the present window."""
        count, until = self._counters.get(key, (0, 0.0))
        return count if until > time.time() else 0

    async def get_expiry(self, key: str) -> float:
        """Return the end of the window, in seconds since the epoch."""
        return self._counters.get(key, (0, time.time()))[1]

    async def check(self) -> bool:
        """Return whether the storage works."""
        return True

    async def reset(self) -> int:
        """Forget every count."""
        forgotten = len(self._counters)
        self._counters.clear()
        return forgotten

    async def clear(self, key: str) -> None:
        """Forget one count."""
        self._counters.pop(key, None)


class PostgresCounters(Tables, Storage):
    """Counters that all processes of a deployment share: one row each, in a table that a crash may empty."""

    STORAGE_SCHEME = None

    def __init__(self, pool: Pool) -> None:
        Tables.__init__(self, pool)
        Storage.__init__(self)
        self._sweep_at = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        """The errors of this storage; `connection_of` has translated those of PostgreSQL."""
        return RuntimeError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a window that begins with its first request; return the count."""
        await self._sweep()
        row = await self._row(
            "INSERT INTO rate_limits AS old (key, hits, until) VALUES (%s, %s, now() + make_interval(secs => %s))"
            " ON CONFLICT (key) DO UPDATE SET"
            " hits = CASE WHEN old.until > now() THEN old.hits ELSE 0 END + EXCLUDED.hits,"
            " until = CASE WHEN old.until > now() THEN old.until ELSE EXCLUDED.until END RETURNING hits",
            (key, amount, expiry),
        )
        return int(row[0])

    async def get(self, key: str) -> int:
        """Return the count of the present window."""
        row = await self._row("SELECT sum(hits) FROM rate_limits WHERE key = %s AND until > now()", (key,))
        return int(row[0] or 0)

    async def get_expiry(self, key: str) -> float:
        """Return the end of the window, in seconds since the epoch."""
        row = await self._row("SELECT extract(epoch FROM max(until)) FROM rate_limits WHERE key = %s", (key,))
        return float(row[0] or time.time())

    async def check(self) -> bool:
        """Return whether the storage works."""
        return (await self._row("SELECT true"))[0] is True

    async def reset(self) -> int:
        """Forget every count."""
        return await self._run("DELETE FROM rate_limits")

    async def clear(self, key: str) -> None:
        """Forget one count."""
        await self._run("DELETE FROM rate_limits WHERE key = %s", (key,))

    async def _sweep(self) -> None:
        """Delete the counts of past windows, once a minute."""
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            await self._run("DELETE FROM rate_limits WHERE until <= now()")
