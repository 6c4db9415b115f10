"""Find the subject of a key, and make the tokens of purchases."""

import hashlib
import time
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from domain.access.api_key import ApiKey, KeyText, parse_key
from domain.access.subject import ALL_SCOPES, Subject
from domain.core.ids import Identity

KNOWN_SECONDS = 5.0  # how late a revoked key is refused
RECHECK_SECONDS = 2.0  # how often an answer that lasts looks at its key; with the look before, twice this at most
KNOWN_MAX = 10_000
INTERNAL_SUBJECT = Subject("internal-token", "internal-token", scopes=frozenset({"internal", "door", "operate"}))
DEVELOPMENT_SUBJECT = Subject("development", "development", scopes=ALL_SCOPES)


class KeyFinder(Protocol):
    """The stored keys."""

    async def find(self, text: KeyText) -> ApiKey | None:
        """Return the key of a text that is good now, else None."""


class KeyUses(Protocol):
    """The last use of each key."""

    async def note(self, key_id: str) -> None:
        """Note that a key is used now."""


class Sessions(Protocol):
    """Seals keys for the cookies of browsers."""

    def seal(self, credential: str) -> str:
        """Return the session of a key, which begins now."""

    def open(self, session: str) -> str | None:
        """Return the key of a session; None for one that has ended, or that nobody made."""


class _Known(NamedTuple):
    """A subject, and when its key was looked at (monotonic seconds)."""

    subject: Subject
    at: float


class KeyAuthenticator:
    """Authenticates keys of the database, and the keys that the settings name.

    A good key is known for a few seconds, so that a rush asks the database once and a revoked key is refused soon. A
    key that is not good is asked for each time: only the limit per address bounds that.
    """

    def __init__(
        self, keys: KeyFinder, uses: KeyUses, named: Mapping[str, Subject], identity: Identity, sessions: Sessions
    ) -> None:
        """Take the stored keys, the subjects of the keys in the settings, the deployment's identity, and sessions."""
        self._sessions = sessions
        self._keys = keys
        self._uses = uses
        self._named = {_digest(text): subject for text, subject in named.items()}
        self._identity = identity
        self._known: dict[bytes, _Known] = {}

    async def subject_of(self, credential: str) -> Subject | None:
        """Return the subject of a key; None for a key that is unknown, expired or revoked."""
        digest = _digest(credential)
        subject = self._recent(digest, KNOWN_SECONDS)
        if subject is not None:
            return subject
        key = await self._look(credential, digest)
        if key is None:
            return None
        await self._uses.note(key.identity)
        return key.subject

    async def recheck(self, credential: str) -> Subject | None:
        """Return the subject of a key whose request is still being answered; None once the key is no longer good."""
        digest = _digest(credential)
        subject = self._recent(digest, RECHECK_SECONDS)
        if subject is not None:
            return subject
        key = await self._look(credential, digest)
        return None if key is None else key.subject

    def _recent(self, digest: bytes, seconds: float) -> Subject | None:
        """Return the subject of a named key, or of one that was good so recently."""
        if digest in self._named:
            return self._named[digest]
        known = self._known.get(digest)
        return known.subject if known is not None and time.monotonic() < known.at + seconds else None

    async def _look(self, credential: str, digest: bytes) -> ApiKey | None:
        text, at = parse_key(credential), time.monotonic()
        key = await self._keys.find(text) if text is not None else None
        if key is None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[digest] = _Known(key.subject, at)
        return key

    def purchase_token(self, purchase_id: str) -> str:
        """Return the token of a purchase: nobody can compute it, and a repeated request gets the same."""
        return self._identity.purchase_token(purchase_id)

    def session_of(self, credential: str) -> str:
        """Return the session in which a browser keeps a key."""
        return self._sessions.seal(credential)

    def credential_in(self, session: str) -> str | None:
        """Return the key of a session; None for one that has ended, or that nobody made."""
        return self._sessions.open(session)


def named_subjects(internal_token: str | None, development_key: str | None) -> dict[str, Subject]:
    """Return the subjects of the keys in the settings; one that is not set is nobody."""
    subjects = ((internal_token, INTERNAL_SUBJECT), (development_key, DEVELOPMENT_SUBJECT))
    return {text: subject for text, subject in subjects if text}


def _digest(credential: str) -> bytes:
    """Return the digest by which a credential is found: the time of a comparison would tell how much of it is right."""
    return hashlib.sha256(credential.encode()).digest()
