"""Webhook event: a notification by Stripe, reduced to references; it triggers a read and decides nothing itself."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MONEY_CAME = frozenset({"payment_intent.succeeded", "payment_intent.amount_capturable_updated"})
DECIDING = MONEY_CAME | {
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
}
# An update says which payout reverses this one.
PAYOUT_NEWS = frozenset({"payout.paid", "payout.failed", "payout.canceled", "payout.updated"})

ACCOUNT_NEWS = frozenset({"account.updated", "account.application.deauthorized"})
DISPUTE = "charge.dispute."
DISPUTE_NEWS = frozenset(
    DISPUTE + news for news in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
REFUND_NEWS = frozenset({"refund.updated", "refund.failed", "charge.refund.updated"})
REFUND_MADE = "refund.created"
# Event types of the webhook endpoints, ours and that of the venues' accounts; no other type is processed.
SUBSCRIBED = frozenset({*DECIDING, *REFUND_NEWS, REFUND_MADE, *DISPUTE_NEWS})
SUBSCRIBED_CONNECT = ACCOUNT_NEWS | PAYOUT_NEWS
Handler = Literal["purchase", "refund", "dispute", "account", "payout"]


class WebhookEvent(BaseModel):
    """A verified webhook as stored: references and a digest of its body, never the body."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    type: str
    object_id: str | None
    intent_id: str | None
    purchase_id: str | None
    created: datetime | None
    digest: str
    account_id: str | None = None  # the venue's account, if the event is not of ours
    key: str | None = Field(default=None, exclude=True)  # our key of the object; not stored
    is_foreign: bool = Field(default=False, exclude=True)  # the object is another deployment's; not stored

    @property
    def is_about_account(self) -> bool:
        """Whether the capabilities of a venue's account, or our access to it, may have changed."""
        return self.account_id is not None and self.type in ACCOUNT_NEWS

    @property
    def is_about_payout(self) -> bool:
        """Whether a payout reached a venue's bank, failed, or is reversed."""
        return self.account_id is not None and self.type in PAYOUT_NEWS

    @property
    def is_about_money(self) -> bool:
        """Whether money arrived or can be captured, so that the event must outlive its purchase."""
        return self.type in MONEY_CAME

    @property
    def is_about_refund(self) -> bool:
        """Whether the state of a refund (`object_id`) changed."""
        return self.type in REFUND_NEWS

    @property
    def is_refund_made_elsewhere(self) -> bool:
        """Whether a refund was made without us, such as in Stripe's dashboard."""
        return self.type == REFUND_MADE and self.key is None

    @property
    def needs_an_owner(self) -> bool:
        """Whether money moved, so that a workflow must take care of it."""
        return self.is_about_money or self.is_refund_made_elsewhere

    @property
    def dispute_id(self) -> str | None:
        """The id of the dispute, or None."""
        return self.object_id if self.type.startswith(DISPUTE) else None

    @property
    def handled_by(self) -> Handler | None:
        """The kind of work that the event causes; None when it is only stored."""
        if self.is_foreign:
            return None
        if self.account_id is not None:
            if self.is_about_account:
                return "account"
            return "payout" if self.is_about_payout and self.object_id is not None else None
        if self.dispute_id is not None:
            return "dispute"
        if self.is_about_refund:
            return "refund" if self.object_id is not None else None
        names_payment = self.intent_id is not None or self.purchase_id is not None
        return "purchase" if names_payment and (self.type in DECIDING or self.is_refund_made_elsewhere) else None
