"""Deadlines: which one a request has first."""

from datetime import datetime


def first_deadline(queue_until: datetime | None, hold_until: datetime | None) -> datetime:
    """Return the end of the queue, or, for a request that was stored before there was a queue, of the hold."""
    deadline = queue_until or hold_until
    if deadline is None:
        raise ValueError("a request has a deadline")
    return deadline
