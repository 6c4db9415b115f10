"""The table of buyers on PostgreSQL: personal data, sealed where there is a key, and the persons that limits count."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.sql import SQL

from adapters.postgres.connections import Pool, Tables, connection_of
from adapters.privacy.keyring import Keyring
from domain.core.errors import WrongState
from domain.orders.personal_data import KeptBuyer, PersonalData, words_of
from domain.orders.state import ENDED

FIND = SQL("SELECT buyer_id, tenant_id, purchase_id, kept_at, key_id, name, email, wallet FROM buyers WHERE {}")
BY_ID, BY_PURCHASE = SQL("buyer_id = %s"), SQL("purchase_id = %s")
# With a person come those who claimed the tickets of the person's purchases.
BY_PERSON = SQL(
    "tenant_id = %(tenant_id)s AND (lookup = ANY(%(lookups)s) OR wallet_lookup = ANY(%(lookups)s) OR ticket_id IS NOT"
    " NULL AND purchase_id IN (SELECT purchase_id FROM buyers WHERE tenant_id = %(tenant_id)s"
    " AND (lookup = ANY(%(lookups)s) OR wallet_lookup = ANY(%(lookups)s))))"
)
KEEP = SQL(
    "INSERT INTO buyers (buyer_id, tenant_id, purchase_id, key_id, name, email, wallet, lookup, wallet_lookup,"
    " name_lookups) VALUES (%(buyer_id)s, %(tenant_id)s, %(purchase_id)s, %(key_id)s, %(name)s, %(email)s, %(wallet)s,"
    " %(lookup)s, %(wallet_lookup)s, %(name_lookups)s)"
    " ON CONFLICT DO NOTHING"
)
KEEP_HOLDER = SQL(
    "INSERT INTO buyers (buyer_id, tenant_id, purchase_id, ticket_id, key_id, wallet, lookup)"
    " VALUES (%(buyer_id)s, %(tenant_id)s, %(purchase_id)s, %(ticket_id)s, %(key_id)s, %(wallet)s, %(lookup)s)"
    " ON CONFLICT DO NOTHING"
)
# DO UPDATE changes nothing: it locks the person's row, and so sees one that another transaction has just made.
KEEP_PERSON = SQL(
    "WITH person AS (INSERT INTO persons (tenant_id, lookup, allowance_id) SELECT %(tenant_id)s, made.* FROM"
    " unnest(%(lookups)s::text[], %(allowance_ids)s::text[]) AS made (lookup, allowance_id) ORDER BY 2"
    " ON CONFLICT (tenant_id, lookup) DO UPDATE SET lookup = EXCLUDED.lookup RETURNING lookup, allowance_id),"
    " kept AS ({}) SELECT lookup, allowance_id FROM person"
).format(KEEP)
PURCHASES_OF = SQL(
    "SELECT DISTINCT purchase_id FROM buyers WHERE tenant_id = %(tenant_id)s AND {} AND purchase_id IS NOT NULL"
    " LIMIT %(limit)s"
)
BY_EMAIL, BY_NAME = SQL("lookup = ANY(%(lookups)s)"), SQL("name_lookups @> %(lookups)s::text[]")
# A person whose e-mail address is corrected stays one person for the limits: what was bought is still counted.
KEEP_COUNTED = (
    "INSERT INTO persons (tenant_id, lookup, allowance_id) SELECT tenant_id, %(lookup)s, allowance_id FROM persons"
    " WHERE tenant_id = %(tenant_id)s AND lookup = %(old)s ON CONFLICT DO NOTHING"
)
REPLACE = (
    "UPDATE buyers SET name = %(name)s, email = %(email)s, wallet = %(wallet)s, key_id = %(key_id)s,"
    " lookup = %(lookup)s, wallet_lookup = %(wallet_lookup)s, name_lookups = %(name_lookups)s"
    " WHERE buyer_id = %(buyer_id)s"
)
# An unknown purchase counts as open: the read models may only be behind.
OPEN = (
    "SELECT b.purchase_id FROM buyers b LEFT JOIN rm_purchases p ON p.id = b.purchase_id"
    " WHERE b.buyer_id = ANY(%s) AND coalesce(p.doc->>'state', '') <> ALL(%s)"
)
LOCK_PERSONS = (
    "SELECT FROM persons p JOIN unnest(%s::text[], %s::text[]) AS gone (tenant_id, lookup)"
    " USING (tenant_id, lookup) ORDER BY tenant_id, lookup FOR UPDATE OF p"
)
# A statement of its own: it sees the buyers that were stored while the one before it waited for the locks.
FORGET_UNNAMED = (
    "DELETE FROM persons p USING unnest(%s::text[], %s::text[]) AS gone (tenant_id, lookup)"
    " WHERE p.tenant_id = gone.tenant_id AND p.lookup = gone.lookup AND NOT EXISTS"
    " (SELECT FROM buyers b WHERE b.tenant_id = p.tenant_id AND p.lookup IN (b.lookup, b.wallet_lookup))"
)


class Sealing:
    """Turns personal data into column values and back; without keys the values stay plain.

    `strips_tag`: an e-mail address with a tag after a plus is the same person's.
    """

    def __init__(self, keys: Mapping[str, bytes], lookup_secret: str, *, strips_tag: bool = True) -> None:
        self.keys = Keyring(keys)
        self._strips_tag = strips_tag
        self._lookup_secret = lookup_secret.encode()

    def row(self, buyer_id: str, tenant_id: str, personal: PersonalData) -> dict[str, Any]:
        """Return the columns that depend on the keys; each value opens only in its own row and column."""
        values = {column: self._sealed(buyer_id, column, plain) for column, plain in personal._asdict().items()}
        lookup, wallet_lookup, *_ = (*self.lookups(tenant_id, personal), None, None)
        names = self.name_lookups(tenant_id, personal.name or "")
        found = {"key_id": self.keys.newest, "lookup": lookup, "wallet_lookup": wallet_lookup, "name_lookups": names}
        return {**values, **found}

    def personal(self, buyer_id: str, key_id: str | None, *values: str | None) -> PersonalData:
        """Return the personal data of a row's columns name, email and wallet."""
        named = zip(PersonalData._fields, values, strict=True)
        return PersonalData(**{column: self.opened(buyer_id, key_id, column, value) for column, value in named})

    def opened(self, buyer_id: str, key_id: str | None, column: str, value: str | None) -> str | None:
        """Return the plain value of one column."""
        if value is None or key_id is None:
            return value
        return self.keys.open(key_id, base64.b64decode(value), _place(buyer_id, column)).decode()

    def lookups(self, tenant_id: str, personal: PersonalData) -> list[str]:
        """Return the values by which the rows of a person are found: by e-mail address, and by wallet."""
        return [self.lookup(tenant_id, person) for person in personal.persons(strips_tag=self._strips_tag)]

    def name_lookups(self, tenant_id: str, name: str) -> list[str]:
        """Return the values by which the rows of buyers with this name are found: one for each word of it."""
        return [self.lookup(tenant_id, f"name:{word}") for word in words_of(name)]

    def lookup(self, tenant_id: str, person: str) -> str:
        """Return the value by which the rows of a person are found: a keyed hash, useless without the secret."""
        text = f"{len(tenant_id)}:{tenant_id}{person}"
        return hmac.new(self._lookup_secret, text.encode(), "sha256").hexdigest()

    def _sealed(self, buyer_id: str, column: str, plain: str | None) -> str | None:
        if plain is None or self.keys.newest is None:
            return plain
        return base64.b64encode(self.keys.seal(plain.encode(), _place(buyer_id, column))).decode()


