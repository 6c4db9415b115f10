"""A webhook's hint: that Stripe has news of a payment; never a fact by itself."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

MONEY_CAME = frozenset({"payment_intent.succeeded", "payment_intent.amount_capturable_updated"})
DECIDING = MONEY_CAME | {
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
}

REFUND_NEWS = frozenset({"refund.updated", "refund.failed", "charge.refund.updated"})


class Hint(BaseModel):
    """A verified webhook as we keep it: references and a digest of its body, never the body."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    type: str
    object_id: str | None
    intent_id: str | None
    purchase_id: str | None
    created: datetime | None
    digest: str

    @property
    def is_about_money(self) -> bool:
        """Whether money came or can be taken, so that the hint may not be dropped with its purchase."""
        return self.type in MONEY_CAME

    @property
    def is_about_refund(self) -> bool:
        """Whether a refund came to something at the bank: `object_id` names it."""
        return self.type in REFUND_NEWS

    @property
    def decides(self) -> bool:
        """Whether a waiting purchase or refund should look again because of it; the rest is stored only."""
        return self.type in DECIDING or self.is_about_refund
