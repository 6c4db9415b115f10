"""A webhook's webhook event: that Stripe has news of a payment; never an event by itself."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

MONEY_CAME = frozenset({"payment_intent.succeeded", "payment_intent.amount_capturable_updated"})
DECIDING = MONEY_CAME | {
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
}
PAYOUT_ENDS = frozenset({"payout.paid", "payout.failed", "payout.canceled"})

ACCOUNT_NEWS = "account.updated"
DISPUTE = "charge.dispute."
DISPUTE_NEWS = frozenset(
    DISPUTE + news for news in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
REFUND_NEWS = frozenset({"refund.updated", "refund.failed", "charge.refund.updated"})
REFUND_MADE = "refund.created"
# What webhook endpoints are asked to send, ours and that of the venues' accounts: nothing else is acted on.
SUBSCRIBED = frozenset({*DECIDING, *REFUND_NEWS, REFUND_MADE, *DISPUTE_NEWS})
SUBSCRIBED_CONNECT = frozenset({ACCOUNT_NEWS, *PAYOUT_ENDS})


class WebhookEvent(BaseModel):
    """A verified webhook as we keep it: references and a digest of its body, never the body."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    type: str
    object_id: str | None
    intent_id: str | None
    purchase_id: str | None
    created: datetime | None
    digest: str
    account_id: str | None = None  # the venue's account that it happened to, where it was not ours
    key: str | None = Field(default=None, exclude=True)  # the key that we made the object under; not stored

    @property
    def is_about_account(self) -> bool:
        """Whether a venue's account may do something else now."""
        return self.account_id is not None and self.type == ACCOUNT_NEWS

    @property
    def is_about_payout(self) -> bool:
        """Whether money reached a venue's bank, or came back from there."""
        return self.account_id is not None and self.type in PAYOUT_ENDS

    @property
    def is_about_money(self) -> bool:
        """Whether money came or can be taken, so that the webhook event may not be dropped with its purchase."""
        return self.type in MONEY_CAME

    @property
    def is_about_refund(self) -> bool:
        """Whether a refund came to something at the bank: `object_id` names it."""
        return self.type in REFUND_NEWS

    @property
    def is_refund_made_elsewhere(self) -> bool:
        """Whether somebody made a refund that we did not ask for, in Stripe's dashboard."""
        return self.type == REFUND_MADE and self.key is None

    @property
    def needs_an_owner(self) -> bool:
        """Whether money came or went, so that somebody has to see to it."""
        return self.is_about_money or self.is_refund_made_elsewhere

    @property
    def dispute_id(self) -> str | None:
        """The dispute that it is about, if it is about one."""
        return self.object_id if self.type.startswith(DISPUTE) else None

    @property
    def decides(self) -> bool:
        """Whether somebody should look again because of it; the rest is stored only."""
        of_refund = self.is_about_refund or self.is_refund_made_elsewhere
        after_the_sale = of_refund or self.dispute_id is not None
        return self.type in DECIDING or after_the_sale or self.is_about_account or self.is_about_payout
