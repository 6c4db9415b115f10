"""The kept letters: one file each, written before the mail server says that it has the letter."""

import email
import itertools
import os
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import NamedTuple

KEPT_MAX = 1_000


class Part(NamedTuple):
    """A part of a letter that is no text: a picture inside the HTML (with a content id), or a file."""

    number: int
    name: str
    media_type: str
    content: bytes
    content_id: str


class Kept(NamedTuple):
    """A letter: its number in the inbox, who it was sent to, and its message."""

    number: int
    receivers: tuple[str, ...]
    message: EmailMessage

    def header(self, name: str) -> str:
        """Return a header; empty when there is none."""
        return str(self.message.get(name, ""))

    def body(self, form: str) -> str:
        """Return the text (`plain`) or the HTML (`html`) of the letter."""
        found = self.message.get_body((form,))
        return "" if found is None else str(found.get_content()).replace("\r\n", "\n")

    def parts(self) -> Iterator[Part]:
        """Yield pictures and files."""
        numbers = itertools.count()
        for part in self.message.walk():
            if not part.is_multipart() and part.get_content_maintype() != "text":
                content = part.get_payload(decode=True)
                named = str(part.get("Content-ID", "")).strip("<>")
                yield Part(next(numbers), part.get_filename() or "part", part.get_content_type(), bytes(content), named)


class Box:
    """The letters in a folder, the newest thousand; a name is `NUMBER.eml`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._last = max(self._numbers(), default=0)

    def keep(self, receivers: list[str], content: bytes) -> int:
        """Keep a letter, and return its number; it is on the disk then."""
        self._last += 1
        path = self._path(self._last)
        with path.open("wb") as out:
            out.write("".join(f"X-Inbox-Receiver: {receiver}\r\n" for receiver in receivers).encode() + content)
            out.flush()
            os.fsync(out.fileno())
        self._path(self._last - KEPT_MAX).unlink(missing_ok=True)
        return self._last

    def read(self, number: int) -> Kept | None:
        """Return a letter; None when there is none with this number."""
        path = self._path(number)
        if not path.exists():
            return None
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        receivers = tuple(str(name) for name in message.get_all("X-Inbox-Receiver", []))
        return Kept(number, receivers, message)

    def newest(self) -> Iterator[Kept]:
        """Yield all letters, the newest first."""
        for number in sorted(self._numbers(), reverse=True):
            if (kept := self.read(number)) is not None:
                yield kept

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("*.eml")]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.eml"
