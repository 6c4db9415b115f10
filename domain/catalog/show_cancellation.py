"""Cancellation: a show that does not take place, and how its orders are given back."""

from datetime import datetime
from typing import Literal

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.errors import KeyReused
from domain.money.breakdown import FeesBorneBy

ShowCancellationState = Literal["refunding", "paused", "finished"]


class ShowCancellationBegun(CreatedEvent["ShowCancellation"]):
    """The show does not take place; every order is to be refunded, so many a second at most."""

    TOPIC = "cancellation.begun"

    tenant_id: str
    body_digest: str
    fees: FeesBorneBy
    rate_per_second: float


class ShowCancellationPaused(DomainEvent["ShowCancellation"]):
    """No further refund is begun; those under way go on."""

    TOPIC = "cancellation.paused"

    def apply(self, cancellation: "ShowCancellation") -> None:
        """Hold."""
        cancellation.state = "paused"


class ShowCancellationResumed(DomainEvent["ShowCancellation"]):
    """Refunds are begun again, at this rate."""

    TOPIC = "cancellation.resumed"

    rate_per_second: float

    def apply(self, cancellation: "ShowCancellation") -> None:
        """Go on."""
        cancellation.state, cancellation.rate_per_second = "refunding", self.rate_per_second


class ShowCancellationFinished(DomainEvent["ShowCancellation"]):
    """No order of the show is left that has a valid ticket or money to come."""

    TOPIC = "cancellation.finished"

    def apply(self, cancellation: "ShowCancellation") -> None:
        """It is done."""
        cancellation.state = "finished"


class ShowCancellation(Aggregate):
    """How one cancelled show is given back; its id is the show's."""

    TOPIC = "cancellation"
    STREAM_CATEGORY = "cancellation"

    def __init__(self, tenant_id: str, body_digest: str, fees: FeesBorneBy, rate_per_second: float) -> None:
        """Start refunding."""
        self.tenant_id = tenant_id
        self.body_digest = body_digest
        self.fees: FeesBorneBy = fees
        self.rate_per_second = rate_per_second
        self.state: ShowCancellationState = "refunding"

    def check_same(self, body_digest: str) -> None:
        """Refuse another cancellation of the same show."""
        if body_digest != self.body_digest:
            raise KeyReused("the show is already cancelled, on other terms")

    def pause(self, at: datetime) -> None:
        """Begin no further refund; again changes nothing, as after the end."""
        if self.state == "refunding":
            self.record(ShowCancellationPaused, at)

    def go_on(self, rate_per_second: float | None, at: datetime) -> None:
        """Go on, at another rate if one is given; after the end nothing is left to go on with."""
        rate = self.rate_per_second if rate_per_second is None else rate_per_second
        if self.state != "finished" and (self.state, self.rate_per_second) != ("refunding", rate):
            self.record(ShowCancellationResumed, at, rate_per_second=rate)

    def finish(self, at: datetime) -> None:
        """Record that nothing is left; again changes nothing."""
        if self.state != "finished":
            self.record(ShowCancellationFinished, at)
