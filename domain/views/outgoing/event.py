"""The envelope of an outgoing event, the same in a page, in a stream and in a webhook."""

from typing import Any, NamedTuple

from typing_extensions import TypedDict

from domain.core.ids import derived
from domain.core.timestamp import Timestamp


class OutgoingEvent(TypedDict):
    """One outgoing event; its `data` is as the JSON Schema of its type and version says.

    `id` is the same for ever: whoever has seen it before has seen this event. `position` orders the events of all
    purchases; a page or a stream continues after it.
    """

    id: str
    type: str
    version: int
    timestamp: Timestamp
    position: int
    venue_id: str | None
    show_id: str | None
    purchase_id: str | None
    data: dict[str, Any]


class EventOwner(NamedTuple):
    """Whose an outgoing event is; None where it is of no venue, show or purchase."""

    tenant_id: str
    venue_id: str | None = None
    show_id: str | None = None
    purchase_id: str | None = None


class OutgoingQuery(NamedTuple):
    """Which outgoing events: a tenant's after a position, oldest first; of these types, show and venue, or of all."""

    tenant_id: str
    after: int
    limit: int
    types: tuple[str, ...] = ()
    show_id: str | None = None
    venue_id: str | None = None


def event_id_of(stream: str, version: int) -> str:
    """Return the id of the outgoing event of a stored event: from its place in its stream, which never changes."""
    return derived("ev", stream, str(version))
