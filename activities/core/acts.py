"""Operators' acts on a workflow: one model each, its words in Temporal's web UI, and its cost."""

from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

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


class ExtendHoldAct(OperatorAct):
    """The seats stay held for longer: `minutes` after the present deadline, or after now if that has passed."""

    minutes: Annotated[int, Field(ge=1, le=MINUTES_MAX)]


class GiveUp(OperatorAct):
    """End it before anything is final; everything that was done is undone."""


class RefundSale(OperatorAct):
    """Refund the whole sale, as `POST /api/v1/purchases/{id}/refunds` does."""


class ForceMint(OperatorAct):
    """Mint a ticket into custody instead of the buyer's wallet."""

    ticket_id: str


class ResolveCase(OperatorAct):
    """No money can come of the payment: `evidence` says how that is known."""

    evidence: Sentence


class BearExcess(OperatorAct):
    """Book what a refund in Stripe's dashboard gave back beyond what was owed as the platform's loss."""


class PauseCancellation(OperatorAct):
    """Begin no further refund of the cancelled show."""


class ResumeCancellation(OperatorAct):
    """Go on, at another rate if one is given."""

    rate_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None


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
EXTEND_HOLD = ActKind(
    "extend_hold",
    ExtendHoldAct,
    "Holds the seats for longer, and waits for the payment as long.",
    "nobody else can buy these seats meanwhile.",
)
GIVE_UP = ActKind(
    "give_up",
    GiveUp,
    "Ends it without a result, and undoes what was done. Refused once a sale is made.",
    "a purchase: its seats are free, and money of the buyer goes back, without Stripe's fee if it was captured; "
    "an account or a dispute: nobody follows it until there is news of it; a webhook endpoint stays switched off.",
)
REFUND = ActKind(
    "refund",
    RefundSale,
    "Refunds the whole sale: its tickets are void at once, and none is minted any more.",
    "the price, of which Stripe keeps its fee; the platform bears the fees.",
)
FORCE_MINT = ActKind(
    "force_mint",
    ForceMint,
    "Mints a ticket that cannot be minted to the buyer's wallet into our custody. Nothing is minted twice.",
    "one transaction; the buyer has a valid ticket, and the token is moved later.",
)
RESOLVE_CASE = ActKind(
    "resolve_case",
    ResolveCase,
    "Ends a payment that Stripe refuses to tell or to cancel: no money comes of it. Refused for captured money.",
    "if money comes all the same, it is found by its webhook or by reconcile, and goes back to the buyer.",
)
BEAR_EXCESS = ActKind(
    "bear_excess",
    BearExcess,
    "Books what a refund in Stripe's dashboard gave back beyond what was owed as the platform's loss.",
    "that amount, from the platform; the buyer has it already.",
)
PAUSE = ActKind(
    "pause",
    PauseCancellation,
    "Begins no further refund; those under way go on.",
    "buyers wait for their money.",
)
RESUME = ActKind(
    "resume",
    ResumeCancellation,
    "Begins refunds again, at another rate if one is given.",
    "our balance at Stripe must cover them.",
)
ACTS: dict[str, ActKind[Any]] = {
    kind.name: kind
    for kind in (
        RETRY_NOW, EXTEND_HOLD, GIVE_UP, REFUND, FORCE_MINT, RESOLVE_CASE, BEAR_EXCESS, PAY_BY_HAND, PAUSE, RESUME
    )
}  # fmt: skip
