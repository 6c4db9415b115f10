"""Webhooks over HTTP: signed so that the kept library verifies them, and never sent into our own network."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from adapters.http.webhooks import ANSWER_BYTES_MAX, FORBIDDEN, NOT_HTTPS, HttpWebhookSender, is_public
from domain.views.outgoing.endpoint import ReceiverAnswer

OLD, NEW = "whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8
BODY = json.dumps({"id": "ev_1", "type": "order.confirmed", "data": {"name": "Größe"}}).encode()


class Receiver:
    """A server that keeps what it got; `answer` makes its answers."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[], web.StreamResponse] = lambda: web.Response(status=204)
        self.url = ""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        self.got.append((dict(request.headers), await request.read()))
        return self.answer()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made, app = Receiver(), web.Application()
    app.router.add_post("/hook", made.receive)
    app.router.add_post("/elsewhere", made.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{port}/hook"
    yield made
    await runner.cleanup()


async def send(url: str, *secrets: str, allows_private: bool = True) -> ReceiverAnswer:
    sender = HttpWebhookSender(allows_private=allows_private)
    return await sender.post_event(url, secrets or (NEW,), "ev_1", BODY, datetime.now(UTC))


async def test_each_secret_signs_what_is_sent(receiver: Receiver) -> None:
    """A receiver with the old or the new secret verifies the bytes; with another one it does not."""
    assert await send(receiver.url, NEW, OLD) == ReceiverAnswer(204)
    ((headers, body),) = receiver.got
    assert body == BODY
    lower = {name.lower(): value for name, value in headers.items()}
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(body, lower)["id"] == "ev_1"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "b3Ro" * 8).verify(body, lower)
    assert (lower["webhook-id"], lower["content-type"]) == ("ev_1", "application/json")


async def test_a_redirect_is_an_answer_and_a_long_answer_is_not_read(receiver: Receiver) -> None:
    """Nothing is sent to another address, and a receiver cannot fill our memory."""
    receiver.answer = lambda: web.Response(status=307, headers={"Location": "/elsewhere"})
    assert await send(receiver.url) == ReceiverAnswer(307)
    assert len(receiver.got) == 1
    receiver.answer = lambda: web.Response(status=500, body=b"x" * 50 * ANSWER_BYTES_MAX)
    assert await send(receiver.url) == ReceiverAnswer(500)


async def test_a_receiver_that_is_away_is_a_fault() -> None:
    """Without a listener there is no status."""
    answer = await send("http://127.0.0.1:1/")
    assert (answer.status, answer.fault, answer.is_taken) == (None, "ClientConnectorError", False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]",
        "10.0.0.1", "169.254.169.254", "192.168.1.1", "[fe80::1]", "[fc00::1]", "0.0.0.0", "\uff11\uff12\uff17.0.0.1",
    ],
)  # fmt: skip
async def test_our_own_network_is_never_called(receiver: Receiver, host: str) -> None:
    """However the address is written, and whatever a name resolves to: nothing is sent."""
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    answer = await send(f"https://{host}:{port}/hook", allows_private=False)
    assert answer.status is None
    assert answer.fault in {FORBIDDEN, "InvalidUrlClientError"}
    assert receiver.got == []


async def test_plain_http_is_not_sent(receiver: Receiver) -> None:
    """An event is readable by nobody on the way."""
    assert await send(receiver.url, allows_private=False) == ReceiverAnswer(None, NOT_HTTPS)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("64:ff9b::5db8:d70e", True),
        ("2002:5db8:d70e::1", True),
        ("2002:7f00:1::1", False),
        ("224.0.0.1", False),
        ("100.64.0.1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_public_addresses(text: str, allowed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Only the public internet is; an address in an address counts as the inner one."""
    assert is_public(text) is allowed
