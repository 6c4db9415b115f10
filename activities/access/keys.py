"""Create, rotate, revoke and look up API keys."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from activities.core.commands import Command
from activities.core.ports import EventStore
from domain.access.api_key import PREFIXES, ApiKey, KeyCreated, KeyKind, KeyText, check_scopes
from domain.access.subject import Scope
from domain.catalog.venue import Venue
from domain.core.unit_of_work import UnitOfWork

ID_BYTES = 10
SECRET_BYTES = 32


class CreateKey(Command):
    """A key to create; `bound_to` is the id of its venue, empty for a key of the whole tenant."""

    tenant_id: str
    kind: KeyKind
    label: str
    scopes: Sequence[Scope]
    bound_to: str = ""
    expires_at: datetime | None = None


class KeyCommands:
    """Command handlers of API keys. Each new secret is returned once and stored as a digest."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def create(self, command: CreateKey) -> KeyText:
        """Create a key; raise UnknownSubject for a venue that does not exist."""
        check_scopes(command.kind, command.scopes)
        text = KeyText(PREFIXES[command.kind], secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES))
        await self._store.commit(lambda uow: _create(uow, command, text))
        return text

    async def rotate(self, key_id: str, overlap_seconds: int) -> KeyText:
        """Give a key a new secret; the one before is accepted for so long."""
        secret = secrets.token_urlsafe(SECRET_BYTES)

        def decide(uow: UnitOfWork) -> KeyText:
            key = uow.get(ApiKey, key_id)
            text = KeyText(PREFIXES[key.kind], key_id, secret)
            key.rotate(text.digest, uow.at + timedelta(seconds=overlap_seconds), uow.at)
            return text

        return (await self._store.commit(decide)).value

    async def revoke(self, key_id: str) -> None:
        """End a key; again changes nothing."""
        await self._store.commit(lambda uow: uow.get(ApiKey, key_id).revoke(uow.at))

    async def find(self, text: KeyText) -> ApiKey | None:
        """Return the key of a text that is good now, else None."""

        def look(uow: UnitOfWork) -> ApiKey | None:
            key = uow.find(ApiKey, text.key_id)
            return key if key is not None and key.accepts(text, uow.at) else None

        return await self._store.read(look, (ApiKey.stream(text.key_id),))


def _create(uow: UnitOfWork, command: CreateKey, text: KeyText) -> None:
    if command.bound_to:
        uow.get(Venue, command.bound_to)
    values = command.model_dump(exclude={"scopes"}) | {"scopes": sorted(command.scopes)}
    uow.add(ApiKey.begin(KeyCreated, text.key_id, uow.at, digest_of_secret=text.digest, **values))
