"""The sealed table of webhook endpoints' secrets: like personal data they are plain only where there is no key."""

import base64
from collections.abc import Mapping, Sequence

from adapters.postgres.connections import Pool, Tables, connection_of
from adapters.privacy.keyring import Keyring

KEEP = (
    "INSERT INTO webhook_secrets (endpoint_id, number, key_id, secret) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
READ = "SELECT number, key_id, secret FROM webhook_secrets WHERE endpoint_id = %s AND number = ANY(%s)"
SEALED_OTHERWISE = (
    "SELECT endpoint_id, number, key_id, secret FROM webhook_secrets WHERE key_id IS DISTINCT FROM %s FOR UPDATE"
)


class PostgresEndpointSecrets(Tables):
    """Secrets by endpoint and number; each is sealed with the newest key, and opens only in its own row."""

    def __init__(self, pool: Pool, keys: Mapping[str, bytes]) -> None:
        super().__init__(pool)
        self._keys = Keyring(keys)

    async def keep(self, endpoint_id: str, number: int, secret: str) -> bool:
        """Keep a secret unless there is one of this number; return whether it is kept."""
        row = (endpoint_id, number, *self._sealed(endpoint_id, number, secret))
        return await self._run(KEEP, row) == 1

    async def read(self, endpoint_id: str, numbers: Sequence[int]) -> list[str]:
        """Return the secrets of these numbers, in their order, as far as they exist."""
        rows = await self._rows(READ, (endpoint_id, list(numbers)))
        found = {number: self._opened(endpoint_id, number, key_id, text) for number, key_id, text in rows}
        return [found[number] for number in numbers if number in found]

    async def forget(self, endpoint_id: str, below: int) -> None:
        """Forget the secrets with lower numbers."""
        await self._run("DELETE FROM webhook_secrets WHERE endpoint_id = %s AND number < %s", (endpoint_id, below))

    async def seal_again(self) -> int:
        """Seal every secret with the newest key, in one transaction; return how many were sealed otherwise."""
        async with connection_of(self._pool) as connection, connection.transaction():
            rows = await (await connection.execute(SEALED_OTHERWISE, (self._keys.newest,))).fetchall()
            secrets = [(*row[:2], self._opened(*row)) for row in rows]
            sealed = [(*self._sealed(*one), *one[:2]) for one in secrets]
            await connection.cursor().executemany(
                "UPDATE webhook_secrets SET key_id = %s, secret = %s WHERE endpoint_id = %s AND number = %s", sealed
            )
        return len(rows)

    def _sealed(self, endpoint_id: str, number: int, secret: str) -> tuple[str | None, str]:
        if self._keys.newest is None:
            return None, secret
        sealed = self._keys.seal(secret.encode(), _place(endpoint_id, number))
        return self._keys.newest, base64.b64encode(sealed).decode()

    def _opened(self, endpoint_id: str, number: int, key_id: str | None, text: str) -> str:
        if key_id is None:
            return text
        return self._keys.open(key_id, base64.b64decode(text), _place(endpoint_id, number)).decode()


def _place(endpoint_id: str, number: int) -> bytes:
    return f"webhook_secrets/{endpoint_id}/{number}".encode()
