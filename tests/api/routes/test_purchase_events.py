"""The event stream of a purchase: each change once, in order; a reconnection continues after the last event."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.watch import LOOK_SECONDS, ChangePoller
from domain.core.transient import TransientError
from tests.api.routes.on_sale import PURCHASES, key, wanting
from tests.fakes.api_client import api_client
from tests.fakes.shop_world import ApiWorld

RECHECK_SECONDS = 0.2


@pytest.fixture(autouse=True)
def often_rechecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the key of an open stream ten times as often."""
    for module in ("api.http.authenticator", "api.routes.purchase_events"):
        monkeypatch.setattr(f"{module}.RECHECK_SECONDS", RECHECK_SECONDS)


def events_of(answer: httpx.Response) -> list[tuple[int, str, dict[str, Any]]]:
    """Read a whole stream: (id, event, data) of each event."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


async def end(world: ApiWorld, purchase_id: str) -> None:
    await world.end(purchase_id)


async def test_a_stream_tells_the_checkout_and_then_the_end(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """The buyer gets the client secret, and at last the event called `end`."""
    bought = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()
    purchase_id = bought["purchase_id"]
    following = asyncio.create_task(client.get(bought["links"]["events"]))
    await asyncio.sleep(3 * LOOK_SECONDS)
    await end(world, purchase_id)
    events = events_of(await asyncio.wait_for(following, 5))
    assert [(event, shown["state"]) for _, event, shown in events] == [
        ("purchase", "awaiting-payment"),
        ("end", "cancelled"),
    ]
    assert events[0][2]["client_secret"] == bought["client_secret"]
    assert (events[1][2]["client_secret"], events[1][2]["end_reason"]) == (None, "hold-expired")
    assert events[0][0] < events[1][0]


async def test_who_comes_back_hears_only_what_is_new(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """`Last-Event-ID` continues the stream; after the end the answer is 204, which makes a browser stop."""
    purchase_id = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"]
    path = f"{PURCHASES}/{purchase_id}/events"
    before = await world.reads.position()
    await end(world, purchase_id)
    events = events_of(await client.get(path, headers={"Last-Event-ID": str(before)}))
    assert [event for _, event, _ in events] == ["end"]
    again = await client.get(path, headers={"Last-Event-ID": str(events[-1][0])})
    assert (again.status_code, again.content) == (204, b"")
    from_the_start = await client.get(path, headers={"Last-Event-ID": "nonsense"})
    assert events_of(from_the_start) == events


async def test_there_is_no_stream_of_nothing(client: httpx.AsyncClient) -> None:
    """An unknown purchase is a problem before anything is streamed."""
    answer = await client.get(f"{PURCHASES}/pu_nobody/events")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:boxoffice:problem:not-found")


async def test_a_stream_does_not_hold_up_a_shutdown(
    client: httpx.AsyncClient, app: FastAPI, show: dict[str, Any]
) -> None:
    """When the server shuts down, open streams end, so that their clients reconnect."""
    bought = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()
    following = asyncio.create_task(client.get(bought["links"]["events"]))
    await asyncio.sleep(2 * LOOK_SECONDS)
    app.state.watch.is_ending = lambda: True
    assert [event for _, event, _ in events_of(await asyncio.wait_for(following, 5))] == ["purchase"]


@pytest.mark.parametrize("how", ["revoked", "expired", "good"])
async def test_a_stream_ends_with_its_key(
    world: ApiWorld, app: FastAPI, show: dict[str, Any], client: httpx.AsyncClient, how: str
) -> None:
    """An open stream is cut when its key is revoked or expires; others go on."""
    purchase_id = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"]
    until = world.clock() + timedelta(hours=1)
    text = await world.key("manage", expires_at=until)
    async with api_client(app, key=text) as venue:
        following = asyncio.create_task(venue.get(f"{PURCHASES}/{purchase_id}/events"))
        await asyncio.sleep(2 * LOOK_SECONDS)
        if how == "revoked":
            await world.keys.revoke(text.split("_")[2])
        elif how == "expired":
            world.clock = lambda: until + timedelta(seconds=1)
        done, _ = await asyncio.wait({following}, timeout=4 * RECHECK_SECONDS)
        assert bool(done) == (how != "good")
        if how == "good":
            await end(world, purchase_id)
        names = [event for _, event, _ in events_of(await asyncio.wait_for(following, 5))]
        assert names == (["purchase", "end"] if how == "good" else ["purchase"])


async def test_a_stream_ends_with_its_purchase_token(
    world: ApiWorld, client: httpx.AsyncClient, show: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that opens the purchase no longer, as with another secret of the deployment, cuts its stream."""
    bought = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()
    following = asyncio.create_task(client.get(bought["links"]["events"]))
    await asyncio.sleep(2 * LOOK_SECONDS)
    monkeypatch.setattr(world.authenticator, "purchase_token", lambda _: "another")
    assert [event for _, event, _ in events_of(await asyncio.wait_for(following, 5))] == ["purchase"]


class SlowUpdates:
    """Read models with a delayed position and given changes."""

    def __init__(self) -> None:
        self.polls: list[int] = []
        self.answers: list[tuple[int, set[str]] | Exception] = []

    async def position(self) -> int:
        await asyncio.sleep(0)
        return 5

    async def head(self) -> int:
        return 5

    async def changed(self, since: int) -> tuple[int, set[str]]:
        self.polls.append(since)
        answer = self.answers.pop(0) if self.answers else (since, set())
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_one_poll_serves_all_watchers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many watchers share one poll; it survives a transient error, and stops without watchers."""
    monkeypatch.setattr("api.http.watch.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("api.http.watch.TRANSIENT_SECONDS", 0.01)
    updates = SlowUpdates()
    updates.answers = [TransientError("away"), (7, {"a", "c"})]
    watch = ChangePoller(updates)

    async def wait(name: str) -> bool:
        async with watch.on(name) as woken:
            try:
                await asyncio.wait_for(woken.wait(), 0.3)
            except TimeoutError:
                return False
            return True

    assert tuple(await asyncio.gather(wait("a"), wait("a"), wait("b"))) == (True, True, False)
    assert updates.polls[:3] == [5, 5, 7]
    polls = len(updates.polls)
    await asyncio.sleep(0.05)
    assert len(updates.polls) == polls
