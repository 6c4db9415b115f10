"""Create, change, switch and delete webhook endpoints, and rotate their secrets: command handlers of the API."""

import base64
import secrets as random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from activities.access.webhooks.ports import EndpointSecrets
from activities.core.commands import Command
from activities.core.ports import EventStore
from domain.access.endpoint import EndpointCreated, WebhookEndpoint
from domain.catalog.venue import Venue
from domain.core.unit_of_work import UnitOfWork

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - of the Standard Webhooks format
OVERLAP = timedelta(days=1)
NUMBER_MAX = 2**31 - 1
R = TypeVar("R")


class CreateEndpoint(Command):
    """An endpoint to create under an id; `after` is the position behind which it gets events."""

    endpoint_id: str
    tenant_id: str
    venue_id: str
    url: str
    types: Sequence[str]
    after: int
    body_digest: str


class EndpointCommands:
    """Command handlers of endpoints. A secret is returned once, and kept sealed."""

    def __init__(self, store: EventStore, secrets: EndpointSecrets) -> None:
        self._store = store
        self._secrets = secrets

    async def create(self, command: CreateEndpoint) -> str | None:
        """Create an endpoint and return its secret; None for a repeat, whose secret was told before.

        Raise UnknownSubject for a venue that does not exist, KeyReused for another endpoint under the same id.
        """
        await self._store.commit(lambda uow: _create(uow, command))
        secret = _new_secret()
        return secret if await self._secrets.keep(command.endpoint_id, 1, secret) else None

    async def find(self, endpoint_id: str) -> WebhookEndpoint | None:
        """Return an endpoint; None when there is none."""
        streams = (WebhookEndpoint.stream(endpoint_id),)
        return await self._store.read(lambda uow: uow.find(WebhookEndpoint, endpoint_id), streams)

    async def all_of(self, tenant_id: str, endpoint_ids: Sequence[str]) -> list[WebhookEndpoint]:
        """Return those of some endpoints that are the tenant's and not deleted, in the same order."""
        streams = tuple(WebhookEndpoint.stream(endpoint_id) for endpoint_id in endpoint_ids)

        def look(uow: UnitOfWork) -> list[WebhookEndpoint]:
            found = (uow.find(WebhookEndpoint, endpoint_id) for endpoint_id in endpoint_ids)
            return [one for one in found if one is not None and one.tenant_id == tenant_id and one.state != "deleted"]

        return await self._store.read(look, streams)

    async def change(self, endpoint_id: str, url: str | None, types: Sequence[str] | None) -> None:
        """Change the address or the filter of types; None keeps."""
        await self._decide(endpoint_id, lambda endpoint, uow: endpoint.change(url, types, uow.at))

    async def rotate(self, endpoint_id: str) -> str:
        """Give the endpoint its next secret and return it; both sign for a day."""
        secret = _new_secret()

        def decide(endpoint: WebhookEndpoint, uow: UnitOfWork) -> int:
            return endpoint.rotate_secret(uow.at + OVERLAP, uow.at)

        number = await self._decide(endpoint_id, decide)
        await self._secrets.keep(endpoint_id, number, secret)
        await self._secrets.forget(endpoint_id, number - 1)
        return secret

    async def switch(self, endpoint_id: str, *, on: bool) -> None:
        """Switch an endpoint on or off; again changes nothing."""

        def decide(endpoint: WebhookEndpoint, uow: UnitOfWork) -> None:
            if on:
                endpoint.switch_on(uow.at)
            else:
                endpoint.switch_off("request", uow.at)

        await self._decide(endpoint_id, decide)

    async def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint and its secrets; again changes nothing."""
        await self._decide(endpoint_id, lambda endpoint, uow: endpoint.delete(uow.at))
        await self._secrets.forget(endpoint_id, NUMBER_MAX)

    async def _decide(self, endpoint_id: str, act: Callable[[WebhookEndpoint, UnitOfWork], R]) -> R:
        """Decide about an endpoint; raise UnknownSubject for one that does not exist for the actor."""
        streams = (WebhookEndpoint.stream(endpoint_id),)
        return (await self._store.commit(lambda uow: act(uow.get(WebhookEndpoint, endpoint_id), uow), streams)).value


def _create(uow: UnitOfWork, command: CreateEndpoint) -> None:
    known = uow.find(WebhookEndpoint, command.endpoint_id)
    if known is not None:
        known.check_same(command.body_digest)
        return
    if command.venue_id:
        uow.get(Venue, command.venue_id)
    values = command.model_dump(exclude={"endpoint_id", "types"}) | {"types": list(command.types)}
    uow.add(WebhookEndpoint.begin(EndpointCreated, command.endpoint_id, uow.at, **values))


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(random.token_bytes(SECRET_BYTES)).decode()
