"""Send letters to a mail server, with aiosmtplib. Its texts name addresses: they stay out of what is noted."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import Literal, NamedTuple

import aiosmtplib

from domain.views.outgoing.letters import Letter, MailAnswer

Security = Literal["tls", "starttls", "none"]
SECONDS_MAX = 15.0
CLOSING, REFUSED_FROM = 421, 500
ENHANCED = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}\b")


class MailSettings(NamedTuple):
    """A mail server, how its connection is secured, and who letters are from; without a user nobody signs in."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = ""


class SmtpMailServer:
    """Sends each letter over a connection of its own; without settings every letter waits."""

    def __init__(self, settings: MailSettings | None, seconds_max: float = SECONDS_MAX) -> None:
        self._settings = settings
        self._seconds_max = seconds_max

    async def send_letter(self, letter: Letter, address: str) -> MailAnswer:
        """Send a letter once; whatever goes wrong is the answer."""
        if self._settings is None:
            return MailAnswer("away", "no mail server is set")
        try:
            message = message_of(letter, self._settings.sender, address)
        except (ValueError, IndexError):  # release 0.1.0 took addresses that are none
            return MailAnswer("refused", "not an address")
        client = self._client(self._settings)
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return MailAnswer("away", _fault(error))
        try:
            return await self._deliver(client, message, address, self._settings.sender)
        finally:
            client.close()

    def _client(self, settings: MailSettings) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.user or None,
            password=settings.password or None,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            timeout=self._seconds_max,
        )

    async def _deliver(self, client: aiosmtplib.SMTP, message: EmailMessage, address: str, sender: str) -> MailAnswer:
        """Say who it is from and for, and send it; only what is lost after that may have been sent."""
        utf8 = [] if address.isascii() else ["SMTPUTF8"]
        try:
            await client.ehlo()
            if utf8 and not client.supports_extension("smtputf8"):
                return MailAnswer("refused", "server takes ASCII addresses only")
            await client.mail(parseaddr(sender)[1], options=utf8, encoding="utf-8")
            await client.rcpt(address, encoding="utf-8")
        except aiosmtplib.SMTPRecipientRefused as refused:
            return _of_receiver(refused)
        except (aiosmtplib.SMTPException, OSError) as error:
            return MailAnswer("away", _fault(error))
        try:
            await client.data(message.as_bytes(policy=SMTPUTF8 if utf8 else SMTP))
        except aiosmtplib.SMTPResponseException as refused:
            return _of_receiver(refused)
        except (aiosmtplib.SMTPException, OSError) as error:
            return MailAnswer("unknown", _fault(error))
        return MailAnswer("sent")


def _of_receiver(refused: aiosmtplib.SMTPResponseException) -> MailAnswer:
    if refused.code == CLOSING:
        return MailAnswer("away", _fault(refused))
    return MailAnswer("refused" if refused.code >= REFUSED_FROM else "later", _fault(refused))


def _fault(error: Exception) -> str:
    """Return an error in a word or two, without the server's own text."""
    if not isinstance(error, aiosmtplib.SMTPResponseException):
        return type(error).__name__
    enhanced = ENHANCED.match(error.message)
    return f"{error.code} {enhanced[0]}" if enhanced else str(error.code)


def _receiver(address: str) -> Address:
    """Return a buyer's address; raise ValueError for a text that is none. The library parses only ASCII ones."""
    if address.isascii():
        return Address(addr_spec=address)
    local, _, domain = address.rpartition("@")
    if not local or not domain or not address.isprintable() or " " in address:
        raise ValueError("not an address")
    return Address(username=local, domain=domain)


def message_of(letter: Letter, sender: str, address: str) -> EmailMessage:
    """Return the message of a letter: text, HTML with its pictures, and files; raise ValueError for no address."""
    message = EmailMessage(policy=SMTPUTF8)
    name, own = parseaddr(sender)
    message["From"] = Address(name, addr_spec=own)
    message["To"] = _receiver(address)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = f"<{letter.message_id}@{own.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "en"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    html = message.get_payload()[1]  # type: ignore[index]
    for file in letter.attachments:
        kind, _, subtype = file.media_type.partition("/")
        if file.content_id is None:
            message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
        else:
            html.add_related(  # type: ignore[union-attr]
                file.content, maintype=kind, subtype=subtype, cid=f"<{file.content_id}>", filename=file.name,
                disposition="inline",
            )  # fmt: skip
    return message
