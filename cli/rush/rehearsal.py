"""A rehearsal of an on-sale: many buyers buy at once, those who hold a seat pay, and each gets an answer.

A buyer who gets 429, 5xx or no answer retries under the same key, which is never a second purchase.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from statistics import quantiles
from typing import Any, NamedTuple
from uuid import uuid4

import aiohttp

from devstack.stack import Stack
from domain.orders.state import ENDED

LANES_MAX = 100
AGAIN_SECONDS = 1.0
STREAMS_MAX = 800  # with the lanes less than one API process takes; who comes later waits for a place
DATA = b"data: "
ANSWER_SECONDS_MAX = 300.0
END_SECONDS_MAX = 1_800.0
HELD, SOLD_OUT, AGAIN, REFUSED, NONE = "seat held", "sold out", "retry", "refused otherwise", "no answer"
ANSWERS = (HELD, SOLD_OUT, REFUSED, NONE)
UNANSWERED = (aiohttp.ClientError, TimeoutError)
PATIENCE = aiohttp.ClientTimeout(30)
SILENCE = aiohttp.ClientTimeout(None, sock_read=30)  # as a browser, which hears a sign of life every 15 seconds


Http = aiohttp.ClientSession


class Answer(NamedTuple):
    """The answer to a buyer: its kind, its time (seconds since the rush began) and its latency in seconds."""

    kind: str
    at: float
    took: float


def _connections(most: int) -> Http:
    """Return a client with at most so many connections."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=most), timeout=PATIENCE)


def percentiles(took: Sequence[float]) -> tuple[float, float]:
    """Return p50 and p99 of latencies in seconds."""
    if len(took) == 1:
        return took[0], took[0]
    cut = quantiles(took, n=100, method="inclusive")
    return cut[49], cut[98]


@dataclass
class Tally:
    """The results of a rush so far."""

    buyers: int
    seats: int
    began: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    retries: int = 0
    opened: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    fulfilled_at: list[float] = field(default_factory=list)
    purchase_ids: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> Counter[str]:
        """The number of answers of each kind."""
        return Counter(answer.kind for answer in self.answers)

    @property
    def seconds(self) -> float:
        """Seconds since the rush began."""
        return time.monotonic() - self.began if self.began else 0.0


class Rush:
    """The buyers of one show on one running stack."""

    def __init__(self, stack: Stack, publishable_key: str, show: dict[str, Any], tally: Tally) -> None:
        self._api = stack.urls["api"]
        self._stripe = stack.urls["stripe"]
        self._key = stack.key
        self._publishable_key = publishable_key
        self._body = {
            "show_id": show["show_id"],
            "items": [{"ticket_type_id": show["ticket_types"][0]["ticket_type_id"], "quantity": 1}],
        }
        self.tally = tally

    async def run(self) -> None:
        """Let all buyers buy, pay and wait; return when each has an answer and each purchase has ended."""
        waiting = iter(range(self.tally.buyers))
        self.tally.began = time.monotonic()
        async with (
            _connections(LANES_MAX) as buying,
            _connections(STREAMS_MAX) as http,
            asyncio.TaskGroup() as buyers,
        ):
            lanes = [self._lane(waiting, buying, http, buyers) for _ in range(min(LANES_MAX, self.tally.buyers))]
            await asyncio.gather(*lanes)

    async def _lane(self, waiting: Iterator[int], buying: Http, http: Http, buyers: asyncio.TaskGroup) -> None:
        """Let one buyer after another buy, on one connection."""
        for _ in waiting:
            bought = await self._buy(buying)
            if bought is not None:
                buyers.create_task(self._follow(http, bought))

    async def _buy(self, http: Http) -> dict[str, Any] | None:
        """Request a purchase until there is an answer; return it if the buyer holds a seat."""
        key, began = uuid4().hex, time.monotonic()
        while time.monotonic() - began < ANSWER_SECONDS_MAX:
            kind, document = await self._post(http, key)
            if kind != AGAIN:
                self._note(kind, began)
                return document if kind == HELD else None
            self.tally.retries += 1
            await asyncio.sleep(AGAIN_SECONDS)
        self._note(NONE, began)
        return None

    def _note(self, kind: str, began: float) -> None:
        now = time.monotonic()
        self.tally.answers.append(Answer(kind, now - self.tally.began, now - began))

    async def _post(self, http: Http, key: str) -> tuple[str, dict[str, Any]]:
        url = f"{self._api}/api/v1/purchases"
        try:
            async with http.post(url, json=self._body, headers={"Idempotency-Key": key, **self._key}) as answer:
                if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    return AGAIN, {}
                document: dict[str, Any] = await answer.json(content_type=None)
        except UNANSWERED:
            return AGAIN, {}
        if answer.ok:
            return HELD, document
        return (SOLD_OUT if str(document.get("type")).endswith(":sold-out") else REFUSED), document

    async def _follow(self, http: Http, bought: dict[str, Any]) -> None:
        """Follow a purchase's events as the shop's page does: pay once it can be paid, and wait for the end."""
        tally, until = self.tally, time.monotonic() + END_SECONDS_MAX
        tally.purchase_ids.append(bought["purchase_id"])
        is_paid = False
        while time.monotonic() < until:
            async with aclosing(self._events(http, bought["links"]["events"])) as events:
                async for seen in events:
                    if seen["state"] in ENDED:
                        tally.ends[seen["state"]] += 1
                        if seen["state"] == "fulfilled":
                            tally.fulfilled_at.append(tally.seconds)
                        return
                    if seen["client_secret"] and not is_paid:
                        is_paid = await self._pay(http, seen["client_secret"])
                        tally.opened += is_paid
                        if not is_paid:
                            break  # the next stream begins with the present state
            await asyncio.sleep(AGAIN_SECONDS)
        tally.ends["without an end"] += 1

    async def _events(self, http: Http, link: str) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the present state and every change, until the stream ends or breaks."""
        try:
            async with http.get(f"{self._api}{link}", timeout=SILENCE) as stream:
                if stream.ok:
                    async for text in stream.content:
                        if text.startswith(DATA):
                            yield json.loads(text.removeprefix(DATA))
        except UNANSWERED:
            return

    async def _pay(self, http: Http, client_secret: str) -> bool:
        """Pay as the buyer's browser does; False when Stripe did not answer."""
        intent_id = client_secret.partition("_secret")[0]
        paying = {"client_secret": client_secret, "payment_method": "pm_card_visa"}
        headers = {"Authorization": f"Bearer {self._publishable_key}"}
        url = f"{self._stripe}/v1/payment_intents/{intent_id}/confirm"
        try:
            async with http.post(url, data=paying, headers=headers) as answer:
                return answer.ok
        except UNANSWERED:
            return False
