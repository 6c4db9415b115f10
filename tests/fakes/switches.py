"""The failure switches of a fake, by the name of the call."""

from collections import Counter
from typing import Generic, TypeVar

from domain.core.errors import PaymentRefused
from domain.core.transient import TransientError

Verb = TypeVar("Verb", bound=str)


class Switches(Generic[Verb]):
    """The base of a fake, which begins and ends its calls here; `calls` counts them."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._before: Counter[str] = Counter()
        self._after: Counter[str] = Counter()
        self._refused: dict[str, tuple[str, int]] = {}  # the reason, and the calls that are not refused

    def fail_before(self, verb: Verb, times: int = 1) -> None:
        """Let the next calls of a verb fail before they have any effect."""
        self._before[verb] += times

    def mend(self, verb: Verb) -> None:
        """Let a verb succeed again that was to fail before its effect."""
        self._before[verb] = 0

    def fail_after(self, verb: Verb, times: int = 1) -> None:
        """Let the next calls of a verb have their effect and lose their answer."""
        self._after[verb] += times

    def refuse(self, verb: Verb, reason: str = "test", *, after: int = 0) -> None:
        """Refuse every call of a verb but the next `after` ones, until `allow`."""
        self._refused[verb] = reason, self.calls[verb] + after

    def allow(self, verb: Verb) -> None:
        """Take back `refuse`."""
        self._refused.pop(verb, None)

    def _begin(self, verb: Verb) -> None:
        self.calls[verb] += 1
        reason, allowed = self._refused.get(verb, ("", 0))
        if reason and self.calls[verb] > allowed:
            raise PaymentRefused("refused by the test", reason=reason)
        if self._before[verb]:
            self._before[verb] -= 1
            raise TransientError(f"{verb}: no connection")

    def _end(self, verb: Verb) -> None:
        if self._after[verb]:
            self._after[verb] -= 1
            raise TransientError(f"{verb}: the answer was lost", unknown=True)
