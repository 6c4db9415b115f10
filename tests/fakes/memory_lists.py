"""Lists over folded documents in memory: the same conditions as the real SQL."""

from datetime import datetime
from typing import Any

from adapters.read_models.documents import AuditLine, DocumentBatch
from adapters.read_models.lists.places import place_of, with_venue
from domain.core.actor import present_actor
from domain.views.access import AuditEntry, AuditQuery
from domain.views.listed import D, ListCursor, Listing, ListQuery, Page, Place, R


class MemoryLists:
    """The queries for lists of something that folds events into documents."""

    def catch_up(self) -> DocumentBatch:
        raise NotImplementedError

    async def page(self, listing: Listing[D, R], query: ListQuery) -> Page[R]:
        actor = present_actor()
        if actor is None or not actor.tenant_id:
            raise PermissionError("a list is of one tenant: read it on behalf of a key")
        found: list[tuple[ListCursor, Any]] = []
        documents = self.catch_up()
        for kind, identity, document in documents.changed():
            place = place_of(kind, document) if kind == listing.kind else None
            if place is None:
                continue
            place, cursor = with_venue(place, documents), _cursor(place, identity)
            if actor.may_see(place.tenant_id, place.venue_id) and _is_chosen(place, identity, query):
                found += [(cursor, document)] if query.after is None or cursor < query.after else []
        found.sort(key=lambda one: one[0], reverse=True)
        shown, rest = found[: query.limit], found[query.limit :]
        return {"items": [listing.shown(one) for _, one in shown], "next": shown[-1][0].text if rest else None}

    async def audit(self, query: AuditQuery) -> list[AuditEntry]:
        whose = f"{query.tenant_id}/{query.subject}"
        found = [
            _shown(line)
            for line in self.catch_up().audit
            if line.position > query.after and (line.by == whose or (not query.subject and line.by.startswith(whose)))
        ]
        return found[: query.limit]


def _cursor(place: Place, identity: str) -> ListCursor:
    return ListCursor(datetime.fromisoformat(place.at), identity)


def _is_chosen(place: Place, identity: str, query: ListQuery) -> bool:
    return (
        (not query.states or place.state in query.states)
        and query.venue_id in {"", place.venue_id}
        and query.show_id in {"", place.show_id}
        and (place.needs_attention or not query.attention)
        and identity.startswith(query.ids_begin)
        and (query.ids is None or identity in query.ids)
        and (query.since is None or datetime.fromisoformat(place.at) >= query.since)
        and (query.until is None or datetime.fromisoformat(place.at) < query.until)
    )


def _shown(line: AuditLine) -> AuditEntry:
    position, at, by, event, stream = line
    return {"position": position, "at": at.isoformat(), "subject": by, "event": event, "stream": stream}
