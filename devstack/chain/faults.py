"""Fault switches of the dev chain, for tests."""

from pydantic import BaseModel, ConfigDict, NonNegativeInt


class Faults(BaseModel):
    """Number of next sends that fail, by kind of failure; `jump_slots` takes effect at once and is not kept."""

    model_config = ConfigDict(extra="forbid")

    drop_sends: NonNegativeInt = 0
    lose_answers: NonNegativeInt = 0
    reject_sends: NonNegativeInt = 0
    jump_slots: NonNegativeInt = 0

    def take(self, name: str) -> bool:
        """Consume one fault of this name; return whether one was set."""
        left: int = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return left > 0


class AnswerLost(Exception):  # noqa: N818 - the transaction succeeded, only its response is lost
    """The transaction landed, but its sender gets no response."""
