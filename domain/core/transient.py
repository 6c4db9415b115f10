"""Transient errors: retried; never a reason for a compensation."""


class TransientError(Exception):
    """A network fault, a 5xx, a rate limit, a lock conflict or an unknown outcome.

    `unknown` is true if the effect may have happened all the same: read the state before a retry.
    """

    def __init__(self, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


class OverloadedError(TransientError):
    """The queue is full or the request waited too long; nothing was done, and a retry may succeed."""
