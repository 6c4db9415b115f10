"""AES-GCM keys by id: the first one seals, and each sealed value is opened with the key that it names."""

import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class KeyMissingError(LookupError):
    """A value was sealed with a key that this process does not have; the message has the key's id."""


class SealBrokenError(ValueError):
    """A sealed value was changed, moved to another place, or sealed with another key of the same id."""


class Keyring:
    """Keys by id; the first one is the newest. Without keys it seals nothing and opens nothing."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.newest = next(iter(keys), None)

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Return a value sealed with the newest key: a random nonce and the ciphertext; it opens only in its place."""
        if self.newest is None:
            raise KeyMissingError("there is no key to seal with")
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[self.newest].encrypt(nonce, plain, place)

    def open(self, key_id: str, sealed: bytes, place: bytes) -> bytes:
        """Return the plain value; raise KeyMissingError or SealBrokenError."""
        if key_id not in self._ciphers:
            raise KeyMissingError(f"key {key_id} is not configured; add it to the keys, after the first one")
        try:
            return self._ciphers[key_id].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except InvalidTag:
            raise SealBrokenError(f"a value sealed with key {key_id} does not open") from None
