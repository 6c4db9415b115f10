"""The side tables, which hold no events: buyers' personal data, client secrets and received webhooks."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.core.transient import TransientError
from domain.payments.webhook_event import WebhookEvent

POOL_MAX = 8
WAIT_SECONDS = 5.0
RECONNECT_SECONDS = 2.0
STORED = [name for name, field in WebhookEvent.model_fields.items() if not field.exclude]
Pool = AsyncConnectionPool[AsyncConnection[Any]]


def open_pool(url: str, size_max: int = POOL_MAX) -> Pool:
    """Return a pool that is not open yet; it connects again by itself after an outage."""
    kwargs = {"autocommit": True, "row_factory": tuple_row}
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=size_max,
        open=False,
        timeout=WAIT_SECONDS,
        # Its pauses double for as long as an outage lasts; given up soon, it begins anew with the next caller.
        reconnect_timeout=RECONNECT_SECONDS,
        kwargs=kwargs,
    )


@contextlib.asynccontextmanager
async def connection_from(pool: Pool) -> AsyncIterator[AsyncConnection[Any]]:
    """Lend a connection; a lost one is a transient error."""
    try:
        async with pool.connection() as connection:
            yield connection
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise TransientError(f"PostgreSQL: {type(error).__name__}", unknown=True) from error


class PostgresBuyers:
    """The one table of personal data; the events know a buyer by an opaque id."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(
        self, buyer_id: str, tenant_id: str, name: str | None, email: str | None, wallet: str | None
    ) -> None:
        """Keep a buyer; the same id again changes nothing."""
        async with connection_from(self._pool) as connection:
            await connection.execute(
                "INSERT INTO buyers (buyer_id, tenant_id, name, email, wallet) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                (buyer_id, tenant_id, name, email, wallet),
            )

    async def forget(self, buyer_id: str) -> None:
        """Forget a buyer whose request was refused."""
        async with connection_from(self._pool) as connection:
            await connection.execute("DELETE FROM buyers WHERE buyer_id = %s", (buyer_id,))

    async def wallet_of(self, buyer_id: str) -> str | None:
        """Return the wallet that the buyer gave, if any."""
        async with connection_from(self._pool) as connection:
            cursor = await connection.execute("SELECT wallet FROM buyers WHERE buyer_id = %s", (buyer_id,))
            row = await cursor.fetchone()
        return None if row is None else row[0]


class PostgresCheckouts:
    """Client secrets, while their purchases wait for a payment."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, purchase_id: str, client_secret: str) -> None:
        """Keep or replace the secret."""
        async with connection_from(self._pool) as connection:
            await connection.execute(
                "INSERT INTO checkouts (purchase_id, client_secret) VALUES (%s, %s)"
                " ON CONFLICT (purchase_id) DO UPDATE SET client_secret = EXCLUDED.client_secret",
                (purchase_id, client_secret),
            )

    async def get(self, purchase_id: str) -> str | None:
        """Return the secret, or None when there is none (any more)."""
        async with connection_from(self._pool) as connection:
            cursor = await connection.execute(
                "SELECT client_secret FROM checkouts WHERE purchase_id = %s", (purchase_id,)
            )
            row = await cursor.fetchone()
        return None if row is None else row[0]

    async def forget(self, purchase_id: str) -> None:
        """Forget it; nothing to forget is success."""
        async with connection_from(self._pool) as connection:
            await connection.execute("DELETE FROM checkouts WHERE purchase_id = %s", (purchase_id,))


class PostgresWebhookInbox:
    """Webhooks that were verified; each is stored once and signalled until it was taken."""

    def __init__(self, pool: Pool, patience_seconds: float = 0.0) -> None:
        self._pool = pool
        self._patience_seconds = patience_seconds

    async def store(self, webhook: WebhookEvent) -> bool:
        """Store a webhook; False when it was known."""
        async with connection_from(self._pool) as connection:
            cursor = await connection.execute(
                "INSERT INTO webhook_inbox (event_id, type, object_id, intent_id, purchase_id, created, digest,"
                " account_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                tuple(webhook.model_dump().values()),
            )
        return cursor.rowcount == 1

    async def unsignalled(self, limit: int) -> list[WebhookEvent]:
        """Return webhooks that nobody has acted on yet, oldest first."""
        async with connection_from(self._pool) as connection:
            cursor = await connection.execute(
                "SELECT event_id, type, object_id, intent_id, purchase_id, created, digest, account_id"
                " FROM webhook_inbox WHERE signalled_at IS NULL"
                " AND received_at <= now() - make_interval(secs => %s) ORDER BY received_at LIMIT %s",
                (self._patience_seconds, limit),
            )
            return [WebhookEvent(**dict(zip(STORED, row, strict=True))) for row in await cursor.fetchall()]

    async def mark(self, event_id: str) -> None:
        """Say that a webhook was acted on."""
        async with connection_from(self._pool) as connection:
            await connection.execute(
                "UPDATE webhook_inbox SET signalled_at = %s WHERE event_id = %s", (datetime.now(UTC), event_id)
            )
