"""Brings every stored buyer to the newest key and to the present columns."""

import logging
from collections.abc import AsyncGenerator
from typing import NamedTuple

from psycopg.sql import SQL

from adapters.postgres.connections import Pool, Tables, connection_of
from adapters.privacy.buyers import FIND, REPLACE, Sealing
from adapters.privacy.keyring import KeyMissingError, SealBrokenError

BATCH_MAX = 500
log = logging.getLogger(__name__)
# Rows of release 0.1.0 do not name their purchase; the event that names the buyer does.
NAME_PURCHASES = (
    "UPDATE buyers b SET purchase_id = split_part(e.originator_id, ':', 2) FROM events e"
    " WHERE b.purchase_id IS NULL AND e.topic IN ('order.requested', 'order.requested-again')"
    " AND convert_from(e.state, 'UTF8')::jsonb->>'buyer_id' = b.buyer_id"
)
# Those that no event names are of lost requests: the retention deletes them as soon as they say so.
NAME_NO_PURCHASE = "UPDATE buyers SET purchase_id = '' WHERE purchase_id IS NULL AND kept_at < now() - interval '1 day'"
# Rows of before the search by name have no lookups of their names.
BEHIND = "(key_id IS DISTINCT FROM %s OR name_lookups IS NULL)"
LEFT = f"SELECT count(*) FROM buyers WHERE {BEHIND}"  # noqa: S608 - a constant
BATCH = FIND.format(SQL(BEHIND + " AND buyer_id > %s ORDER BY buyer_id LIMIT %s FOR UPDATE"))


class RotationProgress(NamedTuple):
    """The rows that a rotation has sealed, and those that are left."""

    done: int
    left: int


class Rotation(Tables):
    """Seals all rows with the newest key, batch by batch; what is done stays done when it is interrupted."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        super().__init__(pool)
        self._sealing = sealing

    async def run(self) -> AsyncGenerator[RotationProgress, None]:
        """Yield the progress at first and after each batch; raise KeyMissingError without a key.

        Rows that a process with an older newest key stores meanwhile may be left: the last progress counts them.
        """
        if self._sealing.keys.newest is None:
            raise KeyMissingError("BOXOFFICE_PRIVACY__KEYS is not set: there is no key to seal with")
        await self._run(NAME_PURCHASES)
        await self._run(NAME_NO_PURCHASE)
        done, after = 0, ""
        yield RotationProgress(done, await self._left())
        while batch := await self._seal_batch(after):
            done, after = done + len(batch), batch[-1]
            yield RotationProgress(done, await self._left())

    async def _left(self) -> int:
        return int((await self._row(LEFT, (self._sealing.keys.newest,)))[0])

    async def _seal_batch(self, after: str) -> list[str]:
        """Seal the next rows in the order of their ids; return the ids."""
        async with connection_of(self._pool) as connection, connection.transaction():
            values = (self._sealing.keys.newest, after, BATCH_MAX)
            rows = await (await connection.execute(BATCH, values)).fetchall()
            for buyer_id, tenant_id, _, _, key_id, *sealed in rows:
                try:
                    personal = self._sealing.personal(buyer_id, key_id, *sealed)
                except (KeyMissingError, SealBrokenError) as reason:  # it stays as it is, and counts as left
                    log.warning("buyer %s was left as it is: %s", buyer_id, reason)
                    continue
                columns = self._sealing.row(buyer_id, tenant_id, personal)
                await connection.execute(REPLACE, {**columns, "buyer_id": buyer_id})
        return [row[0] for row in rows]
