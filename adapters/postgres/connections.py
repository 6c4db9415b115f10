"""How every connection to PostgreSQL is opened: as its URL says, and with an end to each wait."""

import asyncio
import contextlib
import shlex
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Self, TypeVar

import psycopg
from psycopg import AsyncConnection, waiting
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.core.transient import TransientError

CONNECT_SECONDS = 3
# A peer that is gone without a word (power, network) is noticed after 25 seconds of silence, or 20 without an
# acknowledgement.
TCP = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
GRACE_SECONDS = 0.5
RECONNECT_SECONDS = 2.0
POOL_MAX = 8
LOOK_SECONDS = 0.1
R = TypeVar("R")


class Waits(NamedTuple):
    """The longest waits of a connection: for a statement, and within it for a lock.

    The server ends them. A server that is frozen ends nothing, so the client closes the connection a moment later.
    """

    statement_seconds: float
    lock_seconds: float

    @property
    def answer_seconds(self) -> float:
        """The time after which a connection without an answer is closed."""
        return self.statement_seconds + GRACE_SECONDS

    @property
    def options(self) -> str:
        """The waits as options of a session."""
        statement_ms, lock_ms = (int(seconds * 1000) for seconds in self)
        return f"-c statement_timeout={statement_ms} -c lock_timeout={lock_ms}"


REQUEST = Waits(3.0, 1.0)
"""Of a request of the API, which is answered within five seconds."""
BACKGROUND = Waits(30.0, 10.0)
"""Of processes that nobody waits for: worker, projector, reconcile."""
SCHEMA = Waits(600.0, 60.0)
"""Of changes of the schema: an index over many rows takes its time."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server does not answer in time."""

    answer_seconds = BACKGROUND.answer_seconds

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """Connect, and set the session's options where a pooler has dropped them."""
        connection = super().connect(conninfo, **kwargs)
        try:
            if asked := _settings_of(conninfo):
                connection.execute(*asked)
                connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def wait(self, gen: PQGen[R], interval: float = LOOK_SECONDS, timeout: float | None = None) -> R:
        """Wait for the server; raise OperationalError and close the connection when it does not answer in time."""
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # nothing that the server said
                self.pgconn.finish()
            raise


class BoundedAsyncConnection(AsyncConnection[Any]):
    """The same for asyncio. A cancelled wait closes the connection at once; psycopg would ask the server first."""

    answer_seconds = REQUEST.answer_seconds

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """Connect, and set the session's options where a pooler has dropped them."""
        connection = await super().connect(conninfo, **kwargs)
        try:
            if asked := _settings_of(conninfo):
                await connection.execute(*asked)
                await connection.commit()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def wait(self, gen: PQGen[R], interval: float = LOOK_SECONDS, timeout: float | None = None) -> R:  # noqa: ASYNC109 - psycopg's
        """Wait for the server; raise OperationalError and close the connection when it does not answer in time."""
        seconds = self.answer_seconds if timeout is None else timeout
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval, seconds)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:
                self.pgconn.finish()
            raise
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise


Pool = AsyncConnectionPool[BoundedAsyncConnection]


def conninfo_of(url: str, options: str = "") -> str:
    """Return a URL as a connection string for libpq: every parameter of the URL is kept.

    `options` come after the URL's own, so that ours hold where both set the same; a connection attempt ends after
    `CONNECT_SECONDS`, and a silent peer is given up as `TCP` says, unless the URL says otherwise. Nothing else may be
    passed to psycopg beside it: a keyword would replace what the URL says.
    """
    given = conninfo_to_dict(url)
    session = " ".join(str(part) for part in (given.pop("options", None), options) if part)
    defaults = {"connect_timeout": CONNECT_SECONDS, **TCP}
    return make_conninfo("", **{**defaults, **given, **({"options": session} if session else {})})


def session_settings(options: str) -> dict[str, str]:
    """Return the settings in libpq's `options`: `-c name=value`, `-cname=value`, `--name=value`."""
    found, words = dict[str, str](), iter(shlex.split(options))
    for word in words:
        given = next(words, "") if word == "-c" else word[2:] if word.startswith(("-c", "--")) else ""
        name, is_set, value = given.partition("=")
        if is_set:
            found[name.replace("-", "_")] = value
    return found


def _settings_of(conninfo: str) -> tuple[str, list[str]] | None:
    """Return the statement that sets a connection's options, and its parameters; None where there are none.

    PostgreSQL has set them already; pgbouncer takes a connection with options only where it may ignore them.
    """
    settings = session_settings(str(conninfo_to_dict(conninfo).get("options") or ""))
    if not settings:
        return None
    parameters = [text for pair in settings.items() for text in pair]
    return f"SELECT {', '.join(['set_config(%s, %s, false)'] * len(settings))}", parameters


def connect(url: str, waits: Waits, options: str = "") -> BoundedConnection:
    """Connect in autocommit mode, with rows as tuples."""
    conninfo = conninfo_of(url, f"{waits.options} {options}".strip())
    connection = BoundedConnection.connect(conninfo, autocommit=True, row_factory=tuple_row)
    connection.answer_seconds = waits.answer_seconds
    return connection


def open_pool(url: str, size_max: int = POOL_MAX, waits: Waits = REQUEST) -> Pool:
    """Return an unopened pool; once open, it reconnects by itself after an outage."""
    return AsyncConnectionPool(
        conninfo_of(url, waits.options),
        connection_class=BoundedAsyncConnection,
        min_size=1,
        max_size=size_max,
        open=False,
        timeout=waits.answer_seconds,
        # Its pauses double throughout an outage; after giving up early it starts again with the next caller.
        reconnect_timeout=RECONNECT_SECONDS,
        kwargs={"autocommit": True, "row_factory": tuple_row},
    )


@contextlib.asynccontextmanager
async def connection_of(pool: Pool, share: asyncio.Semaphore | None = None) -> AsyncIterator[BoundedAsyncConnection]:
    """Lend a connection from the pool, or raise TransientError when it is lost.

    The wait for a place in the `share`, for the connection and for the answer of one statement end together, after
    the pool's `timeout`.
    """
    until = time.monotonic() + pool.timeout
    try:
        async with _place_in(share, until), pool.connection(until - time.monotonic()) as connection:
            connection.answer_seconds = max(until - time.monotonic(), LOOK_SECONDS)
            try:
                yield connection
            finally:
                connection.answer_seconds = pool.timeout
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise TransientError(f"PostgreSQL: {type(error).__name__}", unknown=True) from error


class Tables:
    """The base of what asks PostgreSQL over a pool, with a connection for each statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def _run(self, statement: Any, values: Any = None) -> int:
        """Run a statement; return the number of rows that it changed."""
        async with connection_of(self._pool) as connection:
            return (await connection.execute(statement, values)).rowcount

    async def _rows(self, statement: Any, values: Any = None) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        async with connection_of(self._pool) as connection:
            return await (await connection.execute(statement, values)).fetchall()

    async def _row(self, statement: Any, values: Any = None) -> Any:
        """Return the first row of a statement; None when it has none."""
        return next(iter(await self._rows(statement, values)), None)


@contextlib.asynccontextmanager
async def _place_in(share: asyncio.Semaphore | None, until: float) -> AsyncIterator[None]:
    if share is None:
        yield
        return
    try:
        async with asyncio.timeout(until - time.monotonic()):
            await share.acquire()
    except TimeoutError as error:
        raise PoolTimeout("too many of the same query wait") from error
    try:
        yield
    finally:
        share.release()
