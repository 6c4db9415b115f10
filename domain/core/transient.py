"""TransientError: what passes by itself. It is retried; it never compensates by itself."""


class TransientError(Exception):
    """A network fault, a 5xx, a rate limit, a lock conflict or an outcome that is unknown.

    `unknown` is true when the effect may have happened all the same: look before you repeat.
    """

    def __init__(self, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


class OverloadedError(TransientError):
    """More waits than is taken, or it waited too long; nothing was done, and a later try may be served."""
