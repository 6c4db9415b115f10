"""Letters to buyers on PostgreSQL: taken in from the outgoing events by position, and what became of each."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from adapters.postgres.connections import Tables, connection_of
from domain.views.outgoing.letters import (
    LETTER_OF,
    PATIENCE,
    TOLD_ENDS,
    LetterEnd,
    LetterKey,
    LetterMatter,
    LetterTry,
    SetAsideLetter,
)

# A try that was begun so long ago has ended without a word: its worker died.
SENDING = timedelta(minutes=2)
HEAD = "SELECT position FROM rm_position"
BEGIN_AT_HEAD = (
    "INSERT INTO letter_position (position) SELECT coalesce((SELECT position FROM rm_position), 0)"
    " ON CONFLICT DO NOTHING"
)
LOCKED_POSITION = "SELECT position FROM letter_position FOR UPDATE"
# Who named no address gets no letter.
INSERT = (
    "INSERT INTO letters (event_id, purchase_id, type, position, state, tries, unknown_ends, due_at, first_at, last_at)"
    " SELECT o.event_id, p.id, o.type, o.position, 'due', 0, 0, %(at)s, %(at)s, %(at)s FROM rm_outgoing o"
)
WANTED = (
    " WHERE o.position > %(after)s AND o.position <= %(head)s AND o.type = ANY(%(types)s)"
    " AND (o.sent->>'timestamp')::timestamptz > %(oldest)s"
    " AND EXISTS (SELECT FROM buyers b WHERE b.purchase_id = p.id AND b.email IS NOT NULL)"
)
OF_PURCHASES = (
    INSERT + " JOIN rm_purchases p ON p.id = o.purchase_id" + WANTED +
    " AND (o.type <> 'order.cancelled' OR o.sent->'data'->>'reason' = ANY(%(ends)s)) ON CONFLICT DO NOTHING"
)  # fmt: skip
# A cancelled show's orders are refunded at once: a refund that came with the cancellation leaves no buyer out.
OF_SHOWS = (
    INSERT + " JOIN rm_order_counts c ON c.show_id = o.show_id JOIN rm_purchases p ON p.id = c.id" + WANTED +
    " AND o.purchase_id IS NULL AND p.doc->>'state' IN ('confirmed', 'fulfilled')"
    " AND (p.doc->>'refund_state' <> 'refunded' OR o.type = 'show.cancelled' AND EXISTS"
    " (SELECT FROM jsonb_array_elements(p.doc->'refunds') r"
    " WHERE (r->>'requested_at')::timestamptz >= (o.sent->>'timestamp')::timestamptz)) ON CONFLICT DO NOTHING"
)  # fmt: skip
ADVANCE = "UPDATE letter_position SET position = %s"
DUE = (
    "SELECT event_id, purchase_id FROM letters l WHERE state IN ('due', 'sending') AND due_at <= %(at)s"
    " AND NOT EXISTS (SELECT FROM letters e WHERE e.purchase_id = l.purchase_id AND e.position < l.position"
    " AND e.state IN ('due', 'sending')) ORDER BY position, purchase_id LIMIT %(limit)s"
)
BEGIN = (
    "UPDATE letters SET state = 'sending', tries = tries + 1, last_at = %(at)s, due_at = %(until)s,"
    " unknown_ends = unknown_ends + (state = 'sending')::int WHERE event_id = %(event_id)s"
    " AND purchase_id = %(purchase_id)s AND state IN ('due', 'sending') AND due_at <= %(at)s"
    " RETURNING tries, unknown_ends, first_at"
)
END = (
    "UPDATE letters SET state = %(state)s, fault = %(fault)s, last_at = %(at)s, due_at = coalesce(%(due_at)s, due_at),"
    " tries = tries - (NOT %(counts)s)::int, unknown_ends = unknown_ends + %(is_unknown)s::int"
    " WHERE event_id = %(event_id)s AND purchase_id = %(purchase_id)s AND state = 'sending' AND tries = %(number)s"
)
MATTER = (
    "SELECT o.sent, p.doc, s.doc, (SELECT b.sent FROM rm_outgoing b WHERE b.show_id = o.show_id"
    " AND b.type IN ('show.announced', 'show.details_changed') AND b.position < o.position"
    " AND o.type = 'show.details_changed' ORDER BY b.position DESC LIMIT 1),"
    " coalesce((SELECT l.unknown_ends + (l.state = 'sending')::int FROM letters l WHERE l.event_id = o.event_id"
    " AND l.purchase_id = p.id), 0)"
    " FROM rm_outgoing o JOIN rm_purchases p ON p.id = %s JOIN rm_shows s ON s.id = p.doc->>'show_id'"
    " WHERE o.event_id = %s"
)
# Which letters are set aside: of a purchase or with an answer of the mail server, or all.
SET_ASIDE = (
    "SELECT event_id, purchase_id, type, state, fault, tries, last_at FROM letters"
    " WHERE state IN ('refused', 'given-up') AND (%(purchase_id)s = '' OR purchase_id = %(purchase_id)s)"
    " AND (%(fault)s = '' OR fault = %(fault)s) ORDER BY last_at DESC, position, purchase_id LIMIT %(limit)s"
)
# As if it were new, but that one which may have arrived still says so.
AGAIN = (
    "UPDATE letters SET state = 'due', due_at = %(at)s, first_at = %(at)s, tries = 0,"
    " unknown_ends = least(unknown_ends, 1) WHERE event_id = %(event_id)s AND purchase_id = %(purchase_id)s"
    " AND state IN ('refused', 'given-up')"
)


class PostgresLetters(Tables):
    """The letters that outgoing events lead to; a position is never beyond what the read models contain."""

    async def due(self, at: datetime, limit: int) -> list[LetterKey]:
        """Take in the events since the last look, and return letters that are due, the oldest first."""
        async with connection_of(self._pool) as connection, connection.transaction():
            await _take_in(connection, at)
            rows = await (await connection.execute(DUE, {"at": at, "limit": limit})).fetchall()
        return [LetterKey(*row) for row in rows]

    async def matter(self, key: LetterKey) -> LetterMatter | None:
        """Return what a letter is made from; None for a purchase or an event that the read models do not have."""
        row = await self._row(MATTER, (key.purchase_id, key.event_id))
        return None if row is None else LetterMatter(*row)

    async def begin(self, key: LetterKey, at: datetime) -> LetterTry | None:
        """Begin a try; None if the letter is not due, or another try is under way."""
        values = {**key._asdict(), "at": at, "until": at + SENDING}
        row = await self._row(BEGIN, values)
        return None if row is None else LetterTry(*row)

    async def end(self, key: LetterKey, number: int, end: LetterEnd) -> None:
        """Note the end of the try of this number; the end of one that another try followed changes nothing."""
        await self._run(END, {**key._asdict(), "number": number, **end._asdict()})

    async def set_aside(self, purchase_id: str = "", fault: str = "", limit: int = 100) -> list[SetAsideLetter]:
        """Return letters that are set aside, the latest first; of a purchase, or with an answer of the mail server."""
        values = {"purchase_id": purchase_id, "fault": fault, "limit": limit}
        rows = await self._rows(SET_ASIDE, values)
        return [SetAsideLetter(LetterKey(event_id, purchase), *rest) for event_id, purchase, *rest in rows]

    async def send_again(self, key: LetterKey, at: datetime) -> bool:
        """Make a letter due that is set aside; return whether it was."""
        return await self._run(AGAIN, {**key._asdict(), "at": at}) > 0


async def _take_in(connection: AsyncConnection[Any], at: datetime) -> None:
    """Make a letter of each event since the last look that leads to one, and note how far that is."""
    await connection.execute(BEGIN_AT_HEAD)
    after, head = await _number(connection, LOCKED_POSITION), await _number(connection, HEAD)
    if head <= after:
        return
    types: Sequence[str] = list(LETTER_OF)
    values = {"at": at, "after": after, "head": head, "types": types, "ends": list(TOLD_ENDS), "oldest": at - PATIENCE}
    await connection.execute(OF_PURCHASES, values)
    await connection.execute(OF_SHOWS, values)
    await connection.execute(ADVANCE, (head,))


async def _number(connection: AsyncConnection[Any], statement: str) -> int:
    row = await (await connection.execute(statement)).fetchone()
    return int(row[0]) if row is not None else 0
