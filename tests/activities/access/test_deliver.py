"""The activities of deliveries: list_due_events and deliver_event, each by itself and repeated."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.access.webhooks.deliver import (
    DeliverEvent,
    EndpointRef,
    ListDue,
    WebhookActivities,
)
from activities.access.webhooks.endpoints import CreateEndpoint, EndpointCommands
from domain.views.outgoing.endpoint import EndpointFilter, ReceiverAnswer
from tests.contract.selling import sell
from tests.fakes.event_store import FakeEventStore
from tests.fakes.shop_world import MemoryReads
from tests.fakes.webhook_box import FakeReceiver, MemoryDeliveries, MemoryEndpointSecrets

AT = datetime(2026, 3, 1, tzinfo=UTC)
REF = EndpointRef(tenant_id="default", endpoint_id="we")


class Side:
    """One sale, an endpoint that gets tickets, and its receiver."""

    def __init__(self) -> None:
        self.store = FakeEventStore(lambda: AT)
        reads = MemoryReads(self.store)
        self.log = MemoryDeliveries(lambda: reads.catch_up().outgoing, lambda: len(self.store.log))
        self.secrets, self.receiver = MemoryEndpointSecrets(), FakeReceiver()
        self.commands = EndpointCommands(self.store, self.secrets)
        self.steps = WebhookActivities(self.store, self.log, self.secrets, self.receiver, lambda: AT)

    async def look(self, **more: Any) -> Any:
        asked = {"seen": None, "done": 0, "after": 0, "limit": 10, "is_idle": True, **more}
        return await self.steps.list_due(ListDue(endpoint=REF, **asked))


@pytest.fixture
async def side() -> Side:
    made = Side()
    await sell(made.store)
    created = {"venue_id": "", "url": "https://a", "types": ["ticket.issued"], "after": 0, "body_digest": "d"}
    await made.commands.create(CreateEndpoint(endpoint_id="we", tenant_id="default", **created))
    return made


async def test_what_is_due_is_listed_and_the_position_moves_on(side: Side) -> None:
    """From where the endpoint is; with nothing left it is brought to the end of the log."""
    found = await side.look()
    assert (found.state, len(found.events), found.replays) == ("on", 2, 0)
    for event in found.events:
        done = await side.steps.deliver(DeliverEvent(endpoint=REF, position=event.position))
        assert done.outcome == "taken"
    again = await side.look(seen=0, done=found.looked_to, after=found.looked_to)
    assert again.events == ()
    assert side.log.positions["we"].position == len(side.store.log)


async def test_events_from_before_the_endpoint_come_in_pages_too(side: Side) -> None:
    """Sent again one by one, more of them than a page holds: the second page begins where the first one ended."""
    old = [event.position for event in (await side.look()).events]
    created = {"venue_id": "", "url": "https://b", "types": ["ticket.issued"], "body_digest": "d"}
    head = len(side.store.log)
    await side.commands.create(CreateEndpoint(endpoint_id="late", tenant_id="default", after=head, **created))
    late = EndpointFilter("late", "default", "", ("ticket.issued",), head)
    for position in old:
        found = await side.log.event(late._replace(begins_after=0), position)
        assert found is not None
        assert await side.log.send_again(late, found["id"]) == 1
    told, ref = list[int](), EndpointRef(tenant_id="default", endpoint_id="late")
    look: dict[str, Any] = {"seen": None, "after": 0}
    for _ in old:
        page = await side.steps.list_due(ListDue(endpoint=ref, done=0, limit=1, is_idle=True, **look))
        told += [event.position for event in page.events]
        look = {"seen": page.replays, "after": page.looked_to}
    assert told == old


async def test_what_nobody_sent_is_due_whoever_says_that_it_is_delivered(side: Side) -> None:
    """The position stays before the first event that the log does not know as taken, and that one is listed again."""
    found = await side.look()
    first, second = (event.position for event in found.events)
    for sent, left in (((), (first, second)), ((second,), (first,)), ((first,), ())):
        for position in sent:
            await side.steps.deliver(DeliverEvent(endpoint=REF, position=position))
        again = await side.look(seen=0, done=found.looked_to, after=found.looked_to)
        assert tuple(event.position for event in again.events) == left
        assert side.log.positions["we"].position == (left[0] - 1 if left else len(side.store.log))


async def test_a_delivered_event_is_not_sent_again(side: Side) -> None:
    """A repeated try finds it delivered; a failed one is sent again, and the last try gives it up."""
    first, second = (event.position for event in (await side.look()).events)
    for _ in range(2):
        assert (await side.steps.deliver(DeliverEvent(endpoint=REF, position=first))).outcome == "taken"
    assert len(side.receiver.asked) == 1
    side.receiver.answers = lambda _, __: ReceiverAnswer(500)
    for is_last in (False, True, False):
        done = await side.steps.deliver(DeliverEvent(endpoint=REF, position=second, is_last=is_last))
        assert done.outcome == ("taken" if len(side.receiver.asked) > 3 else done.outcome)
    assert [entry["state"] for entry in await side.log.entries("we", 10**6, 9)] == ["given-up", "delivered"]
    assert len(side.receiver.asked) == 3


async def test_without_a_secret_nothing_is_sent(side: Side) -> None:
    """An event that cannot be signed waits."""
    side.secrets.kept.clear()
    (first, _) = (await side.look()).events
    done = await side.steps.deliver(DeliverEvent(endpoint=REF, position=first.position))
    assert (done.outcome, done.fault) == ("failed", "no secret: rotate it")
    assert side.receiver.asked == []


async def test_one_that_is_not_on_gets_nothing(side: Side) -> None:
    """Switched off, deleted or unknown: nothing is listed and nothing sent; switching is idempotent."""
    for _ in range(2):
        assert (await side.look(switch="failing")).state == "failing"
    assert (await side.look()).state == "failing"
    assert (await side.steps.deliver(DeliverEvent(endpoint=REF, position=1))).outcome == "not-on"
    assert (await side.look(switch="operator")).state == "off"
    assert (await side.look(switch="on")).state == "on"
    await side.commands.delete("we")
    assert (await side.look(switch="on")).state == "deleted"
