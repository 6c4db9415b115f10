"""Views of webhook endpoints, and of the attempts to deliver events to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from typing_extensions import TypedDict

from domain.access.endpoint import EndpointState
from domain.core.timestamp import Timestamp

DeliveryState = Literal["due", "delivered", "failed", "given-up"]


class EndpointDocument(TypedDict):
    """A webhook endpoint without its secret; `venue_id` is empty for one of the whole tenant, `types` for all types.

    `failing` is one that failed for days and was switched off. It gets the events behind the position `after`.
    """

    endpoint_id: str
    tenant_id: str
    venue_id: str
    url: str
    types: list[str]
    after: int
    state: EndpointState
    created_at: Timestamp
    secret_rotated_at: Timestamp | None


class DeliveryEntry(TypedDict):
    """The deliveries of one event to one endpoint: the number of tries, and the answer to the last one.

    `fault` says why it failed, in a word or two. A `due` one is sent again because it was asked for.
    """

    event_id: str
    type: str
    position: int
    state: DeliveryState
    tries: int
    status: int | None
    fault: str | None
    first_at: Timestamp
    last_at: Timestamp


class EndpointFilter(NamedTuple):
    """Which events an endpoint gets: its tenant's, of its venue and its types where it has some.

    It gets those after the position `begins_after`; an earlier one only where it was asked for.
    """

    endpoint_id: str
    tenant_id: str
    venue_id: str
    types: tuple[str, ...]
    begins_after: int = 0


class DueEvent(NamedTuple):
    """An event to deliver; those of one lane (a purchase) are delivered one after another, by position."""

    position: int
    lane: str


class DuePage(NamedTuple):
    """Due events in the order of their positions, and the position up to which all events were looked at."""

    events: Sequence[DueEvent]
    looked_to: int


class EndpointPosition(NamedTuple):
    """How far an endpoint is: all events up to a position are done with, since so many replays were asked for."""

    position: int
    replays: int


class DeliveryAttempt(NamedTuple):
    """One try to deliver an event: the answer's status, or the fault without one."""

    endpoint_id: str
    position: int
    event_id: str
    type: str
    state: DeliveryState
    status: int | None
    fault: str | None
    at: datetime


class ReceiverAnswer(NamedTuple):
    """How a receiver answered: its status, or a fault in a word or two without one."""

    status: int | None
    fault: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver took the event."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - the success class of HTTP
