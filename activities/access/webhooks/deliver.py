"""Deliver outgoing events to a webhook endpoint: list what is due, try one, and switch off what fails for long."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from activities.access.webhooks.ports import DeliveryLog, EndpointSecrets, WebhookSender
from activities.core.commands import Command
from activities.core.ports import EventStore
from activities.core.task_queues import WEBHOOKS, activity_on
from domain.access.endpoint import EndpointState, WebhookEndpoint
from domain.core.unit_of_work import UnitOfWork
from domain.views.outgoing.endpoint import DeliveryAttempt, DeliveryState, DueEvent, EndpointFilter, ReceiverAnswer

GONE = 410
Switch = Literal["on", "failing", "operator"]


class EndpointRef(Command):
    """A webhook endpoint."""

    tenant_id: str
    endpoint_id: str


class ListDue(Command):
    """Ask for due events after a position; everything up to `done` is delivered, and `seen` replays were looked at.

    Before, the endpoint is switched on, or off: after it failed for long, or because an operator leaves it off.
    """

    endpoint: EndpointRef
    seen: int | None
    done: int
    after: int
    limit: int
    is_idle: bool
    switch: Switch | None = None


class DueList(Command):
    """Due events; so many replays are looked at with them, and `looked_to` is where the next look begins."""

    state: EndpointState
    events: tuple[DueEvent, ...] = ()
    replays: int = 0
    looked_to: int = 0


class DeliverEvent(Command):
    """One try to deliver one event; after the last one it is given up."""

    endpoint: EndpointRef
    position: int
    is_last: bool = False


class Delivery(Command):
    """The outcome of a try: taken, failed, or not tried because the endpoint is not on."""

    outcome: Literal["taken", "failed", "gone", "not-on"]
    fault: str = ""


class WebhookActivities:
    """What a delivery's workflow asks for. A repeated try sends the event again, under the same id."""

    def __init__(
        self,
        store: EventStore,
        log: DeliveryLog,
        secrets: EndpointSecrets,
        sender: WebhookSender,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._log = log
        self._secrets = secrets
        self._sender = sender
        self._clock = clock

    @activity_on(WEBHOOKS, name="list_due_events")
    async def list_due(self, asked: ListDue) -> DueList:
        """Note how far the endpoint is, and return what is due next; nothing for one that is not on. Idempotent."""
        if asked.switch is not None:
            await self._switch(asked.endpoint.endpoint_id, asked.switch)
        endpoint = await self._endpoint(asked.endpoint)
        if endpoint is None or endpoint.state != "on":
            return DueList(state="deleted" if endpoint is None else endpoint.state)
        wanted, first = _filter(endpoint), endpoint.after
        done = await self._done(wanted, asked)
        at = await self._log.advance(endpoint.identity, first, asked.seen, done)
        after = asked.after if (asked.seen, asked.done) == (at.replays, done) else at.position
        page = await self._log.due(wanted, after, asked.limit)
        if asked.is_idle and not page.events:
            await self._log.advance(endpoint.identity, first, at.replays, page.looked_to)
        return DueList(state="on", events=tuple(page.events), replays=at.replays, looked_to=page.looked_to)

    async def _done(self, wanted: EndpointFilter, asked: ListDue) -> int:
        """Return up to where all is delivered: an event that the log does not know as taken is not, whoever says so."""
        at = await self._log.advance(wanted.endpoint_id, wanted.begins_after, None, wanted.begins_after)
        left = await self._log.due(wanted, at.position, 1)
        return min([asked.done, *(event.position - 1 for event in left.events)])

    @activity_on(WEBHOOKS, name="deliver_event")
    async def deliver(self, asked: DeliverEvent) -> Delivery:
        """Send an event that is due, and note the answer; one that was delivered is not sent again."""
        endpoint = await self._endpoint(asked.endpoint)
        if endpoint is None or endpoint.state != "on":
            return Delivery(outcome="not-on")
        event = await self._log.event(_filter(endpoint), asked.position)
        if event is None:
            return Delivery(outcome="taken")
        at = self._clock()
        secrets = await self._secrets.read(endpoint.identity, endpoint.signing_numbers(at))
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        if secrets:
            answer = await self._sender.post_event(endpoint.url, secrets, event["id"], body, at)
        else:
            answer = ReceiverAnswer(None, "no secret: rotate it")
        state: DeliveryState = "delivered" if answer.is_taken else "given-up" if asked.is_last else "failed"
        tried = (endpoint.identity, asked.position, event["id"], event["type"])
        await self._log.note(DeliveryAttempt(*tried, state, answer.status, answer.fault, self._clock()))
        if answer.is_taken:
            return Delivery(outcome="taken")
        fault = answer.fault or f"status {answer.status}"
        return Delivery(outcome="gone" if answer.status == GONE else "failed", fault=fault)

    async def _switch(self, endpoint_id: str, switch: Switch) -> None:
        """Switch an endpoint; one that is deleted stays so. Idempotent."""

        def decide(uow: UnitOfWork) -> None:
            endpoint = uow.find(WebhookEndpoint, endpoint_id)
            if endpoint is not None and endpoint.state != "deleted":
                if switch == "on":
                    endpoint.switch_on(uow.at)
                else:
                    endpoint.switch_off(switch, uow.at)

        await self._store.commit(decide, (WebhookEndpoint.stream(endpoint_id),))

    async def _endpoint(self, ref: EndpointRef) -> WebhookEndpoint | None:
        streams = (WebhookEndpoint.stream(ref.endpoint_id),)
        return await self._store.read(lambda uow: uow.find(WebhookEndpoint, ref.endpoint_id), streams)


def _filter(endpoint: WebhookEndpoint) -> EndpointFilter:
    return EndpointFilter(endpoint.identity, endpoint.tenant_id, endpoint.venue_id, endpoint.types, endpoint.after)
