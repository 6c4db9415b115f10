"""Simulated buyers: each posts a purchase, pays as soon as its checkout is open, and waits until it is fulfilled."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
from eventsourcing.utils import get_topic

from bench.fixtures.event_store import EVENTS_TABLE
from bench.fixtures.stack import Site
from domain.orders.order import CheckoutOpened, Order, OrderFulfilled

POLL_SECONDS = 0.02
ENDED_SECONDS = 50.0
OPENED, FULFILLED = get_topic(CheckoutOpened), get_topic(OrderFulfilled)
EVENTS_AFTER = (
    f"SELECT notification_id, topic, originator_id FROM {EVENTS_TABLE}"  # noqa: S608 - a constant
    " WHERE notification_id > %s AND topic = ANY(%s) ORDER BY notification_id"
)


def connections() -> aiohttp.ClientSession:
    """Return a session that costs little beside the measured code."""
    kept = aiohttp.TCPConnector(limit=128)
    return aiohttp.ClientSession(connector=kept, timeout=aiohttp.ClientTimeout(30))


async def post_json(http: aiohttp.ClientSession, url: str, body: Any, headers: dict[str, str]) -> Any:
    """Post a request under a key of its own; return the answer."""
    async with http.post(url, json=body, headers={"Idempotency-Key": uuid4().hex, **headers}) as answer:
        found = await answer.json()
        if not answer.ok:
            raise RuntimeError(f"POST {url}: {answer.status} {found}")
        return found


class EventWatcher:
    """Watches the event store for opened checkouts and fulfilled purchases, with one query for all buyers.

    If each buyer polled the API, the polls would be a large part of the measured load.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._waiting: dict[tuple[str, str], asyncio.Future[int]] = {}

    async def watch(self) -> None:
        """Resolve the waiting futures, until cancelled."""
        position, topics = 0, [OPENED, FULFILLED]
        while True:
            for number, topic, stream in await (
                await self._connection.execute(EVENTS_AFTER, (position, topics))
            ).fetchall():
                position = number
                self.of(topic, stream).set_result(number)
            await asyncio.sleep(POLL_SECONDS)

    def of(self, topic: str, stream: str) -> asyncio.Future[int]:
        """Return a future for the position of this event."""
        return self._waiting.setdefault((topic, stream), asyncio.get_running_loop().create_future())


class Buyers:
    """Buyers and their connections."""

    def __init__(self, site: Site, http: aiohttp.ClientSession, watcher: EventWatcher) -> None:
        self._site = site
        self._http = http
        self._watcher = watcher

    @classmethod
    @asynccontextmanager
    async def at(cls, site: Site) -> AsyncIterator["Buyers"]:
        """Open the connections."""
        async with (
            connections() as http,
            await psycopg.AsyncConnection.connect(site.postgres, autocommit=True) as connection,
        ):
            watcher = EventWatcher(connection)
            watching = asyncio.create_task(watcher.watch())
            try:
                yield cls(site, http, watcher)
            finally:
                watching.cancel()

    async def buy(self) -> str:
        """Buy one ticket and wait until the purchase is fulfilled; return its id."""
        opened = await self.open()
        await self.pay(opened["purchase_id"], opened["client_secret"])
        async with asyncio.timeout(ENDED_SECONDS):
            await self._watcher.of(FULFILLED, Order.stream(opened["purchase_id"]))
        return str(opened["purchase_id"])

    async def open(self) -> dict[str, Any]:
        """Request one ticket and return the open checkout."""
        items = [{"ticket_type_id": self._site.seat, "quantity": 1}]
        body = {"show_id": self._site.show_id, "items": items}
        url = f"{self._site.api}/api/v1/purchases"
        opened: dict[str, Any] = await post_json(self._http, url, body, self._site.key)
        if opened["client_secret"] is None:
            name, link = opened["purchase_id"], f"{self._site.api}{opened['links']['status']}&after="
            async with asyncio.timeout(ENDED_SECONDS):
                position = await self._watcher.of(OPENED, Order.stream(name))
                # Under load the read models may lag behind the API's wait: the purchase is old there, or unknown.
                while opened.get("client_secret") is None:
                    async with self._http.get(f"{link}{position}") as answer:
                        opened = await answer.json()
        return opened

    async def pay(self, purchase_id: str, client_secret: str) -> None:
        """Pay as the buyer's browser does; with a stubbed Stripe send the API its webhook."""
        intent_id = client_secret.partition("_secret")[0]
        if self._site.stubbed:
            await self._tell(purchase_id, intent_id)
            return
        await self._post(
            f"{self._site.stripe}/v1/payment_intents/{intent_id}/confirm",
            data={"client_secret": client_secret, "payment_method": "pm_card_visa"},
            headers={"Authorization": "Bearer pk_test_boxoffice"},
        )

    async def _tell(self, purchase_id: str, intent_id: str) -> None:
        intent = {"id": intent_id, "object": "payment_intent", "metadata": {"purchase_id": purchase_id}}
        now = int(time.time())
        kind = "payment_intent.amount_capturable_updated"
        payload = json.dumps({"id": f"evt_{intent_id}", "type": kind, "created": now, "data": {"object": intent}})
        mac = hmac.new(self._site.webhook_secret, f"{now}.{payload}".encode(), hashlib.sha256).hexdigest()
        url = f"{self._site.api}/webhooks/stripe"
        await self._post(url, data=payload, headers={"Stripe-Signature": f"t={now},v1={mac}"})

    async def _post(self, url: str, **more: Any) -> None:
        async with self._http.post(url, **more) as answer:
            answer.raise_for_status()
