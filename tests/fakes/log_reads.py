"""The outgoing events of the read models, in memory."""

import json
from abc import ABC, abstractmethod

from adapters.read_models.documents import ENDPOINTS, DocumentBatch, OutgoingLine
from domain.views.outgoing.event import OutgoingEvent, OutgoingQuery


class LogReads(ABC):
    """Pages of a batch's outgoing events."""

    @abstractmethod
    def catch_up(self) -> DocumentBatch:
        """Fold what is new, and return all."""

    async def endpoint_ids(self, tenant_id: str) -> list[str]:
        documents = [one for kind, _, one in self.catch_up().changed() if kind == ENDPOINTS.name]
        found = [one for one in documents if one["tenant_id"] == tenant_id and one["state"] != "deleted"]
        return [one["endpoint_id"] for one in sorted(found, key=lambda one: (one["created_at"], one["endpoint_id"]))]

    async def outgoing(self, query: OutgoingQuery) -> list[OutgoingEvent]:
        found = [line.sent for line in self.catch_up().outgoing if _wanted(line, query)]
        page: list[OutgoingEvent] = json.loads(json.dumps(found[: query.limit]))
        return page


def _wanted(line: OutgoingLine, query: OutgoingQuery) -> bool:
    is_theirs = line.tenant_id == query.tenant_id and line.position > query.after
    is_asked = query.show_id in {None, line.show_id} and query.venue_id in {None, line.venue_id}
    return is_theirs and is_asked and (not query.types or line.type in query.types)
