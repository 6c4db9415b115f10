"""Venue and Show: who sells, what, at which prices, and whether it stands on chain."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.bearer import TokenBearer
from domain.fact import Fact, FirstFact
from domain.money import FeeRates
from domain.refusals import NotOnSale, UnknownSubject


class TicketType(BaseModel):
    """One kind of ticket of a show: its price in minor units and how many there are."""

    model_config = ConfigDict(frozen=True)

    ticket_type_id: str
    name: str
    price_minor: int = Field(ge=0)
    capacity: int = Field(ge=1)


class VenueRegistered(FirstFact):
    """A venue joined, with its rates."""

    tenant_id: str
    name: str
    rates: dict[str, int]
    body_digest: str


class ShowAnnounced(FirstFact):
    """A show was announced; it is not on sale yet."""

    tenant_id: str
    venue_id: str
    name: str
    currency: str
    ticket_types: list[dict[str, Any]]
    hold_seconds: int
    capture_method: str
    body_digest: str


class ShowWentOnSale(Fact):
    """The show's on-chain group exists: tickets may be sold."""

    def apply(self, aggregate: Any) -> None:
        """Open the sale."""
        aggregate.on_sale = True


class Venue(TokenBearer):
    """Who sells; its token is the group of its shows."""

    KIND = "venue"

    def __init__(self, tenant_id: str, name: str, rates: dict[str, int], body_digest: str) -> None:
        """Start without a token."""
        self.bear()
        self.tenant_id = tenant_id
        self.name = name
        self.rates = FeeRates.model_validate(rates)
        self.body_digest = body_digest


class Show(TokenBearer):
    """What people attend; its token is the group of its tickets."""

    KIND = "show"

    def __init__(
        self,
        *,
        tenant_id: str,
        venue_id: str,
        name: str,
        currency: str,
        ticket_types: list[dict[str, Any]],
        hold_seconds: int,
        capture_method: Literal["manual", "automatic"],
        body_digest: str,
    ) -> None:
        """Start announced, not on sale."""
        self.bear()
        self.tenant_id = tenant_id
        self.venue_id = venue_id
        self.name = name
        self.currency = currency
        self.ticket_types = {item["ticket_type_id"]: TicketType.model_validate(item) for item in ticket_types}
        self.hold_seconds = hold_seconds
        self.capture_method: Literal["manual", "automatic"] = capture_method
        self.body_digest = body_digest
        self.on_sale = False

    @property
    def capacity(self) -> int:
        """Tickets of all types: the `max_size` of the show's group on chain."""
        return sum(item.capacity for item in self.ticket_types.values())

    def open_sale(self, at: datetime) -> None:
        """Go on sale, once the on-chain group was verified."""
        if self.mint_address is None:
            raise NotOnSale("the show has no group on chain yet", show_id=self.identity)
        if not self.on_sale:
            self.record(ShowWentOnSale, at)

    def sellable(self, ticket_type_id: str) -> TicketType:
        """Return a ticket type that may be sold now."""
        if not self.on_sale:
            raise NotOnSale("the show is not on sale: its group is not on chain yet", show_id=self.identity)
        return self.type_of(ticket_type_id)

    def type_of(self, ticket_type_id: str) -> TicketType:
        """Return a ticket type of this show."""
        if ticket_type_id not in self.ticket_types:
            raise UnknownSubject("this show has no such ticket type", ticket_type_id=ticket_type_id)
        return self.ticket_types[ticket_type_id]
