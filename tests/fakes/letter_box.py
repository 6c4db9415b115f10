"""Letters in memory: their log over the folded events of a fake store, and a mail server that fails on demand."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.postgres.letters import SENDING
from adapters.privacy.letters.writer import ShopLinks
from adapters.privacy.ticket_codes import SealedCodes
from adapters.read_models.documents import PURCHASES, SHOWS, DocumentBatch, OutgoingLine
from adapters.read_models.pending.letters import SENDER
from domain.core.ids import Identity
from domain.views.outgoing.event import OutgoingEvent
from domain.views.outgoing.letters import (
    LETTER_OF,
    PATIENCE,
    TOLD_ENDS,
    Letter,
    LetterEnd,
    LetterKey,
    LetterMatter,
    LetterState,
    LetterTry,
    MailAnswer,
)
from domain.views.purchase import PurchaseDocument
from tests.fakes.small_tables import MemoryBuyers

IDENTITY = Identity("dp", bytes(32))
CODES = SealedCodes.of({}, IDENTITY)
LINKS = ShopLinks(IDENTITY, "https://tickets.example", "default")
WAITING = ("due", "sending")
TAKEN = MailAnswer("sent")


def print_nothing(*_: object) -> bytes:
    """Return no tickets at once: printing takes longer than a server that skips time waits."""
    return b"%PDF"


@dataclass(frozen=True)
class Row:
    """A letter in the log."""

    position: int
    due_at: datetime
    first_at: datetime
    state: LetterState = "due"
    tries: int = 0
    unknown_ends: int = 0
    fault: str | None = None


class MemoryLetters:
    """The letters that the outgoing events of folded read models lead to."""

    def __init__(self, folded: Callable[[], DocumentBatch], buyers: MemoryBuyers) -> None:
        self._folded = folded
        self._buyers = buyers
        self.position: int | None = None
        self.rows: dict[LetterKey, Row] = {}

    async def due_letters(self, at: datetime) -> list[str]:
        """Return the sender's name if a letter is due, or events were not looked at, as the relay's query does."""
        new = [line.position for line in self._folded().outgoing if line.type in LETTER_OF]
        is_due = any(row.state in WAITING and row.due_at <= at for row in self.rows.values())
        return [SENDER] if self.position is None or is_due or max(new, default=0) > self.position else []

    async def due(self, at: datetime, limit: int) -> list[LetterKey]:
        lines = self._folded().outgoing
        head = max((line.position for line in lines), default=0)
        after = head if self.position is None else self.position
        for line in lines:
            if line.position > after and line.type in LETTER_OF:
                self._take_in(line, at)
        self.position = max(head, after)
        waiting = sorted((row.position, key) for key, row in self.rows.items() if row.state in WAITING)
        first = dict[str, LetterKey]()
        for _, key in waiting:
            first.setdefault(key.purchase_id, key)
        due = [key for _, key in waiting if first[key.purchase_id] == key and self.rows[key].due_at <= at]
        return due[:limit]

    def _take_in(self, line: OutgoingLine, at: datetime) -> None:
        if datetime.fromisoformat(line.sent["timestamp"]) <= at - PATIENCE:
            return
        if line.type == "order.cancelled" and line.sent["data"]["reason"] not in TOLD_ENDS:
            return
        for purchase in self._purchases(line):
            named = [buyer for buyer in self._buyers.kept.values() if buyer.purchase_id == purchase["purchase_id"]]
            if any(buyer.personal.email for buyer in named):
                key = LetterKey(line.event_id, purchase["purchase_id"])
                self.rows.setdefault(key, Row(line.position, at, at))

    def _purchases(self, line: OutgoingLine) -> list[PurchaseDocument]:
        found: list[PurchaseDocument] = [doc for kind, _, doc in self._folded().changed() if kind == PURCHASES.name]
        if line.purchase_id is not None:
            return [purchase for purchase in found if purchase["purchase_id"] == line.purchase_id]
        sold = [one for one in found if one["show_id"] == line.show_id and one["state"] in ("confirmed", "fulfilled")]
        return [one for one in sold if one["refund_state"] != "refunded" or _came_with(one, line.sent)]

    async def matter(self, key: LetterKey) -> LetterMatter | None:
        batch = self._folded()
        event = next((line.sent for line in batch.outgoing if line.event_id == key.event_id), None)
        purchase = batch.find(PURCHASES, key.purchase_id)
        show = None if purchase is None else batch.find(SHOWS, purchase["show_id"])
        if event is None or purchase is None or show is None:
            return None
        told = ("show.announced", "show.details_changed")
        earlier = [
            line.sent
            for line in batch.outgoing
            if line.show_id == event["show_id"] and line.type in told and line.position < event["position"]
        ]
        is_change = event["type"] == "show.details_changed"
        row = self.rows.get(key)
        unknown = 0 if row is None else row.unknown_ends + (row.state == "sending")
        return LetterMatter(event, purchase, show, earlier[-1] if is_change and earlier else None, unknown)

    async def begin(self, key: LetterKey, at: datetime) -> LetterTry | None:
        row = self.rows.get(key)
        if row is None or row.state not in WAITING or row.due_at > at:
            return None
        unknown = row.unknown_ends + (row.state == "sending")
        begun = replace(row, state="sending", tries=row.tries + 1, unknown_ends=unknown, due_at=at + SENDING)
        self.rows[key] = begun
        return LetterTry(begun.tries, unknown, begun.first_at)

    async def end(self, key: LetterKey, number: int, end: LetterEnd) -> None:
        row = self.rows[key]
        if (row.state, row.tries) != ("sending", number):
            return
        self.rows[key] = replace(
            row,
            state=end.state,
            fault=end.fault,
            due_at=end.due_at or row.due_at,
            tries=row.tries - (not end.counts),
            unknown_ends=row.unknown_ends + end.is_unknown,
        )


def _came_with(purchase: PurchaseDocument, event: OutgoingEvent) -> bool:
    """Return whether a refund was decided when the show was cancelled, or later."""
    at = event["timestamp"]
    return event["type"] == "show.cancelled" and any(one["requested_at"] >= at for one in purchase["refunds"])


class FakeMailServer:
    """Takes letters, unless `answers` says otherwise; an `unknown` one was taken all the same."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Letter]] = []
        self.tried: list[str] = []
        self.answers: Callable[[str, Letter], MailAnswer] = lambda _, __: TAKEN

    async def send_letter(self, letter: Letter, address: str) -> MailAnswer:
        self.tried.append(address)
        answer = self.answers(address, letter)
        if answer.outcome in ("sent", "unknown"):
            self.taken.append((address, letter))
        return answer
