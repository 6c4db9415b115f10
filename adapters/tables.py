"""The tables beside the event store: client secrets and received webhooks; buyers are in `adapters/privacy`."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.postgres import conninfo_of
from domain.core.transient import TransientError
from domain.payments.webhook_event import WebhookEvent

POOL_MAX = 8
WAIT_SECONDS = 5.0
RECONNECT_SECONDS = 2.0
STORED = [name for name, field in WebhookEvent.model_fields.items() if not field.exclude]
Pool = AsyncConnectionPool[AsyncConnection[Any]]


def open_pool(url: str, size_max: int = POOL_MAX) -> Pool:
    """Return an unopened pool; once open, it reconnects by itself after an outage."""
    kwargs = {"autocommit": True, "row_factory": tuple_row}
    return AsyncConnectionPool(
        conninfo_of(url),
        min_size=1,
        max_size=size_max,
        open=False,
        timeout=WAIT_SECONDS,
        # Its pauses double throughout an outage; after giving up early it starts again with the next caller.
        reconnect_timeout=RECONNECT_SECONDS,
        kwargs=kwargs,
    )


@contextlib.asynccontextmanager
async def connection_of(pool: Pool) -> AsyncIterator[AsyncConnection[Any]]:
    """Lend a connection from the pool; raise TransientError when it is lost."""
    try:
        async with pool.connection() as connection:
            yield connection
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise TransientError(f"PostgreSQL: {type(error).__name__}", unknown=True) from error


class PostgresKeyUses:
    """The last use of each API key, to the minute."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, key_id: str) -> None:
        """Note that a key is used now."""
        async with connection_of(self._pool) as connection:
            await connection.execute(
                "INSERT INTO key_uses (key_id, last_used_at) VALUES (%s, now()) ON CONFLICT (key_id) DO UPDATE"
                " SET last_used_at = now() WHERE key_uses.last_used_at < now() - interval '1 minute'",
                (key_id,),
            )

    async def all(self) -> dict[str, datetime]:
        """Return the last use of every key that was used."""
        async with connection_of(self._pool) as connection:
            cursor = await connection.execute("SELECT key_id, last_used_at FROM key_uses")
            return dict(await cursor.fetchall())


class PostgresCheckouts:
    """Client secrets of purchases that await their payment."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, purchase_id: str, client_secret: str) -> None:
        """Store or replace the secret."""
        async with connection_of(self._pool) as connection:
            await connection.execute(
                "INSERT INTO checkouts (purchase_id, client_secret) VALUES (%s, %s)"
                " ON CONFLICT (purchase_id) DO UPDATE SET client_secret = EXCLUDED.client_secret",
                (purchase_id, client_secret),
            )

    async def get(self, purchase_id: str) -> str | None:
        """Return the secret; None when there is none (any more)."""
        async with connection_of(self._pool) as connection:
            cursor = await connection.execute(
                "SELECT client_secret FROM checkouts WHERE purchase_id = %s", (purchase_id,)
            )
            row = await cursor.fetchone()
        return None if row is None else row[0]

    async def forget(self, purchase_id: str) -> None:
        """Delete the secret, if there is one."""
        async with connection_of(self._pool) as connection:
            await connection.execute("DELETE FROM checkouts WHERE purchase_id = %s", (purchase_id,))


class PostgresWebhookInbox:
    """Verified webhooks, each stored once and unsignalled until it is marked.

    `unsignalled` skips webhooks younger than `min_age_seconds`.
    """

    def __init__(self, pool: Pool, min_age_seconds: float = 0.0) -> None:
        self._pool = pool
        self._min_age_seconds = min_age_seconds

    async def store(self, webhook: WebhookEvent) -> bool:
        """Store a webhook; return False when it is stored already."""
        async with connection_of(self._pool) as connection:
            cursor = await connection.execute(
                "INSERT INTO webhook_inbox (event_id, type, object_id, intent_id, purchase_id, created, digest,"
                " account_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                tuple(webhook.model_dump().values()),
            )
        return cursor.rowcount == 1

    async def unsignalled(self, limit: int) -> list[WebhookEvent]:
        """Return webhooks that have not been acted on yet, oldest first."""
        async with connection_of(self._pool) as connection:
            cursor = await connection.execute(
                "SELECT event_id, type, object_id, intent_id, purchase_id, created, digest, account_id"
                " FROM webhook_inbox WHERE signalled_at IS NULL"
                " AND received_at <= now() - make_interval(secs => %s) ORDER BY received_at LIMIT %s",
                (self._min_age_seconds, limit),
            )
            return [WebhookEvent(**dict(zip(STORED, row, strict=True))) for row in await cursor.fetchall()]

    async def mark(self, event_id: str) -> None:
        """Mark a webhook as acted on."""
        async with connection_of(self._pool) as connection:
            await connection.execute(
                "UPDATE webhook_inbox SET signalled_at = %s WHERE event_id = %s", (datetime.now(UTC), event_id)
            )
