"""Setbacks: the subjects of a loop that failed, each with its next try; shared by relay and workflows."""

from collections.abc import Mapping
from dataclasses import dataclass

FIRST_PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 600.0
SUBJECTS_MAX = 1_000


@dataclass(frozen=True)
class Setback:
    """A subject that failed: how often in a row, the pause that grew with it, and the time of its next try."""

    tries: int
    pause: float
    due_at: float
    reason: str = ""


class Setbacks:
    """The subjects that are set aside; times are seconds of the caller's clock, and the memory is bounded.

    A subject that was not tried again within the longest pause after it was due is solved elsewhere, and forgotten.
    """

    def __init__(
        self,
        first: float = FIRST_PAUSE_SECONDS,
        longest: float = PAUSE_SECONDS_MAX,
        known: Mapping[str, Setback] | None = None,
    ) -> None:
        self._first, self._longest = first, longest
        self._of = dict(known or {})

    def known(self) -> dict[str, Setback]:
        """Return what is remembered, to be carried to another run."""
        return dict(self._of)

    def __len__(self) -> int:
        """Return the number of subjects that are set aside."""
        return len(self._of)

    def count(self, now: float) -> int:
        """Return how many are set aside and not forgotten by now; another thread may ask."""
        return sum(now - known.due_at <= self._longest for known in list(self._of.values()))

    def __contains__(self, subject: str) -> bool:
        """Say whether a subject is set aside."""
        return subject in self._of

    def is_due(self, subject: str, now: float) -> bool:
        """Say whether a subject may be tried now."""
        known = self._of.get(subject)
        return known is None or known.due_at <= now

    def fail(self, subject: str, now: float, reason: str = "") -> Setback:
        """Set a subject aside, for twice as long as the last time; forget the oldest of too many."""
        known = self._of.pop(subject, None)
        pause = self._first if known is None else min(known.pause * 2, self._longest)
        tries = 1 if known is None else known.tries + 1
        setback = self._of[subject] = Setback(tries, pause, now + pause, reason)
        if len(self._of) > SUBJECTS_MAX:
            del self._of[next(iter(self._of))]
        return setback

    def succeed(self, subject: str) -> bool:
        """Take a subject back; return whether it was set aside."""
        return self._of.pop(subject, None) is not None

    def forget_solved(self, now: float) -> None:
        """Forget subjects that nobody has asked about since they were due."""
        self._of = {name: known for name, known in self._of.items() if now - known.due_at <= self._longest}
