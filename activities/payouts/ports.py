"""Inputs, results and ports of the settlement activities."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import Field

from activities.core.commands import Command
from domain.payouts.connected_account import AccountRequest, AccountState, DueQuery, PayoutStatus, TransferOrder


def _is_empty(value: tuple[str, ...] | str) -> bool:
    return not value


class VenueRef(Command):
    """A venue."""

    tenant_id: str
    venue_id: str


class AccountStatus(Command):
    """The status of a venue's account: whether it can receive transfers, and pay out to the venue's bank.

    `url` is a fresh onboarding link of the venue, when Stripe still needs information. An account that is gone needs
    another onboarding, which makes another account.
    """

    account_id: str
    may_receive: bool
    may_pay_out: bool
    asked_for: int
    url: str | None = None
    is_gone: bool = False
    settlement_currencies: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)

    @property
    def is_ready(self) -> bool:
        """Whether Stripe needs no more information."""
        return self.may_receive and self.may_pay_out


class Sent(Command):
    """The amount transferred to the venue for one order; 0 when it was netted or refunded."""

    amount_minor: int
    currency: str


class Reversed(Command):
    """The reversed amount, and the rest that the venue now owes because its balance was too low."""

    reversed_minor: int
    short_minor: int


class PayoutRef(Command):
    """A payout of a connected account, and the webhook event that is looked after."""

    account_id: str
    payout_id: str
    event_id: str = Field(default="", exclude_if=_is_empty)

    @property
    def subject_id(self) -> str:
        """The id of the follow-up: one for each event."""
        return f"{self.payout_id}/{self.event_id}"


class ConnectGateway(Protocol):
    """Stripe Connect, as settlement needs it; raises the same errors as `PaymentGateway`.

    A call for an account that is gone is refused with the reason `account_gone`; only `retrieve_account` returns it.
    """

    async def create_account(self, request: AccountRequest, key: str) -> AccountState:
        """Create the account of a venue, or return the one created under this key."""

    async def retrieve_account(self, account_id: str) -> AccountState:
        """Read an account."""

    async def onboarding_link(self, account_id: str) -> str:
        """Return a fresh onboarding link of the venue; it can be used once and expires within minutes."""

    async def transfer(self, order: TransferOrder, key: str) -> str:
        """Transfer a share from its charge to the venue's account; return the transfer's id. Idempotent by `key`."""

    async def reverse_transfer(self, transfer_id: str, amount_minor: int, key: str) -> str:
        """Reverse a part of a transfer; return the reversal's id. Idempotent by `key`."""

    async def retrieve_payout(self, account_id: str, payout_id: str) -> PayoutStatus:
        """Read a payout of a connected account."""


class DueOrders(Protocol):
    """The read models' queries for settlement."""

    async def due_transfers(self, due: DueQuery) -> Sequence[tuple[str, str, int]]:
        """Return (tenant, purchase, attempt) of orders whose share is due and not transferred, ordered by id."""

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        """Return (tenant, venue) of a connected account."""
