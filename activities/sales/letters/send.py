"""Send letters to buyers: list what is due, and send one.

A letter is sent once. SMTP knows no idempotency: where the answer to a whole letter is lost, it is sent once more under
the same Message-ID, and says so.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from activities.core.commands import Command
from activities.core.ports import Addresses, EventStore
from activities.core.task_queues import LETTERS, activity_on
from activities.sales.letters.ports import CodeMaker, LetterLog, LetterWriter, MailServer
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.tickets.ticket import Ticket
from domain.views.outgoing.letters import (
    PATIENCE,
    CodedTicket,
    Letter,
    LetterEnd,
    LetterKey,
    LetterMatter,
    LetterTry,
    is_in_time,
)

log = logging.getLogger(__name__)
FIRST_PAUSE = timedelta(minutes=1)
PAUSE_MAX = timedelta(hours=6)
AFTER_UNKNOWN = timedelta(minutes=10)
DOUBLINGS_MAX = 20
UNKNOWN_ENDS_MAX = 2
LetterOutcome = Literal["sent", "later", "refused", "given-up", "dropped", "away", "not-due"]


class LetterRef(Command):
    """A letter: its event, and the purchase of its buyer."""

    event_id: str
    purchase_id: str


class ListLetters(Command):
    """Ask for so many letters that are due."""

    limit: int


class DueLetters(Command):
    """Letters that are due, the oldest first."""

    letters: tuple[LetterRef, ...] = ()


class LetterSent(Command):
    """The outcome of a try; `away` is one of the mail server, for which no letter is to blame."""

    outcome: LetterOutcome
    fault: str = ""


class _Ready(NamedTuple):
    """A letter, and where it goes."""

    letter: Letter
    address: str


class LetterActivities:
    """What the workflow of letters asks for; an address is only in memory, while its letter is sent."""

    def __init__(
        self,
        store: EventStore,
        letters: LetterLog,
        addresses: Addresses,
        codes: CodeMaker,
        writer: LetterWriter,
        mail: MailServer,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._letters = letters
        self._addresses = addresses
        self._codes = codes
        self._writer = writer
        self._mail = mail
        self._clock = clock

    @activity_on(LETTERS, name="list_due_letters")
    async def list_due(self, asked: ListLetters) -> DueLetters:
        """Return letters that are due."""
        found = await self._letters.due(self._clock(), asked.limit)
        return DueLetters(letters=tuple(LetterRef(**key._asdict()) for key in found))

    @activity_on(LETTERS, name="send_letter")
    async def send(self, ref: LetterRef) -> LetterSent:
        """Send a letter that is due, and note the answer; one that was sent is not sent again."""
        key = LetterKey(ref.event_id, ref.purchase_id)
        matter = await self._letters.matter(key)
        address = None if matter is None else await self._address_of(matter)
        codes = [] if matter is None else await self._codes_of(matter)
        if matter is None or address is None or not is_in_time(matter):
            return await self._drop(key, "no address" if matter is None or address is None else "out of date")
        try:
            letter = await asyncio.to_thread(self._writer.write_letter, matter, codes, is_again=matter.unknown_ends > 0)
        except Exception as error:  # a bug with one letter keeps no other from being sent
            log.exception("letter of %s could not be written", ref.event_id)
            return await self._begin(key, matter, type(error).__name__)
        return await self._begin(key, matter, _Ready(letter, address))

    async def _drop(self, key: LetterKey, fault: str) -> LetterSent:
        begun = await self._letters.begin(key, self._clock())
        if begun is None:
            return LetterSent(outcome="not-due")
        return await self._ended(key, begun, LetterEnd("dropped", fault, self._clock()))

    async def _begin(self, key: LetterKey, matter: LetterMatter, ready: _Ready | str) -> LetterSent:
        """Claim the try, and send; one whose letter could not be written, for this fault, ends at once.

        It is claimed last: what comes between the claim and the server's answer is what nobody knows the end of.
        """
        begun = await self._letters.begin(key, self._clock())
        if begun is None:
            return LetterSent(outcome="not-due")
        if begun.unknown_ends >= UNKNOWN_ENDS_MAX:
            return await self._ended(key, begun, LetterEnd("given-up", "its end is unknown twice", self._clock()))
        if isinstance(ready, str):
            return await self._ended(key, begun, self._again(begun, ready))
        if begun.unknown_ends != matter.unknown_ends:  # another try came in between: this letter does not say so
            at = self._clock()
            return await self._ended(key, begun, LetterEnd("due", "another try", at, due_at=at, counts=False))
        return await self._send(key, begun, ready)

    async def _send(self, key: LetterKey, begun: LetterTry, ready: _Ready) -> LetterSent:
        """Send, and note the answer."""
        answer = await self._mail.send_letter(ready.letter, ready.address)
        at = self._clock()
        match answer.outcome:
            case "sent" | "refused":
                return await self._ended(key, begun, LetterEnd(answer.outcome, answer.fault, at))
            case "away":
                end = LetterEnd("due", answer.fault, at, due_at=at, counts=False)
                await self._letters.end(key, begun.number, end)
                return LetterSent(outcome="away", fault=answer.fault or "")
            case "unknown":
                again = LetterEnd("due", answer.fault, at, due_at=at + AFTER_UNKNOWN, is_unknown=True)
                return await self._ended(key, begun, again)
            case _:
                return await self._ended(key, begun, self._again(begun, answer.fault))

    def _again(self, begun: LetterTry, fault: str | None) -> LetterEnd:
        """Return the end of a try that failed: another one after a pause, unless that took too long already."""
        at = self._clock()
        pause = min(FIRST_PAUSE * 2 ** min(begun.number - 1, DOUBLINGS_MAX), PAUSE_MAX)
        if at - begun.first_at >= PATIENCE:
            return LetterEnd("given-up", fault, at)
        return LetterEnd("due", fault, at, due_at=at + pause)

    async def _ended(self, key: LetterKey, begun: LetterTry, end: LetterEnd) -> LetterSent:
        await self._letters.end(key, begun.number, end)
        if end.state in {"refused", "given-up"}:
            log.warning("letter of %s for %s is %s: %s", key.event_id, key.purchase_id, end.state, end.fault)
        return LetterSent(outcome="later" if end.state == "due" else end.state, fault=end.fault or "")

    async def _address_of(self, matter: LetterMatter) -> str | None:
        """Return the address of the order's buyer; None for one who was erased, or who named none."""
        purchase_id = matter.purchase["purchase_id"]
        streams = (Order.stream(purchase_id),)
        buyer_id = await self._store.read(lambda uow: uow.get(Order, purchase_id).buyer_id, streams)
        return await self._addresses.email_of(buyer_id)

    async def _codes_of(self, matter: LetterMatter) -> list[CodedTicket]:
        """Return the newest codes of the order's tickets that give entry."""
        if matter.kind != "order-confirmed":
            return []
        names = {item["ticket_type_id"]: item["name"] for item in matter.show["ticket_types"]}
        valid = [line for line in matter.purchase["tickets"] if line["state"] == "issued" and not line["blocked"]]

        def generations(uow: UnitOfWork) -> list[int]:
            return [uow.get(Ticket, line["ticket_id"]).generation for line in valid]

        found = await self._store.read(generations, tuple(Ticket.stream(line["ticket_id"]) for line in valid))
        return [
            CodedTicket(
                line["ticket_id"],
                names.get(line["ticket_type_id"], "Ticket"),
                self._codes.make(line["ticket_id"], generation),
            )
            for line, generation in zip(valid, found, strict=True)
        ]
