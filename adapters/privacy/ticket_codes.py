"""Ticket codes: the text of a QR code, which only a key of this deployment makes and reads.

A code is `BX1.{key id}.{letters}`. The letters hold the ticket's id and the generation of its code, encrypted and
authenticated by AES-SIV, which needs no randomness: the same ticket and generation always give the same code, and a
code tells nothing that stands in an answer or on chain. Base32 in capitals, so that a QR code stores it densely.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from adapters.privacy.ticket_qr import drawn
from domain.core.ids import Identity
from domain.tickets.admission import PresentedCode

FORM = "BX1"
GENERATION_BYTES = 2
TAG_BYTES = 16
LETTERS_PER_GROUP = 8  # of base32, with its padding


class SealedCodes:
    """Makes codes with the newest key, and reads those of every key; the first key is the newest.

    A key that is taken off the list ends all codes that were made with it.
    """

    def __init__(self, keys: Mapping[str, bytes], deployment_id: str) -> None:
        if not keys:
            raise ValueError("ticket codes need a key")
        self._ciphers = {key_id: AESSIV(key) for key_id, key in keys.items()}
        self._newest = next(iter(keys))
        self._deployment_id = deployment_id

    @classmethod
    def of(cls, keys: Mapping[str, bytes], identity: Identity) -> "SealedCodes":
        """Return the maker with these keys; without any, in development alone, one follows from the deployment."""
        return cls(keys or {"dev": identity.secret_for("ticket-code")}, identity.deployment_id)

    def make(self, ticket_id: str, generation: int) -> str:
        """Return the code of a ticket in a generation (0 to 65535)."""
        plain = generation.to_bytes(GENERATION_BYTES, "big") + ticket_id.encode()
        sealed = self._ciphers[self._newest].encrypt(plain, self._place(self._newest))
        return f"{FORM}.{self._newest}.{base64.b32encode(sealed).decode().rstrip('=')}"

    def read(self, code: str) -> PresentedCode | None:
        """Return the ticket and the generation of a code; None for a text that none of the keys has made."""
        form, _, rest = code.strip().partition(".")
        key_id, _, letters = rest.partition(".")
        if form != FORM or key_id not in self._ciphers:
            return None
        try:
            sealed = base64.b32decode(letters + "=" * (-len(letters) % LETTERS_PER_GROUP))
            plain = self._ciphers[key_id].decrypt(sealed, self._place(key_id)) if len(sealed) > TAG_BYTES else b""
        except (binascii.Error, ValueError, InvalidTag):
            return None
        generation, ticket_id = plain[:GENERATION_BYTES], plain[GENERATION_BYTES:]
        return PresentedCode(ticket_id.decode(), int.from_bytes(generation, "big")) if ticket_id else None

    @staticmethod
    def draw(code: str, form: Literal["svg", "png"]) -> bytes:
        """Return the QR code of a code as a picture."""
        return drawn(code, form)

    def _place(self, key_id: str) -> list[bytes]:
        """Return what a code is bound to: codes of another deployment or key id do not open."""
        return [FORM.encode(), self._deployment_id.encode(), key_id.encode()]
