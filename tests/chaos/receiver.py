"""A receiver of webhooks on a bad day: it is down, slow, and answers every tenth one wrong; it keeps what it took."""

import asyncio
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from tests.chaos.plan import Spell
from tests.real.shop import Shop

WRONG_EVERY = 10
# A wrong answer, and whether the event was taken before it: then the same one comes again, under its id.
WRONG = itertools.cycle(((500, True), (503, False), (302, True), (429, False), (404, True), (400, False)))
PATIENCE_SECONDS = 150.0
LOOK_SECONDS = 0.5
PAGE = 1_000


class Taken(NamedTuple):
    """An event that the receiver took for the first time."""

    event_id: str
    position: int
    purchase_id: str | None


class Receiver:
    """Takes each event once by its id, as docs/events.md asks of receivers; `counts` has what came and was answered."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.counts: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._secret = ""
        self._port = 0
        self._delay = 0.0
        self._runner: web.AppRunner | None = None
        self._turn = asyncio.Lock()

    async def open(self, shop: Shop) -> None:
        """Listen, and have everything of the tenant sent here from now on."""
        await self._listen()
        answer = await shop.post("/api/v1/webhook-endpoints", {"url": f"http://127.0.0.1:{self._port}/"}, "receiver")
        self._secret = answer.raise_for_status().json()["secret"]

    async def suffer(self, spell: Spell) -> None:
        """Be down or slow for a while; a spell that begins meanwhile waits for the end of this one."""
        async with self._turn:
            self.counts[spell.kind] += 1
            if spell.kind == "slow":
                self._delay = spell.delay
                await asyncio.sleep(spell.seconds)
                self._delay = 0.0
                return
            await self.close()
            await asyncio.sleep(spell.seconds)
            await self._listen()

    async def close(self) -> None:
        """Listen no more; whoever waits for an answer gets none."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _listen(self) -> None:
        app = web.Application()
        app.router.add_post("/", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def _receive(self, asked: web.Request) -> web.Response:
        body = await asked.read()
        self.counts["came"] += 1
        try:
            Webhook(self._secret).verify(body, dict(asked.headers))
        except WebhookVerificationError:
            self.counts["not signed"] += 1
            return web.Response(status=401)
        status, takes = next(WRONG) if self.counts["came"] % WRONG_EVERY == 0 else (200, True)
        self.counts["answered wrong"] += status != httpx.codes.OK
        await asyncio.sleep(self._delay)
        if takes:
            self._take(json.loads(body))
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == httpx.codes.FOUND else {})

    def _take(self, event: dict[str, Any]) -> None:
        if event["id"] in self._ids:
            self.counts["came again"] += 1
            return
        self._ids.add(event["id"])
        self.taken.append(Taken(event["id"], event["position"], event["purchase_id"]))


@asynccontextmanager
async def receiving(shop: Shop) -> AsyncIterator[Receiver]:
    """Open a receiver before anything happens, and close it in the end."""
    receiver = Receiver()
    try:
        await receiver.open(shop)
        yield receiver
    finally:
        await receiver.close()


async def missing(receiver: Receiver, shop: Shop) -> list[str]:
    """Wait until the receiver has everything; return what is wrong with that then.

    Its people say first that it is well again: after many failures the next try may be an hour away.
    """
    (endpoint,) = (await shop.get("/api/v1/webhook-endpoints"))["endpoints"]
    (await shop.post(f"/api/v1/webhook-endpoints/{endpoint['endpoint_id']}/switch-on", {})).raise_for_status()
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        faults = wrong_with(receiver.taken, [event["id"] for event in await happened(shop)])
        if not faults or asyncio.get_running_loop().time() > until:
            break
        await asyncio.sleep(LOOK_SECONDS)
    if count := receiver.counts["not signed"]:
        faults.append(f"{count} webhooks were not signed with the endpoint's secret")
    (endpoint,) = (await shop.get("/api/v1/webhook-endpoints"))["endpoints"]
    if endpoint["state"] != "on":
        faults.append(f"the endpoint is {endpoint['state']}")
    return faults


async def happened(shop: Shop) -> list[dict[str, Any]]:
    """Return all outgoing events, from their pages."""
    events: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = await shop.get(f"/api/v1/events?after={after}&limit={PAGE}")
        events, after = events + page["events"], page["next"]
    return events


def wrong_with(taken: Sequence[Taken], happened: Iterable[str]) -> list[str]:
    """Return the differences: what did not come, what did not happen, and purchases whose events came out of order."""
    wanted, got = set(happened), Counter(one.event_id for one in taken)
    lanes: defaultdict[str, list[int]] = defaultdict(list)
    for one in taken:
        if one.purchase_id is not None:
            lanes[one.purchase_id].append(one.position)
    faults = [f"{len(lost)} of {len(wanted)} events never came"] if (lost := wanted - got.keys()) else []
    faults += [f"{name} came and never happened" for name in got.keys() - wanted]
    faults += [f"{name} was taken {count} times" for name, count in got.items() if count > 1]
    return faults + [f"{name}: came as {came}" for name, came in lanes.items() if came != sorted(came)]
