"""Lists: pages of documents, newest first. A page needs its own rows and nothing before them.

A page of any list is found by `ListQuery`; its rows are the same in JSON and in CSV.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import get_annotations
from typing import Any, Generic, NamedTuple, Self, TypeVar, cast

from typing_extensions import TypedDict

from domain.money.csv_table import csv_of

PAGE_ROWS_MAX = 500
CURSOR_PATTERN = r"^\d{1,17}\.[A-Za-z0-9_\-]{1,64}$"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
D = TypeVar("D", bound=Mapping[str, Any])
R = TypeVar("R", bound=Mapping[str, Any])


class Place(NamedTuple):
    """Where a document stands in its list: whose it is, its state, its time, and whether somebody has to act on it.

    Without a `venue_id` it is of the venue of its show.
    """

    tenant_id: str
    state: str
    at: str
    venue_id: str = ""
    show_id: str = ""
    needs_attention: bool = False

    @classmethod
    def of(cls, one: Mapping[str, Any], at: str, state: str = "", *, needs_attention: bool = False) -> Self:
        """Return the place of a document with a time, in this state or in that which it says."""
        venue_id, show_id = one.get("venue_id") or "", one.get("show_id", "")
        return cls(one["tenant_id"], state or one["state"], at, venue_id, show_id, needs_attention)


class ListCursor(NamedTuple):
    """The last row of a page: its time, and its id."""

    at: datetime
    identity: str

    @property
    def text(self) -> str:
        """The cursor as a client sends it back."""
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}.{self.identity}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor of a text that matches `CURSOR_PATTERN`, which keeps its time within the calendar."""
        microseconds, _, identity = text.partition(".")
        return cls(EPOCH + timedelta(microseconds=int(microseconds)), identity)


class ListQuery(NamedTuple):
    """A page of a list: at most `limit` rows, those after a cursor, in the order of their times, newest first.

    Their times are in [since, until).
    Empty filters choose everything. `ids_begin` is the beginning of ids; `ids` are the only ones that are looked at.
    """

    states: tuple[str, ...] = ()
    venue_id: str = ""
    show_id: str = ""
    attention: bool = False
    ids_begin: str = ""
    ids: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: ListCursor | None = None
    limit: int = PAGE_ROWS_MAX


class Page(TypedDict, Generic[R]):
    """A page of a list; `next` is the cursor of the next one, null on the last one."""

    items: list[R]
    next: str | None


@dataclass(frozen=True)
class Listing(Generic[D, R]):
    """A list over the documents of one read model: their places, and the row of each.

    `states` are all that a document can have. A row has fields of its document, and those that are `computed` of it.
    """

    kind: str
    states: tuple[str, ...]
    place: Callable[[D], Place]
    document: type[D]
    row: type[R]
    computed: Mapping[str, Callable[[D], Any]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its CSV: the fields of a row."""
        return tuple(get_annotations(self.row))

    def shown(self, document: D) -> R:
        """Return the row of a document."""
        own = {name: compute(document) for name, compute in self.computed.items()}
        return cast(R, {name: own[name] if name in own else document[name] for name in self.columns})

    def csv_of(self, rows: Iterable[R], *, head: bool) -> str:
        """Return rows as CSV, with the row of column names or without."""
        return csv_of(self.columns, rows, head=head)
