"""Venue: its fee rates, and its token group on chain."""

from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from domain.core.aggregate import CreatedEvent, DomainEvent, sets
from domain.money.money import FeeRates
from domain.tickets.has_token import TokenizedAggregate

# What a venue agrees to with Stripe: `recipient` takes transfers alone, for a country in which we have no full account.
ServiceAgreement = Literal["full", "recipient"]


class VenueRegistered(CreatedEvent["Venue"]):
    """A venue was registered with its fee rates."""

    TOPIC = "venue.registered"

    tenant_id: str
    name: str
    rates: dict[str, Any]
    body_digest: str
    country: str = ""  # empty: that of the platform's Stripe account
    agreement: ServiceAgreement = "full"
    time_zone: str = ""  # IANA name; empty: unknown

    def apply(self, venue: "Venue") -> None:
        """Set the rates."""
        venue.rates = FeeRates.model_validate(self.rates)


class VenueZoneChanged(DomainEvent["Venue"]):
    """The time zone of the venue changed: dates without an offset are read in it."""

    TOPIC = "venue.zone-changed"

    time_zone: str

    apply = sets("time_zone")


class Venue(TokenizedAggregate):
    """A venue that sells tickets; its token is the group of its shows."""

    TOPIC = "venue"
    STREAM_CATEGORY = "venue"

    tenant_id: str
    name: str
    rates: FeeRates = field(init=False)
    body_digest: str
    country: str
    agreement: ServiceAgreement
    time_zone: str

    def change_zone(self, time_zone: str, at: datetime) -> None:
        """Change the time zone; the same again changes nothing."""
        if time_zone != self.time_zone:
            self.record(VenueZoneChanged, at, time_zone=time_zone)

    @property
    def venue_id(self) -> str:
        """The id of the venue itself: whoever is bound to one venue sees no other."""
        return self.identity
