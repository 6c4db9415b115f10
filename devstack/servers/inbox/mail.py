"""The mail server of the inbox. What an address begins with says how it is answered."""

import asyncio
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.servers.inbox.box import Box

LETTER_BYTES_MAX = 20_000_000
REFUSED, LATER, LOST = "refused+", "later+", "lost+"
ANSWERS = {
    REFUSED: "550 5.1.1 no such mailbox: {address}",
    LATER: "451 4.7.1 {address}: come back later",
}


class InboxHandler:
    """Keeps letters; refuses `refused+…@` for good and `later+…@` for now, and never answers a letter to `lost+…@`.

    A lost answer comes once for each address: the next letter to it is answered.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        self._lost: set[str] = set()

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a receiver, or not."""
        del server, session, options
        for prefix, answer in ANSWERS.items():
            if address.startswith(prefix):
                return answer.format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a letter; the answer of one is lost with its connection."""
        del session
        number = self._box.keep(list(envelope.rcpt_tos), bytes(envelope.original_content or b""))
        lost = {address for address in envelope.rcpt_tos if address.startswith(LOST)} - self._lost
        if lost:
            self._lost |= lost
            cast("asyncio.Transport", server.transport).abort()
        return f"250 kept as {number}"


def protocol_of(handler: InboxHandler) -> SMTP:
    """Return the server's side of one connection."""
    return SMTP(handler, hostname="inbox.localhost", enable_SMTPUTF8=True, data_size_limit=LETTER_BYTES_MAX)
