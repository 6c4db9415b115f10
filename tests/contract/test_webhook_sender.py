"""Contract of the sender of webhooks, for HTTP and for the fake: one request, and an answer whatever happens."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from activities.access.webhooks.ports import WebhookSender
from adapters.http.webhooks import HttpWebhookSender
from domain.views.outgoing.endpoint import ReceiverAnswer
from tests.fakes.webhook_box import FakeReceiver

SECRET = "whsec_" + "bmV3" * 8
EVENT = {"id": "ev_1", "type": "order.confirmed"}


class Side(NamedTuple):
    """A sender, the address of its receiver, what that took, and how it answers from now on."""

    sender: WebhookSender
    url: str
    taken: list[dict[str, Any]]
    answer_with: Callable[[int], None]


@pytest.fixture(params=["fake", "http"])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    status = [200]
    if request.param == "fake":
        fake = FakeReceiver(lambda _, __: ReceiverAnswer(status[0]))
        yield Side(fake, "https://door.example/", fake.taken, lambda number: status.__setitem__(0, number))
        return
    taken: list[dict[str, Any]] = []

    async def receive(asked: web.Request) -> web.Response:
        if status[0] < 300:
            taken.append(json.loads(await asked.read()))
        return web.Response(status=status[0])

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    sender = HttpWebhookSender(allows_private=True)
    yield Side(sender, url, taken, lambda number: status.__setitem__(0, number))
    await runner.cleanup()


@pytest.mark.parametrize(("status", "is_taken"), [(200, True), (204, True), (302, False), (410, False), (500, False)])
async def test_only_a_good_status_takes_an_event(side: Side, status: int, is_taken: bool) -> None:  # noqa: FBT001 - a parameter
    """The status is told; what was taken is the event as it was sent."""
    side.answer_with(status)
    body = json.dumps(EVENT).encode()
    answer = await side.sender.post_event(side.url, [SECRET], "ev_1", body, datetime.now(UTC))
    assert (answer.status, answer.is_taken) == (status, is_taken)
    assert side.taken == ([EVENT] if is_taken else [])
