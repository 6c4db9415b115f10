"""The scenes of outgoing events: a receiver on this machine, which fails once, and a letter to the buyer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from aiohttp import web
from standardwebhooks import Webhook

from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.shop import Shop
from tests.replay.scenes import Scene, closed
from tests.replay.scenes_money import sold

TYPES = ("order.confirmed", "ticket.issued", "order.fulfilled")
EVENTS = 4  # two of the order, and one for each of its two tickets
LONG_AGO = "2026-01-01T00:00:00Z"


class Receiver:
    """Refuses the first event, and notes the positions of those that it takes after checking their signature."""

    def __init__(self) -> None:
        self.url = ""
        self.secret = ""
        self.tries = 0
        self.taken: list[int] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one event."""
        event = Webhook(self.secret).verify(await request.text(), dict(request.headers))
        self.tries += 1
        if self.tries == 1:
            return web.Response(status=httpx.codes.SERVICE_UNAVAILABLE)
        self.taken.append(event["position"])
        return web.Response(status=httpx.codes.NO_CONTENT)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port of this machine."""
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/events", receiver.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def events_delivered(shop: Shop) -> str:
    """The events of one sale are sent again: the first one fails once, and is tried again after a pause."""
    await sold(shop, "rec-events")
    await shop.caught_up()
    async with receiving() as receiver:
        wanted = {"url": receiver.url, "types": TYPES, "venue_id": shop.venue_id}
        made = (await shop.post("/api/v1/webhook-endpoints", wanted, "rec-endpoint")).raise_for_status().json()
        receiver.secret, path = made["secret"], f"/api/v1/webhook-endpoints/{made['endpoint_id']}"
        again = await shop.post(f"{path}/replays", {"since": LONG_AGO})
        assert again.raise_for_status().json() == {"events": EVENTS}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(set(receiver.taken)) < EVENTS:  # noqa: ASYNC110 - another process calls it
                await asyncio.sleep(0.2)
        assert await closed(shop, f"webhooks/{made['endpoint_id']}") == EVENTS
        order = list(dict.fromkeys(receiver.taken))
        assert order == sorted(order)
    return f"webhooks/{made['endpoint_id']}"


async def letters_sent(shop: Shop) -> str:
    """The tickets of one sale are sent to the inbox of the stack; the run before it, the first ever, sent nothing."""
    await shop.open()
    ann = {"email": "ann@example.org"}
    bought = (await shop.buy("rec-letters", 1, buyer=ann)).raise_for_status().json()
    await shop.pay(bought["client_secret"])
    async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(base_url=shop.stack.urls["inbox"]) as inbox:
        while not (await inbox.get("/letters.json")).json():  # noqa: ASYNC110 - another process sends it
            await asyncio.sleep(0.2)
    engine = await shop.engine()
    async for run in engine.list_workflows('WorkflowId = "letters"'):
        if await engine.get_workflow_handle(run.id, run_id=run.run_id).result():
            return f"letters#{run.run_id}"
    raise AssertionError("no run has sent a letter")


WEBHOOKS: tuple[Scene, ...] = (events_delivered, letters_sent)
