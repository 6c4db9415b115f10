"""One mapping for each domain event that the outside hears of: from the event and the documents after it, to its data.

Pure and total: the same stored events give the same outgoing events, however often the read models are rebuilt.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from typing_extensions import TypedDict

from domain.core.aggregate import DomainEvent
from domain.core.timestamp import iso
from domain.views.catalog import ShowDocument
from domain.views.outgoing.data import Data
from domain.views.outgoing.event import EventOwner, OutgoingEvent, event_id_of
from domain.views.purchase import PurchaseDocument, RefundDocument, TicketDocument


class MatterDocument(TypedDict):
    """A dispute or a payout, as its first event told; its later events do not repeat it."""

    tenant_id: str
    venue_id: str
    show_id: str | None
    purchase_id: str | None
    amount_minor: int
    currency: str


class Documents(Protocol):
    """The read models as they are after an event; None where nothing has that id."""

    def purchase(self, purchase_id: str) -> PurchaseDocument | None:
        """Return a purchase."""

    def ticket(self, ticket_id: str) -> TicketDocument | None:
        """Return a ticket."""

    def show(self, show_id: str) -> ShowDocument | None:
        """Return a show."""

    def refund(self, refund_id: str) -> RefundDocument | None:
        """Return a refund."""

    def matter(self, stream: str) -> MatterDocument | None:
        """Return a dispute or a payout by its stream."""


class OwnedData(NamedTuple):
    """What the outside hears of a domain event, and whose it is."""

    owner: EventOwner
    data: Data


Mapping = Callable[[Any, Documents], OwnedData | None]
MAPPINGS: dict[type[DomainEvent], Mapping] = {}
M = TypeVar("M", bound=Mapping)


def tells(*kinds: type[DomainEvent]) -> Callable[[M], M]:
    """Register a mapping for these kinds of events; raise TypeError for one that has a mapping."""

    def register(mapping: M) -> M:
        for kind in kinds:
            if kind in MAPPINGS:
                raise TypeError(f"{kind.__name__} has a mapping already")
            MAPPINGS[kind] = mapping
        return mapping

    return register


Found = tuple[EventOwner, dict[str, Any]]


def tell(
    kind: type[DomainEvent],
    find: Callable[[Documents, Any], Found | None],
    model: type[Data],
    own: Callable[[Any], dict[str, Any]] = lambda _: {},
) -> None:
    """Register a mapping to a model: `find` returns the owner of an event's subject and the fields that name it.

    `own` returns the other fields, which the event has.
    """

    def mapping(event: DomainEvent, documents: Documents) -> OwnedData | None:
        found = find(documents, event)
        return None if found is None else OwnedData(found[0], model(**found[1], **own(event)))

    tells(kind)(mapping)


def owner_of(documents: Documents, tenant_id: str, show_id: str, purchase_id: str | None = None) -> EventOwner:
    """Return the owner of what belongs to a show: its venue is the show's."""
    show = documents.show(show_id)
    return EventOwner(tenant_id, show["venue_id"] if show else None, show_id, purchase_id)


def outgoing(event: DomainEvent, documents: Documents, position: int) -> tuple[OutgoingEvent, EventOwner] | None:
    """Return what the outside hears of a stored event, and whose it is; None for one that stays inside."""
    mapping = MAPPINGS.get(type(event))
    told = mapping(event, documents) if mapping is not None else None
    if told is None:
        return None
    owner, data = told
    sent: OutgoingEvent = {
        "id": event_id_of(event.originator_id, event.originator_version),
        "type": data.TYPE,
        "version": data.VERSION,
        "timestamp": iso(event.timestamp) or "",
        "position": position,
        "venue_id": owner.venue_id,
        "show_id": owner.show_id,
        "purchase_id": owner.purchase_id,
        "data": data.model_dump(mode="json"),
    }
    return sent, owner
