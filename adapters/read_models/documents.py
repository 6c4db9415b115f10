"""The documents, timeline lines and postings that one batch of events changes, before they are stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar, cast

from domain.money.statement import Entry
from domain.views.access import DoorDocument, KeyDocument
from domain.views.catalog import (
    AllocationDocument,
    DiscountDocument,
    FileDocument,
    HoldDocument,
    ReservationDocument,
    ShowDocument,
    VenueDocument,
)
from domain.views.follow_up import FollowUpDocument
from domain.views.minting import TreeDocument
from domain.views.outgoing.endpoint import EndpointDocument
from domain.views.outgoing.event import OutgoingEvent
from domain.views.outgoing.mapping import MatterDocument
from domain.views.payouts import AccountOwner, PayeeDocument, PayoutDocument
from domain.views.purchase import DisputeDocument, PaymentOwner, PurchaseDocument, RefundDocument, TicketDocument
from domain.views.show_cancellation import CancellationDocument

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ReadModel(Generic[V]):
    """A table of documents, and the view that each document of it is."""

    name: str
    view: type[V]


PURCHASES = ReadModel("purchases", PurchaseDocument)
SHOWS = ReadModel("shows", ShowDocument)
VENUES = ReadModel("venues", VenueDocument)
TICKETS = ReadModel("tickets", TicketDocument)
ALLOCATIONS = ReadModel("allocations", AllocationDocument)
HOLDS = ReadModel("holds", HoldDocument)
PAYMENTS = ReadModel("payments", PaymentOwner)
RESERVATIONS = ReadModel("reservations", ReservationDocument)
DISCOUNTS = ReadModel("discounts", DiscountDocument)
PAYEES = ReadModel("payees", PayeeDocument)
ACCOUNTS = ReadModel("accounts", AccountOwner)
REFUNDS = ReadModel("refunds", RefundDocument)
DISPUTES = ReadModel("disputes", DisputeDocument)
PAYOUTS = ReadModel("payouts", PayoutDocument)
CANCELLATIONS = ReadModel("cancellations", CancellationDocument)
API_KEYS = ReadModel("keys", KeyDocument)
FILES = ReadModel("files", FileDocument)
FOLLOW_UPS = ReadModel("follow_ups", FollowUpDocument)
DOORS = ReadModel("doors", DoorDocument)
TREES = ReadModel("trees", TreeDocument)
ENDPOINTS = ReadModel("endpoints", EndpointDocument)
MATTERS = ReadModel("matters", MatterDocument)
READ_MODELS = tuple(model for model in tuple(globals().values()) if isinstance(model, ReadModel))
KINDS = tuple(model.name for model in READ_MODELS)


class TimelineLine(NamedTuple):
    """One event of a purchase, as text."""

    purchase_id: str
    position: int
    at: datetime
    event: str
    text: str


class Owner(NamedTuple):
    """Whose a document is, as far as it says so."""

    tenant_id: str | None
    venue_id: str | None
    show_id: str | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Owner":
        """Read the owner of a document."""
        return cls(document.get("tenant_id"), document.get("venue_id"), document.get("show_id"))


class AuditLine(NamedTuple):
    """One event that a subject caused."""

    position: int
    at: datetime
    by: str
    event: str
    stream: str


class OutgoingLine(NamedTuple):
    """One outgoing event as it is sent, and whose it is."""

    position: int
    event_id: str
    type: str
    tenant_id: str
    venue_id: str | None
    show_id: str | None
    purchase_id: str | None
    sent: OutgoingEvent


class DocumentBatch:
    """A write-behind buffer for folds. `load` reads a stored document by kind and id (None when there is none)."""

    def __init__(self, load: Callable[[str, str], Any]) -> None:
        self._load = load
        self._documents: dict[tuple[str, str], Any] = {}
        self._changed: set[tuple[str, str]] = set()
        self.timeline: list[TimelineLine] = []
        self.postings: list[Entry] = []
        self.audit: list[AuditLine] = []
        self.outgoing: list[OutgoingLine] = []

    def find(self, model: ReadModel[V], identity: str) -> V | None:
        """Return a document to read."""
        name = (model.name, identity)
        if name not in self._documents:
            self._documents[name] = self._load(*name)
        return cast("V | None", self._documents[name])

    def edit(self, model: ReadModel[V], identity: str) -> V | None:
        """Return a document to change; None when there is none."""
        found = self.find(model, identity)
        if found is not None:
            self._changed.add((model.name, identity))
        return found

    def put(self, model: ReadModel[V], identity: str, document: V) -> None:
        """Put a new document in the place of any other."""
        self._documents[model.name, identity] = document
        self._changed.add((model.name, identity))

    def changed(self) -> list[tuple[str, str, Any]]:
        """Return the documents to store, as (kind, id, document)."""
        return [(kind, identity, self._documents[kind, identity]) for kind, identity in sorted(self._changed)]
