"""Webhook deliveries: signed, retried with growing pauses, stored until they are answered."""

import asyncio
import hashlib
import hmac
import json
import sqlite3
import time
from http import HTTPStatus

import aiohttp

from devstack.stripe.core.calls import public_view
from devstack.stripe.core.errors import Json
from devstack.stripe.core.store import Store

BATCH_MAX = 16
ATTEMPTS_MAX = 16
ANSWER_SECONDS_MAX = 10.0
PAUSE_SECONDS_MAX = 3600.0
POLL_SECONDS = 0.05


def sign(secret: str, payload: bytes, now: int) -> str:
    """Return the Stripe-Signature header of a payload."""
    digest = hmac.new(secret.encode(), f"{now}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


def list_deliveries(store: Store) -> list[Json]:
    """Return the deliveries, oldest first, with their attempts and states."""
    return [dict(row) for row in store.db.execute("SELECT * FROM deliveries ORDER BY id")]


class WebhookSender:
    """Sends due deliveries; `pause_seconds` is the first pause after a failure, each later one is twice as long."""

    def __init__(self, store: Store, pause_seconds: float) -> None:
        self._store = store
        self._pause_seconds = pause_seconds

    async def run(self) -> None:
        """Send until cancelled."""
        timeout = aiohttp.ClientTimeout(ANSWER_SECONDS_MAX)
        async with aiohttp.ClientSession(timeout=timeout) as client:
            while True:
                rows = self._due()
                await asyncio.gather(*(self._deliver(client, row) for row in rows))
                if not rows:
                    await asyncio.sleep(POLL_SECONDS)

    def _due(self) -> list[sqlite3.Row]:
        query = (
            "SELECT * FROM deliveries WHERE state IN ('due', 'behind') AND next_at <= ? ORDER BY next_at, id LIMIT ?"
        )
        return self._store.db.execute(query, (time.time(), BATCH_MAX)).fetchall()

    async def _deliver(self, client: aiohttp.ClientSession, row: sqlite3.Row) -> None:
        endpoint, event = self._store.find(row["endpoint"]), self._store.find(row["event"])
        if endpoint is None or event is None:
            self._move(row, "lost", 0.0)
            return
        payload = json.dumps(public_view(event)).encode()
        headers = {
            "Content-Type": "application/json",
            "Stripe-Signature": sign(endpoint["secret"], payload, int(time.time())),
        }
        try:
            async with client.post(endpoint["url"], data=payload, headers=headers, allow_redirects=False) as answer:
                accepted = answer.status < HTTPStatus.MULTIPLE_CHOICES
        except (aiohttp.ClientError, TimeoutError, ValueError):
            accepted = False
        if accepted:
            self._move(row, "delivered", 0.0)
            self._release_held(row)
        elif row["attempts"] + 1 >= ATTEMPTS_MAX:
            self._move(row, "failed", 0.0)
        else:
            self._move(row, "due", min(self._pause_seconds * 2 ** row["attempts"], PAUSE_SECONDS_MAX))

    def _move(self, row: sqlite3.Row, state: str, pause: float) -> None:
        update = "UPDATE deliveries SET state = ?, attempts = attempts + 1, next_at = ? WHERE id = ?"
        self._store.db.execute(update, (state, time.time() + pause, row["id"]))

    def _release_held(self, gone: sqlite3.Row) -> None:
        """Release deliveries held back by a `reorder` fault, now that a later event has arrived first."""
        update = "UPDATE deliveries SET state = 'due', next_at = 0 WHERE state = 'behind' AND endpoint = ? AND id < ?"
        self._store.db.execute(update, (gone["endpoint"], gone["id"]))
