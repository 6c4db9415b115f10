"""Webhook endpoints in memory: the log of deliveries, the secrets, and a receiver that fails on demand."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from adapters.read_models.documents import OutgoingLine
from domain.views.outgoing.endpoint import (
    DeliveryAttempt,
    DeliveryEntry,
    DeliveryState,
    DueEvent,
    DuePage,
    EndpointFilter,
    EndpointPosition,
    ReceiverAnswer,
)
from domain.views.outgoing.event import OutgoingEvent, event_id_of


def activity_time() -> datetime:
    """Return the server's time at which the present activity was scheduled: it may skip ahead of the clock."""
    return activity.info().scheduled_time


def told(position: int, purchase_id: str, kind: str, at: datetime) -> OutgoingLine:
    """Return an outgoing event at a position."""
    sent: OutgoingEvent = {
        "id": event_id_of(f"order:{purchase_id}", position),
        "type": kind,
        "version": 1,
        "timestamp": at.isoformat(),
        "position": position,
        "venue_id": "ve",
        "show_id": "sh",
        "purchase_id": purchase_id,
        "data": {},
    }
    return OutgoingLine(position, sent["id"], kind, "default", "ve", "sh", purchase_id, sent)


OPEN: tuple[DeliveryState | None, ...] = (None, "due", "failed")


class MemoryDeliveries:
    """What endpoints took of the outgoing events that a function returns, and how far each one is."""

    def __init__(self, outgoing: Callable[[], Sequence[OutgoingLine]], head: Callable[[], int]) -> None:
        self._outgoing = outgoing
        self._head = head
        self._entries: dict[tuple[str, int], DeliveryEntry] = {}
        self.positions: dict[str, EndpointPosition] = {}

    async def due(self, wanted: EndpointFilter, after: int, limit: int) -> DuePage:
        if limit <= 0:
            return DuePage((), after)
        lines = [line for line in self._outgoing() if line.position > after and self._is_due(wanted, line)]
        events = [DueEvent(line.position, line.purchase_id or line.show_id or line.event_id) for line in lines[:limit]]
        return DuePage(events, events[-1].position if len(events) == limit else max(after, self._head()))

    async def event(self, wanted: EndpointFilter, position: int) -> OutgoingEvent | None:
        found = [line for line in self._outgoing() if line.position == position and self._is_due(wanted, line)]
        return found[0].sent if found else None

    async def note(self, attempt: DeliveryAttempt) -> None:
        known = self._entries.get((attempt.endpoint_id, attempt.position))
        at = attempt.at.isoformat()
        self._entries[attempt.endpoint_id, attempt.position] = {
            "event_id": attempt.event_id,
            "type": attempt.type,
            "position": attempt.position,
            "state": attempt.state,
            "tries": (known["tries"] if known else 0) + 1,
            "status": attempt.status,
            "fault": attempt.fault,
            "first_at": known["first_at"] if known else at,
            "last_at": at,
        }

    async def advance(self, endpoint_id: str, first: int, seen: int | None, done: int) -> EndpointPosition:
        known = self.positions.setdefault(endpoint_id, EndpointPosition(first, 0))
        if known.replays == seen:
            self.positions[endpoint_id] = known._replace(position=max(known.position, done))
        return self.positions[endpoint_id]

    async def entries(self, endpoint_id: str, before: int, limit: int) -> list[DeliveryEntry]:
        own = [entry for (owner, _), entry in self._entries.items() if owner == endpoint_id]
        older = [entry for entry in own if entry["position"] < before]
        return sorted(older, key=lambda entry: -entry["position"])[:limit]

    async def send_again(self, wanted: EndpointFilter, event_id: str) -> int:
        return self._again(wanted, lambda line: line.event_id == event_id)

    async def send_since(self, wanted: EndpointFilter, since: datetime) -> int:
        def is_one(line: OutgoingLine) -> bool:
            is_new = datetime.fromisoformat(line.sent["timestamp"]) >= since
            return is_new and (not wanted.types or line.type in wanted.types)

        return self._again(wanted, is_one)

    def _again(self, wanted: EndpointFilter, is_one: Callable[[OutgoingLine], bool]) -> int:
        lines = [line for line in self._outgoing() if _is_theirs(wanted, line) and is_one(line)]
        now = datetime.now(UTC).isoformat()
        for line in lines:
            fresh: DeliveryEntry = {
                "event_id": line.event_id,
                "type": line.type,
                "position": line.position,
                "state": "due",
                "tries": 0,
                "status": None,
                "fault": None,
                "first_at": now,
                "last_at": now,
            }
            self._entries.setdefault((wanted.endpoint_id, line.position), fresh)["state"] = "due"
        if lines:
            before = min(line.position for line in lines) - 1
            known = self.positions.get(wanted.endpoint_id, EndpointPosition(before, 0))
            back = EndpointPosition(min(known.position, before), known.replays + 1)
            self.positions[wanted.endpoint_id] = back
        return len(lines)

    def _is_due(self, wanted: EndpointFilter, line: OutgoingLine) -> bool:
        entry = self._entries.get((wanted.endpoint_id, line.position))
        state = entry["state"] if entry else None
        is_asked = not wanted.types or line.type in wanted.types or state == "due"
        began = state is not None or line.position > wanted.begins_after
        return _is_theirs(wanted, line) and is_asked and state in OPEN and began


def _is_theirs(wanted: EndpointFilter, line: OutgoingLine) -> bool:
    return line.tenant_id == wanted.tenant_id and wanted.venue_id in {"", line.venue_id}


class MemoryEndpointSecrets:
    """Secrets by endpoint and number."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], str] = {}

    async def keep(self, endpoint_id: str, number: int, secret: str) -> bool:
        return self.kept.setdefault((endpoint_id, number), secret) is secret

    async def read(self, endpoint_id: str, numbers: Sequence[int]) -> list[str]:
        return [self.kept[endpoint_id, number] for number in numbers if (endpoint_id, number) in self.kept]

    async def forget(self, endpoint_id: str, below: int) -> None:
        self.kept = {name: one for name, one in self.kept.items() if name[0] != endpoint_id or name[1] >= below}


@dataclass
class FakeReceiver:
    """A receiver behind the sender's port: `answers` decides about each request, and what it took is kept in order."""

    answers: Callable[[str, datetime], ReceiverAnswer] = lambda _, __: ReceiverAnswer(200)
    asked: list[tuple[str, str, datetime]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    signed_with: list[tuple[str, ...]] = field(default_factory=list)

    async def post_event(
        self, url: str, secrets: Sequence[str], event_id: str, body: bytes, at: datetime
    ) -> ReceiverAnswer:
        self.asked.append((url, event_id, at))
        self.signed_with.append(tuple(secrets))
        answer = self.answers(event_id, at)
        if answer.is_taken:
            self.taken.append(json.loads(body))
        return answer
