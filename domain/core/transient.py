"""Transient errors: retried; never a reason for a compensation."""

from datetime import timedelta


class TransientError(Exception):
    """A network fault, a 5xx, a rate limit, a lock conflict or an unknown outcome.

    `unknown` is true if the effect may have happened all the same: read the state before a retry. `pause` is how long
    to wait before it, if that is longer than the caller would. `has_waited` is true when the outage has been waited for
    already: an operator should know.
    """

    def __init__(
        self, message: str, *, unknown: bool = False, pause: timedelta | None = None, has_waited: bool = False
    ) -> None:
        super().__init__(message)
        self.unknown = unknown
        self.pause = pause
        self.has_waited = has_waited


class PausedError(TransientError):
    """Work that waits for something an operator was told of once, such as money: no alarm of its own."""


class OverloadedError(TransientError):
    """The queue is full or the request waited too long; nothing was done, and a retry may succeed."""
