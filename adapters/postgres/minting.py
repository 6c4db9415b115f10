"""The newest figures about minting, for all processes, and the counts of tokens from the read models."""

from psycopg.types.json import Jsonb

from adapters.postgres.connections import Tables
from domain.core.timestamp import iso
from domain.views.minting import MintingDocument, MintSummary

RATE_MINUTES = 5
COUNT_OWED = (
    "SELECT count(*) FROM rm_tickets WHERE doc->>'state' IN ('issued', 'redeemed')"
    " AND doc->>'token' IN ('none', 'signed')"
)
COUNTS = (
    "SELECT count(*) FILTER (WHERE token IN ('minted', 'burnt')), count(*) FILTER (WHERE sold AND token = 'signed'),"
    " count(*) FILTER (WHERE sold AND token IN ('none', 'signed')) FROM"
    " (SELECT doc->>'token' AS token, doc->>'state' IN ('issued', 'redeemed') AS sold FROM rm_tickets"
    " WHERE %(show)s = '' OR doc->>'show_id' = %(show)s) AS tickets"
)
OLDEST = (
    "SELECT min(p.booked_at) FROM rm_tickets t JOIN rm_postings p ON p.purchase_id = t.doc->>'purchase_id'"
    " AND p.kind = 'sale' WHERE t.doc->>'state' IN ('issued', 'redeemed') AND t.doc->>'token' IN ('none', 'signed')"
    " AND (%(show)s = '' OR t.doc->>'show_id' = %(show)s)"
)
RECENT = (
    "SELECT count(*) FROM rm_postings p WHERE p.kind = 'minted'"
    " AND p.booked_at > now() - make_interval(mins => %(mins)s)"
    " AND (%(show)s = '' OR EXISTS (SELECT FROM rm_tickets t WHERE t.doc->>'purchase_id' = p.purchase_id"
    " AND t.doc->>'show_id' = %(show)s))"
)


class PostgresMinting(Tables):
    """One row with the figures of the newest look at the payer; the read models count."""

    async def owed(self) -> int:
        """Return the number of sold tickets without a token."""
        return int((await self._row(COUNT_OWED))[0])

    async def load(self) -> MintingDocument | None:
        """Return the newest figures; None before the first look."""
        row = await self._row("SELECT doc FROM minting")
        return None if row is None else row[0]

    async def save(self, document: MintingDocument) -> None:
        """Store the newest figures."""
        await self._run(
            "INSERT INTO minting (doc) VALUES (%s) ON CONFLICT (one) DO UPDATE SET doc = EXCLUDED.doc",
            (Jsonb(document),),
        )

    async def counts(self, show_id: str = "") -> MintSummary:
        """Count the tokens of a show's tickets, or of all."""
        values = {"show": show_id, "mins": RATE_MINUTES}
        minted, in_flight, owed = await self._row(COUNTS, values)
        (oldest,), (recent,) = await self._row(OLDEST, values), await self._row(RECENT, values)
        return {
            "minted": minted,
            "in_flight": in_flight,
            "owed": owed,
            "oldest": iso(oldest),
            "minted_per_minute": round(recent / RATE_MINUTES, 1),
        }