class PostgresBuyers(Tables):
    """The one table of personal data; events refer to a buyer, or a holder who claimed a ticket, by an opaque id."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        super().__init__(pool)
        self._sealing = sealing

    async def keep(
        self, buyer_id: str, tenant_id: str, purchase_id: str, personal: PersonalData, allowance_ids: Sequence[str]
    ) -> tuple[str, ...]:
        """Store a buyer; an id that is stored already stays unchanged.

        Return the ids under which the person's tickets are counted, by e-mail address and by wallet: the given ones
        where they are new, and none for a buyer with neither.
        """
        lookups = self._sealing.lookups(tenant_id, personal)
        columns = {
            "buyer_id": buyer_id,
            "tenant_id": tenant_id,
            "purchase_id": purchase_id,
            "lookups": lookups,
            "allowance_ids": list(allowance_ids[: len(lookups)]),
            **self._sealing.row(buyer_id, tenant_id, personal),
        }
        if not lookups:
            await self._run(KEEP, columns)
        known = dict(await self._rows(KEEP_PERSON, columns)) if lookups else {}
        return tuple(str(known[lookup]) for lookup in lookups)

    async def keep_holder(self, holder_id: str, tenant_id: str, purchase_id: str, ticket_id: str, wallet: str) -> None:
        """Store the wallet that claims a ticket; it counts for no limit, so no person is stored."""
        columns = {
            "buyer_id": holder_id,
            "tenant_id": tenant_id,
            "purchase_id": purchase_id,
            "ticket_id": ticket_id,
            **self._sealing.row(holder_id, tenant_id, PersonalData(wallet=wallet)),
        }
        await self._run(KEEP_HOLDER, columns)

    async def forget(self, buyer_id: str) -> None:
        """Delete a buyer whom no event names; a person without buyers is deleted by the retention."""
        await self._run("DELETE FROM buyers WHERE buyer_id = %s", (buyer_id,))

    async def wallet_of(self, buyer_id: str) -> str | None:
        """Return the buyer's wallet, if any."""
        row = await self._row("SELECT key_id, wallet FROM buyers WHERE buyer_id = %s", (buyer_id,))
        return None if row is None else self._sealing.opened(buyer_id, row[0], "wallet", row[1])

    async def read(self, buyer_id: str) -> KeptBuyer | None:
        """Return a buyer; None when there is none (any more)."""
        found = await self._find(BY_ID, (buyer_id,))
        return found[0] if found else None

    async def email_of(self, buyer_id: str) -> str | None:
        """Return a buyer's e-mail address; None when there is none (any more)."""
        found = await self.read(buyer_id)
        return None if found is None else found.personal.email

    async def of_purchase(self, purchase_id: str) -> list[KeptBuyer]:
        """Return the buyers that the attempts at a purchase named."""
        return await self._find(BY_PURCHASE, (purchase_id,))

    async def of_person(self, tenant_id: str, personal: PersonalData) -> list[KeptBuyer]:
        """Return every buyer with this e-mail address in any spelling, or this wallet, and their tickets' holders."""
        lookups = self._sealing.lookups(tenant_id, personal)
        return await self._find(BY_PERSON, {"tenant_id": tenant_id, "lookups": lookups})

    async def purchases_of(self, tenant_id: str, *, email: str | None, name: str | None, limit: int) -> list[str]:
        """Return purchases of buyers with this e-mail address in any spelling, or with all words of this name."""
        lookups = self._sealing.lookups(tenant_id, PersonalData(email=email)) if email is not None else []
        if name is not None:
            lookups = self._sealing.name_lookups(tenant_id, name)
        if not lookups:
            return []
        statement = PURCHASES_OF.format(BY_EMAIL if name is None else BY_NAME)
        return [
            row[0] for row in await self._rows(statement, {"tenant_id": tenant_id, "lookups": lookups, "limit": limit})
        ]

    async def correct(self, buyer: KeptBuyer, personal: PersonalData) -> None:
        """Replace the personal data of a buyer; the limits go on counting the person under the new e-mail address."""
        old, new = (self._sealing.row(buyer.buyer_id, buyer.tenant_id, data) for data in (buyer.personal, personal))
        columns = {**new, "buyer_id": buyer.buyer_id, "tenant_id": buyer.tenant_id, "old": old["lookup"]}
        async with connection_of(self._pool) as connection, connection.transaction():
            if old["lookup"] is not None and new["lookup"] not in {None, old["lookup"]}:
                await connection.execute(KEEP_COUNTED, columns)
            await connection.execute(REPLACE, columns)
            if old["lookup"] not in {None, new["lookup"]}:
                await forget_persons(connection, [(buyer.tenant_id, old["lookup"])])

    async def erase(self, buyer_ids: Sequence[str]) -> int:
        """Delete buyers and all by which a person can be found; return the number of deleted buyers.

        Raise WrongState, and delete nothing, while a purchase of one of them is open.
        """
        async with connection_of(self._pool) as connection, connection.transaction():
            cursor = await connection.execute(OPEN, (list(buyer_ids), list(ENDED)))
            if open_one := await cursor.fetchone():
                raise WrongState(f"purchase {open_one[0] or 'of release 0.1.0'} is not known to have ended")
            return await erase_rows(connection, buyer_ids)

    async def _find(self, condition: SQL, values: tuple[object, ...] | dict[str, object]) -> list[KeptBuyer]:
        rows = await self._rows(FIND.format(condition), values)
        return [
            KeptBuyer(buyer_id, tenant_id, purchase_id, kept_at, self._sealing.personal(buyer_id, key_id, *values))
            for buyer_id, tenant_id, purchase_id, kept_at, key_id, *values in rows
        ]


async def erase_rows(connection: AsyncConnection[Any], buyer_ids: Sequence[str]) -> int:
    """Delete buyers, and the persons whom no buyer names any more, in the transaction of the caller."""
    erase = "DELETE FROM buyers WHERE buyer_id = ANY(%s) RETURNING tenant_id, ARRAY[lookup, wallet_lookup]"
    erased = await (await connection.execute(erase, (list(buyer_ids),))).fetchall()
    persons = [(tenant_id, lookup) for tenant_id, lookups in erased for lookup in lookups if lookup is not None]
    await forget_persons(connection, persons)
    return len(erased)


async def forget_persons(connection: AsyncConnection[Any], persons: Sequence[tuple[str, str]]) -> None:
    """Delete those of some persons, by tenant and lookup, whom no buyer names, in the transaction of the caller."""
    columns = ([tenant_id for tenant_id, _ in persons], [lookup for _, lookup in persons])
    await connection.execute(LOCK_PERSONS, columns)
    await connection.execute(FORGET_UNNAMED, columns)


def _place(buyer_id: str, column: str) -> bytes:
    return f"buyers/{column}/{buyer_id}".encode()
