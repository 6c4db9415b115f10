"""Connected accounts, transfers and payouts: values exchanged with Stripe Connect."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _State(BaseModel):
    """Immutable base model."""

    model_config = ConfigDict(frozen=True)


class AccountState(_State):
    """A connected account: whether it can receive transfers and make payouts, and Stripe's number of requirements."""

    account_id: str
    may_receive: bool
    may_pay_out: bool
    asked_for: int
    settlement_currencies: tuple[str, ...] = ()  # of its bank accounts; empty: not known yet


class AccountRequest(_State):
    """The values of a venue's new account."""

    venue_id: str
    name: str
    country: str = ""
    agreement: Literal["full", "recipient"] = "full"


class TransferOrder(_State):
    """A share of one charge for one account; the purchase is the transfer group."""

    purchase_id: str
    account_id: str
    charge_id: str
    amount_minor: int
    currency: str


class PayoutStatus(_State):
    """A payout of a connected account at the time it was read."""

    payout_id: str
    status: Literal["pending", "in_transit", "paid", "failed", "canceled"]
    amount_minor: int
    currency: str
    failure: str | None = None


class DueQuery(_State):
    """A query for orders with due shares: delay after the end of show or sale, and minimum amount per venue."""

    now: datetime
    delay_seconds: int
    minimum_minor: int
    after: str = ""
    limit: int = 100
