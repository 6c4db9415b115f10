"""Whether letters to buyers are due, for the relay."""

from datetime import datetime

from adapters.read_models.queries import ReadModels
from domain.views.outgoing.letters import LETTER_OF

SENDER = "letters"
TYPES = ", ".join(f"'{name}'" for name in LETTER_OF)
LETTERS_DUE = f"""
SELECT NOT EXISTS (SELECT FROM letter_position)
  OR EXISTS (SELECT FROM letters WHERE state IN ('due', 'sending') AND due_at <= %s)
  OR EXISTS (SELECT FROM rm_outgoing WHERE type IN ({TYPES}) AND position > (SELECT position FROM letter_position))
"""  # noqa: S608 - the names are our own


class LetterQueries(ReadModels):
    """Letters with work to do."""

    async def due_letters(self, at: datetime) -> list[str]:
        """Return the name of the sender of letters if any is due, or events were not looked at, else nothing."""
        return [SENDER] if (await self._rows(LETTERS_DUE, (at,)))[0][0] else []
