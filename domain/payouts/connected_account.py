"""Connected accounts, transfers and payouts: values exchanged with Stripe Connect."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _State(BaseModel):
    """Immutable base model."""

    model_config = ConfigDict(frozen=True)


class AccountState(_State):
    """A connected account: whether it can receive transfers and make payouts, and Stripe's number of requirements.

    One that is gone was deleted, or has taken our access back: no call can be made for it.
    """

    account_id: str
    may_receive: bool
    may_pay_out: bool
    asked_for: int
    is_gone: bool = False
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


ACCOUNT_GONE = "account_gone"  # the reason of a refusal


class PayoutStatus(_State):
    """A payout of a connected account at the time it was read.

    A negative amount comes from the bank into the account: the reversal of `original`, or a debit by Stripe.
    `reversed_by` is the payout that reverses this one.
    """

    payout_id: str
    status: Literal["pending", "in_transit", "paid", "failed", "canceled"]
    amount_minor: int
    currency: str
    failure: str | None = None
    original: str | None = None
    reversed_by: str | None = None


class DueQuery(_State):
    """A query for orders with due shares: delay after the end of show or sale, and minimum amount per venue."""

    now: datetime
    delay_seconds: int
    minimum_minor: int
    after: str = ""
    limit: int = 100
