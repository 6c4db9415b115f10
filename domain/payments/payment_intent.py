"""What Stripe says of one payment: the part of a PaymentIntent and its charge that the saga decides by."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

IntentStatus = Literal[
    "requires_payment_method", "requires_confirmation", "requires_action", "processing", "requires_capture",
    "succeeded", "canceled",
]  # fmt: skip


class IntentRequest(BaseModel):
    """What a PaymentIntent is created from; `purchase_id` goes into its metadata and is found again by it."""

    model_config = ConfigDict(frozen=True)

    tenant_id: str
    purchase_id: str
    amount_minor: int
    currency: str
    capture_method: Literal["manual", "automatic"] = "manual"


class IntentState(BaseModel):
    """A PaymentIntent as it was when it was asked; amounts in minor units of `currency`.

    `charge_id`, `stripe_fee_minor` (from the balance transaction) and `refunded_minor` are of the latest charge.
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
    """A refund as it was when it was asked; `failure` is Stripe's reason for one that failed.

    `key` is the key that we made it under; without one it was made elsewhere, in Stripe's dashboard.
    """

    model_config = ConfigDict(frozen=True)

    refund_id: str
    intent_id: str
    amount_minor: int
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    failure: str | None = None
    key: str = ""
