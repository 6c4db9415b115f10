"""`python -m tests.docs.door > docs/door.md`: the answers at the door, for every ticket, show, time, dispute and code.

Each case is a ticket that has lived through its acts, asked at a show's door. The page is a decision tree over all
cases: cases that never differ in a column stand in one row.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import product
from typing import Any, NamedTuple, get_args

from domain.tickets.admission import Admission, AdmissionReason, DoorEntry, ShowAtDoor
from domain.tickets.ticket import Ticket
from tests.fakes.samples import AT, new_ticket

Case = tuple[str, ...]
Act = Callable[[Ticket], object]
DOORS, END = AT + timedelta(hours=18), AT + timedelta(hours=22)
OPEN = ShowAtDoor("sh", DOORS, END)
NEWEST, FORMER = 0, -1


def _dispute(ticket: Ticket, end: str) -> None:
    ticket.block("dp", AT)
    if end == "won":
        ticket.unblock("dp", AT)


def _issue(ticket: Ticket) -> None:
    ticket.issue(AT)


def _enter(ticket: Ticket) -> None:
    ticket.enter(OPEN, DoorEntry(DOORS), DOORS)


def _give_back(ticket: Ticket) -> None:
    ticket.give_back(DOORS, even_redeemed=True)


SHOWS = {"its own": "sh", "another": "sh_other"}
CANCELLATIONS = {"none": False, "cancelled": True}
TICKETS: Mapping[str, tuple[Act, ...]] = {
    "reserved": (),
    "issued": (_issue,),
    "redeemed": (_issue, _enter),
    "void, never paid": (lambda one: one.void(AT),),
    "void, refunded": (_issue, _give_back),
    "void, refunded after use": (_issue, _enter, _give_back),
}
CODES = {"none shown": None, "newest": NEWEST, "former": FORMER}
DISPUTES: Mapping[str, Act] = {
    "none": lambda _: None,
    "open": lambda one: _dispute(one, "open"),
    "won": lambda one: _dispute(one, "won"),
    "lost": lambda one: _dispute(one, "lost"),
}
TIMES = {
    "before the doors": DOORS - timedelta(seconds=1),
    "doors open": DOORS,
    "at the end or later": END,
}
COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "show": SHOWS,
    "cancellation": CANCELLATIONS,
    "ticket": TICKETS,
    "code": CODES,
    "dispute": DISPUTES,
    "time": TIMES,
}
HEAD = """# The door

Written by `make docs` from `Ticket.admits`; do not edit. Every way to ask for entry asks that one function: a check-in,
a redemption, the status, the verification with and without a key, and the answers about a ticket (`admission`).

{count} cases of show, cancellation, ticket, code, dispute and time were asked. The first reason that holds is the
answer: what is wrong for good comes before what may change while somebody waits. A show without doors or without an end
is open on that side; the end itself is over. A show that says its start and no end is over a day after it. A dispute
that was lost blocks as an open one does. Why: [decision 0063](decisions/0063-one-question-at-the-door.md).
"""


class Row(NamedTuple):
    """The cases that have one answer: the values of each column, all of them if it never mattered."""

    values: tuple[tuple[str, ...], ...]
    reason: AdmissionReason


def ask(case: Case) -> Admission:
    """Return the answer in one case."""
    show, cancellation, right, code, dispute, time = case
    ticket = new_ticket()
    for act in TICKETS[right]:
        act(ticket)
    DISPUTES[dispute](ticket)
    door = OPEN._replace(show_id=SHOWS[show], called_off=CANCELLATIONS[cancellation])
    generation = CODES[code]
    return ticket.admits(door, TIMES[time], None if generation is None else ticket.generation + generation)


def answers() -> dict[Case, AdmissionReason]:
    """Return the reason of every case."""
    return {case: ask(case).reason for case in product(*COLUMNS.values())}


def rows(found: Mapping[Case, AdmissionReason], known: Case = ()) -> list[Row]:
    """Return the rows of the cases that begin with these values; values with the same rows below them share a row."""
    if len(known) == len(COLUMNS):
        return [Row((), found[known])]
    grouped: dict[tuple[Row, ...], list[str]] = {}
    for value in list(COLUMNS.values())[len(known)]:
        grouped.setdefault(tuple(rows(found, (*known, value))), []).append(value)
    return [row._replace(values=(tuple(values), *row.values)) for below, values in grouped.items() for row in below]


def page() -> str:
    """Return the page."""
    found = answers()
    lines = [_line((*_cells(row.values), f"`{row.reason}`")) for row in rows(found)]
    meanings = [f"| `{reason}` | {_times(found, reason)} |" for reason in get_args(AdmissionReason)]
    return "\n".join(
        [
            HEAD.format(count=len(found)),
            _line((*COLUMNS, "answer")),
            _line(("---",) * (len(COLUMNS) + 1)),
            *lines,
            "",
            "| answer | cases |",
            "|---|---|",
            *meanings,
            "",
        ]
    )


def _times(found: Mapping[Case, AdmissionReason], reason: AdmissionReason) -> int:
    return sum(one == reason for one in found.values())


def _cells(values: Sequence[Sequence[str]]) -> list[str]:
    pairs = zip(COLUMNS.values(), values, strict=True)
    return ["any" if len(some) == len(column) else " / ".join(some) for column, some in pairs]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
