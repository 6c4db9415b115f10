"""Cancellation of a show and the refunds of its orders."""

from datetime import datetime
from typing import Literal

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import KeyReused
from domain.money.breakdown import FeesBorneBy

ShowCancellationState = Literal["refunding", "paused", "finished"]


class ShowCancellationBegun(CreatedEvent["ShowCancellation"]):
    """The show was cancelled; every order is to be refunded, at this maximum rate per second."""

    TOPIC = "cancellation.begun"

    tenant_id: str
    body_digest: str
    fees: FeesBorneBy
    rate_per_second: float


class ShowCancellationPaused(DomainEvent["ShowCancellation"]):
    """No further refund begins; those under way continue."""

    TOPIC = "cancellation.paused"
    apply = sets(state="paused")


class ShowCancellationResumed(DomainEvent["ShowCancellation"]):
    """Refunds begin again, at this rate."""

    TOPIC = "cancellation.resumed"

    rate_per_second: float

    apply = sets("rate_per_second", state="refunding")


class ShowCancellationFinished(DomainEvent["ShowCancellation"]):
    """No order of the show has a valid ticket or an outstanding payment any more."""

    TOPIC = "cancellation.finished"
    apply = sets(state="finished")


class ShowCancellation(Aggregate):
    """The refunding of one cancelled show; its id is the show's."""

    TOPIC = "cancellation"
    STREAM_CATEGORY = "cancellation"

    tenant_id: str
    body_digest: str
    fees: FeesBorneBy
    rate_per_second: float
    state: ShowCancellationState = "refunding"

    @property
    def show_id(self) -> str:
        """The id of the cancelled show."""
        return self.identity

    def check_same(self, body_digest: str) -> None:
        """Raise KeyReused for another cancellation of the same show."""
        if body_digest != self.body_digest:
            raise KeyReused("the show is already cancelled, on other terms")

    def pause(self, at: datetime) -> ShowCancellationState:
        """Begin no further refund; idempotent, and without effect after the end. Return the state."""
        if self.state == "refunding":
            self.record(ShowCancellationPaused, at)
        return self.state

    def go_on(self, rate_per_second: float | None, at: datetime) -> ShowCancellationState:
        """Resume, or change the rate (None: keep it); without effect after the end. Return the state."""
        rate = self.rate_per_second if rate_per_second is None else rate_per_second
        if self.state != "finished" and (self.state, self.rate_per_second) != ("refunding", rate):
            self.record(ShowCancellationResumed, at, rate_per_second=rate)
        return self.state

    def finish(self, at: datetime) -> None:
        """Record that every order is done; idempotent."""
        if self.state != "finished":
            self.record(ShowCancellationFinished, at)
