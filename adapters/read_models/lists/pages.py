"""Pages of lists: one query, which reads a page from an index and nothing before it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from domain.views.listed import D, ListCursor, Listing, ListQuery, Page, R

Fetch = Callable[[str, Any], Awaitable[list[tuple[Any, ...]]]]
# Each state is a part of the index, in order; the parts are merged. So one index serves a list with and without states.
# Ids of places are compared by bytes, those of documents by the database's collation: their index needs its own.
PAGE = """
SELECT found.id, found.at, d.doc FROM (
  SELECT part.id, part.at FROM unnest(%(states)s::text[]) AS wanted (state) CROSS JOIN LATERAL (
    SELECT id, at FROM rm_places WHERE kind = %(kind)s AND tenant_id = %(tenant_id)s AND state = wanted.state{filters}
    ORDER BY at DESC, id DESC LIMIT %(limit)s
  ) AS part ORDER BY part.at DESC, part.id DESC LIMIT %(limit)s
) AS found JOIN rm_{kind} d ON d.id = found.id COLLATE "default" ORDER BY found.at DESC, found.id DESC
"""
FILTERS: Mapping[str, str] = {
    "venue_id": "venue_id = %(venue_id)s",
    "show_id": "show_id = %(show_id)s",
    "attention": "needs_attention",
    "ids_begin": "id >= %(ids_begin)s AND id < %(ids_end)s",
    "ids": "id = ANY(%(ids)s)",
    "since": "at >= %(since)s",
    "until": "at < %(until)s",
    "after": "(at, id) < (%(at)s, %(id)s)",
}
NEWEST = ListCursor(datetime.max.replace(tzinfo=UTC), "")  # no row is after it
LAST = "\U0010ffff"  # no id has a letter after it


async def read_page(
    fetch: Fetch, listing: Listing[D, R], query: ListQuery, *, tenant_id: str, venue_id: str
) -> Page[R]:
    """Return a page of a tenant's list, and of one venue's with a `venue_id`; `fetch` runs a query."""
    if venue_id and query.venue_id not in {"", venue_id}:
        return {"items": [], "next": None}
    query = query._replace(venue_id=venue_id or query.venue_id)
    found = await fetch(statement_of(listing, query), values_of(listing, query, tenant_id))
    shown, rest = found[: query.limit], found[query.limit :]
    following = ListCursor(shown[-1][1], shown[-1][0]).text if rest else None
    return {"items": [listing.shown(doc) for _, _, doc in shown], "next": following}


def statement_of(listing: Listing[Any, Any], query: ListQuery) -> str:
    """Return the statement of a page: its text follows from the filters that are used, never from their values."""
    used = [f" AND {text}" for name, text in FILTERS.items() if getattr(query, name) not in {"", None, False}]
    return PAGE.format(filters="".join(used), kind=listing.kind)


def values_of(listing: Listing[Any, Any], query: ListQuery, tenant_id: str) -> dict[str, Any]:
    """Return the parameters of the statement; it reads one row more than the page, to know whether one follows."""
    after = query.after or NEWEST
    return {
        "kind": listing.kind,
        "tenant_id": tenant_id,
        "states": list(query.states or listing.states),
        "venue_id": query.venue_id,
        "show_id": query.show_id,
        "ids_begin": query.ids_begin,
        "ids_end": query.ids_begin + LAST,
        "ids": list(query.ids or ()),
        "since": query.since,
        "until": query.until,
        "at": after.at,
        "id": after.identity,
        "limit": query.limit + 1,
    }
