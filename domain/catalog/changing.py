"""Changes of a show after its sale began: its details and its limits. What was sold stays sold at its price."""

from datetime import datetime
from typing import NamedTuple

from domain.catalog.details import ShowDetails
from domain.catalog.show import Show
from domain.core.aggregate import DomainEvent, sets
from domain.core.errors import WrongState


class ShowLimits(NamedTuple):
    """Limits of a show's sales: tickets per named buyer, the share of purchases without one; what refunded seats do."""

    buyer_tickets_max: int
    unnamed_share_percent: int
    resell_refunded: bool


class ShowDetailsChanged(DomainEvent[Show]):
    """Name, times, place or texts of the show changed; the event has all of them as they are now."""

    TOPIC = "show.details-changed"

    name: str
    starts_at: datetime | None
    doors_at: datetime | None
    ends_at: datetime | None
    time_zone: str
    place: str
    description: str
    image_url: str
    contact: str
    refund_until: datetime | None = None

    @property
    def details(self) -> ShowDetails:
        """All details as they are now."""
        return ShowDetails.model_validate({name: getattr(self, name) for name in ShowDetails.model_fields})

    apply = sets("details")


class ShowLimitsChanged(DomainEvent[Show]):
    """The limits of later sales changed, or what later refunds do with their seats."""

    TOPIC = "show.limits-changed"

    buyer_tickets_max: int
    unnamed_share_percent: int
    resell_refunded: bool

    apply = sets("buyer_tickets_max", "unnamed_share_percent", "resell_refunded")


def change_details(show: Show, details: ShowDetails, at: datetime) -> None:
    """Change name, times, place and texts; the same details again change nothing.

    A new date moves what depends on it: until it is over the show sells, and the venue's money waits. Raise WrongState
    for a show that is cancelled, or times that contradict each other.
    """
    details.check()
    if details != show.details:
        if show.called_off:
            raise WrongState("the show is cancelled: announce another one", show_id=show.identity)
        show.record(ShowDetailsChanged, at, **details.model_dump())


def limits_of(show: Show) -> ShowLimits:
    """Return the present limits of a show's sales."""
    return ShowLimits(show.buyer_tickets_max, show.unnamed_share_percent, show.resell_refunded)


def change_limits(show: Show, limits: ShowLimits, at: datetime) -> None:
    """Change the limits of later sales and what later refunds do; the same limits again change nothing."""
    if limits != limits_of(show):
        show.record(ShowLimitsChanged, at, **limits._asdict())
