"""What settlement is told, what it answers, and what it needs of the outside."""

from collections.abc import Sequence
from typing import Protocol

from activities.core.commands import Command
from domain.payouts.connected_account import AccountState, DueQuery, PayoutStatus, TransferOrder


class VenueRef(Command):
    """A venue."""

    tenant_id: str
    venue_id: str


class AccountStatus(Command):
    """How a venue's account stands: shares can be sent to it, and paid out of it to the venue's bank.

    `url` is a fresh link under which the venue tells Stripe who it is, where something is missing.
    """

    account_id: str
    may_receive: bool
    may_pay_out: bool
    asked_for: int
    url: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing."""
        return self.may_receive and self.may_pay_out


class Sent(Command):
    """What went to the venue for one order; nothing when it was netted or given back."""

    amount_minor: int
    currency: str


class Reversed(Command):
    """What came back, and what the venue owes now because its account did not have it."""

    reversed_minor: int
    short_minor: int


class PayoutRef(Command):
    """A payout of a connected account."""

    account_id: str
    payout_id: str


class ConnectGateway(Protocol):
    """Stripe Connect, as settlement needs it; transient errors and refusals are as of the payment gateway."""

    async def create_account(self, venue_id: str, name: str, key: str) -> AccountState:
        """Create the account of a venue, or return the one that this key made."""

    async def retrieve_account(self, account_id: str) -> AccountState:
        """Read an account."""

    async def onboarding_link(self, account_id: str) -> str:
        """Return a fresh link under which the venue tells Stripe who it is; it can be used once, for minutes."""

    async def transfer(self, order: TransferOrder, key: str) -> str:
        """Move a share out of its charge to the venue's account; returns the transfer's id, made now or before."""

    async def reverse_transfer(self, transfer_id: str, amount_minor: int, key: str) -> str:
        """Take a part back; returns the reversal's id, made now or before."""

    async def retrieve_payout(self, account_id: str, payout_id: str) -> PayoutStatus:
        """Read a payout of a connected account."""


class DueOrders(Protocol):
    """The read models, as settlement needs them."""

    async def due_transfers(self, due: DueQuery) -> Sequence[tuple[str, str, int]]:
        """Return (tenant, purchase, attempt) of orders whose share is due and was not sent, by their ids."""

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        """Return (tenant, venue) of a connected account."""
