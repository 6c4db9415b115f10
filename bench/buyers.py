"""Buyers that pay at once: each posts a purchase, pays as soon as its checkout is open, and waits for the end."""

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

from bench.stage import Stage
from domain.orders.order import CheckoutOpened, Order, OrderFulfilled

POLL_SECONDS = 0.02
ENDED_SECONDS = 50.0
CREATED, ACCEPTED = 201, 202
OPENED, FULFILLED = CheckoutOpened.TOPIC, OrderFulfilled.TOPIC
NEWS = (
    "SELECT notification_id, topic, originator_id FROM events"
    " WHERE notification_id > %s AND topic = ANY(%s) ORDER BY notification_id"
)


def connections() -> aiohttp.ClientSession:
    """Open connections that cost little beside what is measured."""
    kept = aiohttp.TCPConnector(limit=128)
    return aiohttp.ClientSession(connector=kept, timeout=aiohttp.ClientTimeout(30))


class News:
    """Watches the events for purchases whose checkout has opened or that are fulfilled: one look serves all buyers.

    Buyers who asked the API every few hundredths of a second would be a good part of what is measured.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._waiting: dict[tuple[str, str], asyncio.Future[int]] = {}

    async def watch(self) -> None:
        """Tell everybody who waits, until cancelled."""
        position, topics = 0, [OPENED, FULFILLED]
        while True:
            for number, topic, stream in await (await self._connection.execute(NEWS, (position, topics))).fetchall():
                position = number
                self.of(topic, stream).set_result(number)
            await asyncio.sleep(POLL_SECONDS)

    def of(self, topic: str, stream: str) -> asyncio.Future[int]:
        """Return what is done once there is such an event, with its position."""
        return self._waiting.setdefault((topic, stream), asyncio.get_running_loop().create_future())


class Buyers:
    """The connections of some buyers."""

    def __init__(self, stage: Stage, http: aiohttp.ClientSession, news: News) -> None:
        self._stage = stage
        self._http = http
        self._news = news

    @classmethod
    @asynccontextmanager
    async def at(cls, stage: Stage) -> AsyncIterator["Buyers"]:
        """Open the connections."""
        async with (
            connections() as http,
            await psycopg.AsyncConnection.connect(stage.postgres, autocommit=True) as connection,
        ):
            news = News(connection)
            watching = asyncio.create_task(news.watch())
            try:
                yield cls(stage, http, news)
            finally:
                watching.cancel()

    async def buy(self) -> str:
        """Buy one ticket, from the request to the end; returns the purchase's id."""
        opened = await self.open()
        await self.pay(opened["purchase_id"], opened["client_secret"])
        async with asyncio.timeout(ENDED_SECONDS):
            await self._news.of(FULFILLED, Order.stream(opened["purchase_id"]))
        return str(opened["purchase_id"])

    async def open(self) -> dict[str, Any]:
        """Ask for one ticket and return the open checkout."""
        items = [{"ticket_type_id": self._stage.seat, "quantity": 1}]
        body = {"show_id": self._stage.show_id, "items": items}
        url = f"{self._stage.api}/api/v1/purchases"
        async with self._http.post(url, json=body, headers={"Idempotency-Key": uuid4().hex}) as answer:
            opened: dict[str, Any] = await answer.json()
            if answer.status not in {CREATED, ACCEPTED}:
                raise RuntimeError(f"POST purchases: {answer.status} {opened}")
        if opened["client_secret"] is None:
            name = opened["purchase_id"]
            async with asyncio.timeout(ENDED_SECONDS):
                position = await self._news.of(OPENED, Order.stream(name))
            while opened["client_secret"] is None:  # under load the read models may be later than an answer waits
                async with self._http.get(f"{url}/{name}", params={"after": position}) as answer:
                    opened = await answer.json()
        return opened

    async def pay(self, purchase_id: str, client_secret: str) -> None:
        """Pay as the buyer's browser does; where Stripe is stubbed, tell the API of it as Stripe would."""
        intent_id = client_secret.partition("_secret")[0]
        if self._stage.stubbed:
            await self._tell(purchase_id, intent_id)
            return
        await self._post(
            f"{self._stage.stripe}/v1/payment_intents/{intent_id}/confirm",
            data={"client_secret": client_secret, "payment_method": "pm_card_visa"},
            headers={"Authorization": "Bearer pk_test_boxoffice"},
        )

    async def _tell(self, purchase_id: str, intent_id: str) -> None:
        intent = {"id": intent_id, "object": "payment_intent", "metadata": {"purchase_id": purchase_id}}
        now = int(time.time())
        kind = "payment_intent.amount_capturable_updated"
        payload = json.dumps({"id": f"evt_{intent_id}", "type": kind, "created": now, "data": {"object": intent}})
        mac = hmac.new(self._stage.webhook_secret, f"{now}.{payload}".encode(), hashlib.sha256).hexdigest()
        url = f"{self._stage.api}/webhooks/stripe"
        await self._post(url, data=payload, headers={"Stripe-Signature": f"t={now},v1={mac}"})

    async def _post(self, url: str, **more: Any) -> None:
        async with self._http.post(url, **more) as answer:
            answer.raise_for_status()
