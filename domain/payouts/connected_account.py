"""What Stripe Connect says of a venue's account, and what we ask of it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _State(BaseModel):
    """The base of what is said and asked."""

    model_config = ConfigDict(frozen=True)


class AccountState(_State):
    """A connected account: whether transfers may reach it and payouts leave it, and how much Stripe still asks."""

    account_id: str
    may_receive: bool
    may_pay_out: bool
    asked_for: int


class TransferOrder(_State):
    """A share of one charge for one account; the purchase is the transfer group."""

    purchase_id: str
    account_id: str
    charge_id: str
    amount_minor: int
    currency: str


class PayoutStatus(_State):
    """A payout of a connected account, as it was when it was asked."""

    payout_id: str
    status: Literal["pending", "in_transit", "paid", "failed", "canceled"]
    amount_minor: int
    currency: str
    failure: str | None = None


class DueQuery(_State):
    """Which orders' shares are due at a moment: so long after the show (or the sale), and from so much per venue."""

    now: datetime
    delay_seconds: int
    minimum_minor: int
    after: str = ""
    limit: int = 100
