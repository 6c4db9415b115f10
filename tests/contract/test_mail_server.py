"""Contract of the mail server: SMTP to the inbox of the development stack, and the fake; one try, and its answer."""

import asyncio
import email
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path
from typing import NamedTuple

import pytest

from activities.sales.letters.ports import MailServer
from adapters.privacy.letters.smtp import MailSettings, SmtpMailServer, message_of
from devstack.servers.inbox.box import Box
from devstack.servers.inbox.mail import InboxHandler, protocol_of
from domain.views.outgoing.letters import Attachment, Letter, MailAnswer
from tests.fakes.letter_box import FakeMailServer

SENDER = "Boxoffice <tickets@boxoffice.example>"
AT = datetime(2026, 3, 1, 19, tzinfo=UTC)
FILES = (
    Attachment("ticket-1.png", "image/png", b"\x89PNG", "ticket-1@boxoffice"),
    Attachment("tickets.pdf", "application/pdf", b"%PDF"),
)
LETTER = Letter("lt_1", AT, "Your tickets for Zażółć", "Hello\n.\nthere", "<p>Hello</p>", FILES)
ANSWERS = {
    "ann@example.org": MailAnswer("sent"),
    "refused+bob@example.org": MailAnswer("refused", "550 5.1.1"),
    "later+cy@example.org": MailAnswer("later", "451 4.7.1"),
    "lost+di@example.org": MailAnswer("unknown", "SMTPServerDisconnected"),
    "jürgen@example.org": MailAnswer("sent"),
}


class Side(NamedTuple):
    """A mail server, and who got letters from it, in order."""

    mail: MailServer
    receivers: Callable[[], list[str]]


@pytest.fixture(params=["fake", "smtp"])
async def side(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Side]:
    if request.param == "fake":
        fake = FakeMailServer()
        fake.answers = lambda address, _: ANSWERS[address]
        yield Side(fake, lambda: [address for address, _ in fake.taken])
        return
    async with inbox(tmp_path) as (settings, box):
        yield Side(SmtpMailServer(settings), lambda: [kept.receivers[0] for kept in reversed(list(box.newest()))])


class inbox:  # noqa: N801 - a context
    """The mail server of the inbox on a free port of this machine."""

    def __init__(self, folder: Path) -> None:
        self._box = Box(folder)

    async def __aenter__(self) -> tuple[MailSettings, Box]:
        handler = InboxHandler(self._box)
        self._server = await asyncio.get_running_loop().create_server(lambda: protocol_of(handler), "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return MailSettings("127.0.0.1", port, "none", SENDER), self._box

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


@pytest.mark.parametrize("address", ANSWERS)
async def test_every_answer_is_told(side: Side, address: str) -> None:
    """Who is refused got nothing; a letter whose answer was lost may have arrived, as this one has."""
    answer = await side.mail.send_letter(LETTER, address)
    assert answer == ANSWERS[address]
    assert side.receivers() == ([address] if answer.outcome in {"sent", "unknown"} else [])


async def test_a_letter_arrives_as_it_was_written(tmp_path: Path) -> None:
    """Text, HTML with its picture, and the file; the date of the event, and an id that follows from it."""
    async with inbox(tmp_path) as (settings, box):
        assert await SmtpMailServer(settings).send_letter(LETTER, "ann@example.org") == MailAnswer("sent")
    (kept,) = box.newest()
    assert (kept.body("plain"), kept.body("html")) == (f"{LETTER.text}\n", f"{LETTER.html}\n")
    assert [(part.name, part.media_type, part.content, part.content_id) for part in kept.parts()] == [
        (file.name, file.media_type, file.content, file.content_id or "") for file in FILES
    ]
    headers = {name: kept.header(name) for name in ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted")}
    assert headers == {
        "From": SENDER,
        "To": "ann@example.org",
        "Subject": LETTER.subject,
        "Date": "Sun, 01 Mar 2026 19:00:00 +0000",
        "Message-ID": "<lt_1@boxoffice.example>",
        "Auto-Submitted": "auto-generated",
    }
    assert kept.header("List-Unsubscribe") == ""  # each letter is about an order


async def test_a_server_that_is_away_is_to_blame_itself(tmp_path: Path) -> None:
    """Nothing listens, none is set, it wants another security, or it knows no such user."""
    async with inbox(tmp_path) as (settings, box):
        gone = settings._replace(port=1)
        secured, signed = settings._replace(security="tls"), settings._replace(user="u", password="p")
        for wrong in (gone, secured, settings._replace(security="starttls"), signed, None):
            answer = await SmtpMailServer(wrong, 2.0).send_letter(LETTER, "ann@example.org")
            assert answer.outcome == "away", wrong
        assert list(box.newest()) == []


@pytest.mark.parametrize("address", ["", "ann", "ann@", "ann@x\r\nBcc: eve@x", "a b@example.org"])
async def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    """It is not the server that says so, and no header is added by it."""
    async with inbox(tmp_path) as (settings, box):
        answer = await SmtpMailServer(settings).send_letter(LETTER, address)
        assert answer.outcome == "refused"
        assert list(box.newest()) == []


def test_the_same_letter_has_the_same_id() -> None:
    """A mail program shows it once, however often it is sent."""
    first, second = (message_of(LETTER, SENDER, "ann@example.org") for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"]
    assert email.message_from_bytes(bytes(first), policy=default)["To"] == "ann@example.org"
