"""Ports of the letters: their log, tickets' codes, the writer, and the mail server."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.views.outgoing.letters import (
    CodedTicket,
    Letter,
    LetterEnd,
    LetterKey,
    LetterMatter,
    LetterTry,
    MailAnswer,
)


class LetterLog(Protocol):
    """The letters that outgoing events lead to, and what became of each."""

    async def due(self, at: datetime, limit: int) -> Sequence[LetterKey]:
        """Take in the events since the last look, and return letters that are due, the oldest first.

        The first look ever begins with the events after it. Of one purchase only the oldest letter is due.
        """

    async def matter(self, key: LetterKey) -> LetterMatter | None:
        """Return what a letter is made from; None for a purchase or an event that the read models do not have."""

    async def begin(self, key: LetterKey, at: datetime) -> LetterTry | None:
        """Begin a try; None if the letter is not due, or another try is under way."""

    async def end(self, key: LetterKey, number: int, end: LetterEnd) -> None:
        """Note the end of the try of this number; the end of one that another try followed changes nothing."""


class CodeMaker(Protocol):
    """Makes tickets' codes."""

    def make(self, ticket_id: str, generation: int) -> str:
        """Return the code of a ticket in a generation."""


class LetterWriter(Protocol):
    """Writes letters."""

    def write_letter(self, matter: LetterMatter, codes: Sequence[CodedTicket], *, is_again: bool) -> Letter:
        """Write a letter; one that is sent again says that it may have come before."""


class MailServer(Protocol):
    """Sends letters."""

    async def send_letter(self, letter: Letter, address: str) -> MailAnswer:
        """Send a letter once; whatever goes wrong is the answer."""
