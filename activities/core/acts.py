"""Operators' acts on a workflow: one model each, its words in Temporal's web UI, and its cost."""

from typing import Annotated, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints

Login = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
MINUTES_MAX = 14 * 24 * 60


class OperatorAct(BaseModel):
    """The fields of every act: the operator's login, the reason, and the stage that the operator saw.

    Login and reason are stored for ever: no names of people, no e-mail addresses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    operator: Login
    reason: Sentence
    stage: str


class RetryNow(OperatorAct):
    """Try or look now, instead of after the pause."""


class PayByHand(OperatorAct):
    """The buyer was paid another way; `reference` finds that payment."""

    reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


A = TypeVar("A", bound=OperatorAct)


class ActKind(NamedTuple, Generic[A]):
    """An act: its stored name, its model, its text in the web UI, and its cost."""

    name: str
    model: type[A]
    text: str
    cost: str

    @property
    def own_fields(self) -> tuple[str, ...]:
        """The fields that this act has beside those of every act."""
        return tuple(name for name in self.model.model_fields if name not in OperatorAct.model_fields)

    @property
    def description(self) -> str:
        """The description in the web UI: text, cost, and the fields of the one JSON object that it takes."""
        fields = ", ".join(self.model.model_fields)
        return f"{self.text} Cost: {self.cost} Input: one JSON object with {fields}."


RETRY_NOW = ActKind("retry_now", RetryNow, "Tries, or looks, now.", "one more call, under the rules of every try.")
PAY_BY_HAND = ActKind(
    "pay_by_hand",
    PayByHand,
    "Records that the buyer was paid another way, and ends the refund. Refused while Stripe may still pay.",
    "the amount, from the platform's bank account; a wrong word leaves the buyer unpaid.",
)
