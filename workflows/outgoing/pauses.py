"""Pauses before a receiver or the mail server that failed is tried again: they grow with the time that it fails."""

from temporalio import workflow

from workflows.core import patches

FIRST_PAUSE_SECONDS = 5.0
PAUSE_SECONDS_MAX = 3_600.0


def pause_after(tries: int, failing_seconds: float = PAUSE_SECONDS_MAX) -> float:
    """Return the seconds before the next try: twice as many each time, an hour at most.

    Tries that an operator hurries count for no more than the time since the first one.
    """
    doubled = FIRST_PAUSE_SECONDS * 2 ** min(tries - 1, 20)
    return float(min(doubled, FIRST_PAUSE_SECONDS + failing_seconds, PAUSE_SECONDS_MAX))


def pause_since(tries: int, since: float) -> float:
    """Return the seconds before the next try, when all tries since a time have failed."""
    return pause_after(tries, workflow.time() - since) if patches.PAUSES_KEEP_TIME.on() else pause_after(tries)
