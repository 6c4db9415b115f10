"""The tables beside the event store: client secrets and received webhooks; buyers are in `adapters/privacy`."""

from datetime import UTC, datetime

from adapters.postgres.connections import Pool, Tables
from domain.payments.webhook_event import WebhookEvent

STORED = [name for name, field in WebhookEvent.model_fields.items() if not field.exclude]


class PostgresKeyUses(Tables):
    """The last use of each API key, to the minute."""

    async def note(self, key_id: str) -> None:
        """Note that a key is used now."""
        await self._run(
            "INSERT INTO key_uses (key_id, last_used_at) VALUES (%s, now()) ON CONFLICT (key_id) DO UPDATE"
            " SET last_used_at = now() WHERE key_uses.last_used_at < now() - interval '1 minute'",
            (key_id,),
        )

    async def all(self) -> dict[str, datetime]:
        """Return the last use of every key that was used."""
        return dict(await self._rows("SELECT key_id, last_used_at FROM key_uses"))


class PostgresCheckouts(Tables):
    """Client secrets of purchases that await their payment."""

    async def keep(self, purchase_id: str, client_secret: str) -> None:
        """Store or replace the secret."""
        await self._run(
            "INSERT INTO checkouts (purchase_id, client_secret) VALUES (%s, %s)"
            " ON CONFLICT (purchase_id) DO UPDATE SET client_secret = EXCLUDED.client_secret",
            (purchase_id, client_secret),
        )

    async def get(self, purchase_id: str) -> str | None:
        """Return the secret; None when there is none (any more)."""
        row = await self._row("SELECT client_secret FROM checkouts WHERE purchase_id = %s", (purchase_id,))
        return None if row is None else row[0]

    async def forget(self, purchase_id: str) -> None:
        """Delete the secret, if there is one."""
        await self._run("DELETE FROM checkouts WHERE purchase_id = %s", (purchase_id,))


class PostgresWebhookInbox(Tables):
    """Verified webhooks, each stored once and unsignalled until it is marked.

    `unsignalled` skips webhooks younger than `min_age_seconds`.
    """

    def __init__(self, pool: Pool, min_age_seconds: float = 0.0) -> None:
        super().__init__(pool)
        self._min_age_seconds = min_age_seconds

    async def store(self, webhook: WebhookEvent) -> bool:
        """Store a webhook; return False when it is stored already."""
        stored = await self._run(
            "INSERT INTO webhook_inbox (event_id, type, object_id, intent_id, purchase_id, created, digest,"
            " account_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            tuple(webhook.model_dump().values()),
        )
        return stored == 1

    async def unsignalled(self, limit: int) -> list[WebhookEvent]:
        """Return webhooks that have not been acted on yet, oldest first."""
        rows = await self._rows(
            "SELECT event_id, type, object_id, intent_id, purchase_id, created, digest, account_id"
            " FROM webhook_inbox WHERE signalled_at IS NULL"
            " AND received_at <= now() - make_interval(secs => %s) ORDER BY received_at LIMIT %s",
            (self._min_age_seconds, limit),
        )
        return [WebhookEvent(**dict(zip(STORED, row, strict=True))) for row in rows]

    async def mark(self, event_id: str) -> None:
        """Mark a webhook as acted on."""
        await self._run("UPDATE webhook_inbox SET signalled_at = %s WHERE event_id = %s", (datetime.now(UTC), event_id))
