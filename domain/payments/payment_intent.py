"""PaymentIntents and refunds as read from Stripe: the fields needed by the saga."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.money.payment_method import PaymentMethod

IntentStatus = Literal[
    "requires_payment_method", "requires_confirmation", "requires_action", "processing", "requires_capture",
    "succeeded", "canceled",
]  # fmt: skip


class IntentRequest(BaseModel):
    """The values of a new PaymentIntent; its metadata holds `purchase_id`, by which it is found again."""

    model_config = ConfigDict(frozen=True)

    tenant_id: str
    purchase_id: str
    amount_minor: int
    currency: str
    capture_method: Literal["manual", "automatic"] = "manual"
    payment_methods: tuple[PaymentMethod, ...] = ()  # none: Stripe decides
    description: str = ""
    receipt_email: str | None = Field(default=None, repr=False)  # Stripe mails a receipt there


class IntentState(BaseModel):
    """A PaymentIntent at the time it was read; amounts in minor units of `currency`.

    `charge_id`, `stripe_fee_minor` (from the balance transaction) and `refunded_minor` belong to the latest charge.
    """

    model_config = ConfigDict(frozen=True)

    intent_id: str
    purchase_id: str
    status: IntentStatus
    amount_minor: int
    received_minor: int
    currency: str
    client_secret: str
    charge_id: str | None = None
    stripe_fee_minor: int | None = None
    refunded_minor: int = 0
    decline_code: str | None = None


class StripeRefund(BaseModel):
    """A refund at the time it was read; `failure` is Stripe's reason for a failed one.

    `key` is our key of the refund; empty if it was made elsewhere, such as in Stripe's dashboard.
    """

    model_config = ConfigDict(frozen=True)

    refund_id: str
    intent_id: str
    amount_minor: int
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    failure: str | None = None
    key: str = ""
