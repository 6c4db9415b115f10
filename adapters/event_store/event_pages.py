"""Read the whole event log in pages, and the balances that the read models show, on a read-only connection."""

from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import psycopg
from eventsourcing.persistence import StoredEvent

from adapters.event_store.recorder import event_mapper
from adapters.postgres.connections import BACKGROUND, connect
from domain.core.transient import TransientError
from domain.invariants.per_commit import Recorded

PAGE = 2_000
EVENTS_AFTER = (
    "SELECT notification_id, originator_id, originator_version, topic, state FROM events"
    " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
)
HEAD = "SELECT coalesce(max(notification_id), 0) FROM events"
SHOWN = "SELECT p.position, b.account, b.unit, b.balance FROM rm_position p LEFT JOIN rm_balances b ON true"
UNSIGNALLED = (
    "SELECT intent_id, min(received_at) FROM webhook_inbox"
    " WHERE signalled_at IS NULL AND intent_id IS NOT NULL GROUP BY intent_id"
)
UNSIGNALLED_ACCOUNTS = (
    "SELECT DISTINCT account_id FROM webhook_inbox WHERE signalled_at IS NULL AND account_id IS NOT NULL"
)
READ_ONLY = "-c default_transaction_read_only=on"


class EventPages:
    """Reads the log while others write to it, one page at a time; raises TransientError when the database is lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._mapper = event_mapper()

    def __enter__(self) -> Self:
        """Connect."""
        try:
            self._connection = connect(self._url, BACKGROUND, READ_ONLY)
        except psycopg.Error as error:
            raise TransientError(f"PostgreSQL: {type(error).__name__}") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Disconnect; raise TransientError for an error of the database."""
        self._connection.close()
        if isinstance(error, psycopg.Error):
            raise TransientError(f"PostgreSQL: {type(error).__name__}") from error

    def head(self) -> int:
        """Return the log's head: the last event of a transaction, since appends are serialised."""
        return int(self._rows(HEAD)[0][0])

    def recorded(self, after: int, last: int) -> Iterator[list[Recorded]]:
        """Yield pages of the events after one position, up to and with another, each with its stored bytes."""
        position = after
        while position < last:
            rows = self._rows(EVENTS_AFTER, (position, PAGE))
            due = [row for row in rows if row[0] <= last]
            if not due:
                return
            position = due[-1][0]
            yield [self._recorded(*row) for row in due]

    def balances(self) -> tuple[int, dict[tuple[str, str], int]]:
        """Return the read models' balances and their position, read together."""
        rows = self._rows(SHOWN)
        shown = {(account, unit): int(balance) for _, account, unit, balance in rows if account is not None}
        return int(rows[0][0]) if rows else 0, shown

    def owed_intents(self) -> dict[str, datetime]:
        """Return the payment intents with unsignalled webhooks, and since when."""
        return dict(self._rows(UNSIGNALLED))

    def owed_accounts(self) -> frozenset[str]:
        """Return the venues' accounts with unsignalled webhooks."""
        return frozenset(str(account_id) for (account_id,) in self._rows(UNSIGNALLED_ACCOUNTS))

    def _rows(self, statement: Any, values: tuple[Any, ...] = ()) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()

    def _recorded(self, _: int, stream: str, version: int, topic: str, state: bytes) -> Recorded:
        stored = StoredEvent(stream, version, topic, bytes(state))
        return Recorded(stored, self._mapper.event_of(stored))
