"""Ports of the delivery of webhooks: the events that are due, the log of deliveries, secrets, and the HTTP client."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.views.outgoing.endpoint import DeliveryAttempt, DuePage, EndpointFilter, EndpointPosition, ReceiverAnswer
from domain.views.outgoing.event import OutgoingEvent


class DeliveryLog(Protocol):
    """Outgoing events in the read models, with what was delivered of them to whom."""

    async def due(self, wanted: EndpointFilter, after: int, limit: int) -> DuePage:
        """Return events after a position that the endpoint gets and has not taken, or that it shall get again."""

    async def event(self, wanted: EndpointFilter, position: int) -> OutgoingEvent | None:
        """Return an event that is due; None for one that was delivered or given up."""

    async def note(self, attempt: DeliveryAttempt) -> None:
        """Note a try; one without an answer or refused is `failed`, the last one of it `given-up`."""

    async def advance(self, endpoint_id: str, first: int, seen: int | None, done: int) -> EndpointPosition:
        """Move the endpoint's position on to `done` and return where it is; `first` is where it begins.

        It stays where it is if `seen` is not the number of its replays: the caller has not looked since the last one.
        """


class EndpointSecrets(Protocol):
    """The secrets of endpoints, sealed at rest."""

    async def keep(self, endpoint_id: str, number: int, secret: str) -> bool:
        """Keep a secret unless there is one of this number; return whether it is kept."""

    async def read(self, endpoint_id: str, numbers: Sequence[int]) -> Sequence[str]:
        """Return the secrets of these numbers, in their order, as far as they exist."""

    async def forget(self, endpoint_id: str, below: int) -> None:
        """Forget the secrets with lower numbers."""


class WebhookSender(Protocol):
    """Sends webhooks in the Standard Webhooks format."""

    async def post_event(
        self, url: str, secrets: Sequence[str], event_id: str, body: bytes, at: datetime
    ) -> ReceiverAnswer:
        """Sign and send one event, once; whatever goes wrong is the answer's fault."""
