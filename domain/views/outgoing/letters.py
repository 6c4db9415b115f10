"""Letters to buyers: which outgoing events lead to one, what it is made from, and what became of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.views.catalog import ShowDocument
from domain.views.outgoing.event import OutgoingEvent
from domain.views.purchase import PurchaseDocument

LetterKind = Literal[
    "order-confirmed",
    "order-ended",
    "refund-succeeded",
    "refund-failed",
    "refund-at-till",
    "show-changed",
    "show-cancelled",
]
LETTER_OF: Mapping[str, LetterKind] = {
    "order.confirmed": "order-confirmed",
    "order.cancelled": "order-ended",
    "refund.succeeded": "refund-succeeded",
    "refund.failed": "refund-failed",
    "refund.owed_at_till": "refund-at-till",
    "show.details_changed": "show-changed",
    "show.cancelled": "show-cancelled",
}
# Buyers who cancelled themselves, or who were refused while they looked on, know it.
TOLD_ENDS = ("hold-expired", "queue-expired", "operator-cancelled")
PATIENCE = timedelta(days=3)  # what could not be sent for so long is given up, and older events get no letter
LetterState = Literal["due", "sending", "sent", "refused", "given-up", "dropped"]


class LetterKey(NamedTuple):
    """A letter: one event leads to one letter to the buyer of a purchase at most."""

    event_id: str
    purchase_id: str


class LetterTry(NamedTuple):
    """A try that has begun: the number of tries with this one, and of those before it whose end is unknown.

    `first_at` is the time since when the letter has been due.
    """

    number: int
    unknown_ends: int
    first_at: datetime


class LetterEnd(NamedTuple):
    """The end of a try; `due_at` is the time of the next one of a letter that is still due.

    `is_unknown`: the letter may have been sent. A try that does not count was none: the mail server was away.
    """

    state: LetterState
    fault: str | None
    at: datetime
    due_at: datetime | None = None
    is_unknown: bool = False
    counts: bool = True


class SetAsideLetter(NamedTuple):
    """A letter that its receiver refused for good, or that was given up, with the mail server's last answer."""

    key: LetterKey
    type: str
    state: LetterState
    fault: str | None
    tries: int
    last_at: datetime


class LetterMatter(NamedTuple):
    """What a letter is made from: the event, and the documents as they are now.

    `before` is the event that told the show's details before, for a letter about their change; `unknown_ends` is the
    number of tries whose end is unknown.
    """

    event: OutgoingEvent
    purchase: PurchaseDocument
    show: ShowDocument
    before: OutgoingEvent | None = None
    unknown_ends: int = 0

    @property
    def kind(self) -> LetterKind:
        """The kind of the letter."""
        return LETTER_OF[self.event["type"]]


class CodedTicket(NamedTuple):
    """A ticket that gives entry, with the text of its QR code and the name of its type."""

    ticket_id: str
    type_name: str
    code: str


class Attachment(NamedTuple):
    """A file of a letter; one with a content id is shown inside the HTML."""

    name: str
    media_type: str
    content: bytes
    content_id: str | None = None


class Letter(NamedTuple):
    """A letter to be sent, without its address."""

    message_id: str
    at: datetime
    subject: str
    text: str
    html: str
    attachments: Sequence[Attachment] = ()


class MailAnswer(NamedTuple):
    """How a mail server answered.

    `sent`: it took the letter. `later`: it refuses the letter for now. `refused`: for good. `away`: the server cannot
    be used at all, and the letter is not to blame. `unknown`: the answer to the whole letter was lost.
    """

    outcome: Literal["sent", "later", "refused", "away", "unknown"]
    fault: str | None = None


def is_in_time(matter: LetterMatter) -> bool:
    """Return whether the letter still says what is true: an order was not sold after its end, a show is not over."""
    purchase, show = matter.purchase, matter.show
    match matter.kind:
        case "order-confirmed":
            return any(ticket["state"] == "issued" for ticket in purchase["tickets"])
        case "order-ended":
            return purchase["state"] == "cancelled"
        case "show-changed":
            return not show["called_off"] and bool(changes_of(matter))
        case _:
            return True


TOLD_DETAILS = ("name", "starts_at", "doors_at", "ends_at", "place", "time_zone", "refund_until")


def changes_of(matter: LetterMatter) -> dict[str, tuple[str, str]]:
    """Return the details that a change of a show changed: each with its text before and now."""
    before = matter.before["data"] if matter.before is not None else {}
    now = matter.event["data"]
    pairs = {name: (before.get(name) or "", now.get(name) or "") for name in TOLD_DETAILS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
