"""Sessions of people at a venue's pages: the browser keeps an API key, sealed and with an end."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken

SESSION_SECONDS = 12 * 3600


class SealedSessions:
    """Seals API keys for the cookies of browsers: who finds one has the pages until its end, and never the key."""

    def __init__(self, secret: bytes) -> None:
        """Take a secret of 32 bytes."""
        self._sealing = Fernet(urlsafe_b64encode(secret))

    def seal(self, credential: str) -> str:
        """Return the session of an API key, which begins now."""
        return self._sealing.encrypt(credential.encode()).decode()

    def open(self, session: str) -> str | None:
        """Return the API key of a session; None for one that has ended, or that this deployment did not make."""
        try:
            return self._sealing.decrypt(session, ttl=SESSION_SECONDS).decode()
        except (InvalidToken, ValueError):  # a letter that no session has is a ValueError
            return None
