"""The table of places: one narrow row for each listed document, written only when its place changes.

Indexes on the documents themselves would be written at each event of a document, many times for a purchase.
"""

from collections.abc import Mapping
from typing import Any

from psycopg.sql import SQL

from adapters.read_models.documents import SHOWS, DocumentBatch
from domain.views.listed import Listing, Place
from domain.views.rows import LISTINGS

LISTED: Mapping[str, Listing[Any, Any]] = {listing.kind: listing for listing in LISTINGS}
PLACES = (
    SQL(
        'CREATE TABLE IF NOT EXISTS rm_places (kind text NOT NULL, id text COLLATE "C" NOT NULL,'
        " tenant_id text NOT NULL, state text NOT NULL, at timestamptz NOT NULL, venue_id text NOT NULL,"
        " show_id text NOT NULL, needs_attention boolean NOT NULL, PRIMARY KEY (kind, id))"
    ),
    SQL("CREATE INDEX IF NOT EXISTS rm_places_tenant ON rm_places (kind, tenant_id, state, at, id)"),
    SQL("CREATE INDEX IF NOT EXISTS rm_places_venue ON rm_places (kind, tenant_id, venue_id, state, at, id)"),
    SQL("CREATE INDEX IF NOT EXISTS rm_places_show ON rm_places (kind, tenant_id, show_id, state, at, id)"),
    SQL(
        "CREATE INDEX IF NOT EXISTS rm_places_attention ON rm_places (kind, tenant_id, state, at, id)"
        " WHERE needs_attention"
    ),
)
KEEP_PLACE = SQL(
    "INSERT INTO rm_places (kind, id, tenant_id, state, at, venue_id, show_id, needs_attention)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (kind, id) DO UPDATE SET (state, at, venue_id, needs_attention)"
    " = (EXCLUDED.state, EXCLUDED.at, EXCLUDED.venue_id, EXCLUDED.needs_attention)"
)


def place_of(kind: str, document: Any) -> Place | None:
    """Return the place of a document; None for one of no list."""
    listing = LISTED.get(kind)
    return None if listing is None else listing.place(document)


def with_venue(place: Place, documents: DocumentBatch) -> Place:
    """Return a place with the venue of its show, where its document names only the show."""
    if place.venue_id or not place.show_id:
        return place
    show = documents.find(SHOWS, place.show_id)
    return place if show is None else place._replace(venue_id=show["venue_id"])


def moved(documents: DocumentBatch, before: Mapping[tuple[str, str], Place]) -> list[tuple[Any, ...]]:
    """Return the rows of the documents whose places changed; `before` are the places of those that were loaded."""
    found = []
    for kind, identity, document in documents.changed():
        place = place_of(kind, document)
        if place is not None and place != before.get((kind, identity)):
            found.append((kind, identity, *with_venue(place, documents)))
    return found
