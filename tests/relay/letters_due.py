"""Letters that are due, and their sender, for the relay's fakes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any


class LettersDue:
    """Stalled work with letters that are due."""

    async def due_letters(self, at: datetime) -> Sequence[str]:
        del at
        return ["letters"]


class StartsLetters:
    """An engine that records the starts of letters beside its other calls."""

    calls: list[tuple[str, Any]]

    async def start_letters(self, sender: str) -> bool:
        self.calls.append(("start_letters", sender))
        return True
