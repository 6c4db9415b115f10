"""Views of a venue's connected account and of an account of the books."""

from typing_extensions import TypedDict

from domain.core.timestamp import Timestamp
from domain.payouts.payout import PayoutState


class PayeeDocument(TypedDict):
    """A venue's connected account at Stripe; `asked_for` counts Stripe's open requirements."""

    venue_id: str
    tenant_id: str
    account_id: str | None
    may_receive: bool
    may_pay_out: bool
    asked_for: int


class AccountOwner(TypedDict):
    """The venue of a connected account."""

    tenant_id: str
    venue_id: str


class PayoutDocument(TypedDict):
    """A payout that reached the bank, or with a negative amount came from it; `failure` is why the bank returned it."""

    payout_id: str
    tenant_id: str
    venue_id: str
    state: PayoutState
    amount_minor: int
    currency: str
    paid_at: Timestamp
    failure: str | None


class AccountBalance(TypedDict):
    """An account's balance in one currency: credits minus debits."""

    currency: str
    balance_minor: int


class AccountLine(TypedDict):
    """One posting on an account; negative is a debit."""

    position: int
    key: str
    purchase_id: str
    kind: str
    at: Timestamp
    amount_minor: int
    currency: str


class AccountDocument(TypedDict):
    """An account's balances and its newest lines."""

    balances: list[AccountBalance]
    lines: list[AccountLine]
