"""Fault switches: what can be made to go wrong on the dev chain, so that tests see it go wrong."""

from pydantic import BaseModel, ConfigDict, NonNegativeInt


class Faults(BaseModel):
    """How many of the next sends go wrong, per way; `jump_slots` takes effect at once and is not kept."""

    model_config = ConfigDict(extra="forbid")

    drop_sends: NonNegativeInt = 0
    lose_answers: NonNegativeInt = 0
    reject_sends: NonNegativeInt = 0
    jump_slots: NonNegativeInt = 0

    def take(self, name: str) -> bool:
        """Use up one fault of this name and say whether there was one."""
        left: int = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return left > 0


class AnswerLost(Exception):  # noqa: N818 - it happened, to the answer and not to the transaction
    """The transaction landed, and its sender is not to learn of it."""
