"""Transfer: the venue's share of one order, to the venue's Stripe account and back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import WrongState

TransferState = Literal["requested", "refused", "made"]


@dataclass(frozen=True, slots=True)
class Reversal:
    """A part of a transfer to be taken back; a refused reversal remains a debt of the venue."""

    amount_minor: int
    state: Literal["requested", "refused", "made"] = "requested"


class TransferRequested(CreatedEvent["Transfer"]):
    """The share is decided, less these refunds: later refunds reverse it instead of lowering it."""

    TOPIC = "transfer.requested"

    tenant_id: str
    venue_id: str
    account_id: str
    charge_id: str
    amount_minor: int
    currency: str
    refund_ids: list[str]
    lost_minor: int = 0

    def apply(self, transfer: "Transfer") -> None:
        """Set the refunds."""
        transfer.refund_ids = frozenset(self.refund_ids)


class TransferRequestedAgain(DomainEvent["Transfer"]):
    """The transfer is tried again under a new key, since Stripe repeats its refusal under the first one.

    The amount is lowered by the losses of disputes since then.
    """

    TOPIC = "transfer.requested-again"

    account_id: str
    lost_minor: int = 0

    def apply(self, transfer: "Transfer") -> None:
        """Begin the next attempt."""
        transfer.state, transfer.account_id = "requested", self.account_id
        transfer.turn += 1
        transfer.amount_minor -= self.lost_minor
        transfer.lost_minor += self.lost_minor


class TransferMade(DomainEvent["Transfer"]):
    """Stripe made the transfer; a share of zero is made without Stripe, and has no id."""

    TOPIC = "transfer.made"

    transfer_id: str

    apply = sets("transfer_id", state="made")


class TransferRefused(DomainEvent["Transfer"]):
    """Stripe refused the transfer: the next run tries it again."""

    TOPIC = "transfer.refused"

    reason: str

    apply = sets(state="refused")


class ReversalRequested(DomainEvent["Transfer"]):
    """A part of the transfer is to be reversed, because of a refund or a dispute."""

    TOPIC = "transfer.reversal-requested"

    key: str
    amount_minor: int

    def apply(self, transfer: "Transfer") -> None:
        """Add the reversal."""
        transfer.reversals[self.key] = Reversal(self.amount_minor)


class TransferReversed(DomainEvent["Transfer"]):
    """A part of the transfer was reversed."""

    TOPIC = "transfer.reversed"

    key: str
    reversal_id: str

    def apply(self, transfer: "Transfer") -> None:
        """Mark the reversal as made."""
        transfer.reversals[self.key] = Reversal(transfer.reversals[self.key].amount_minor, "made")


class ReversalRefused(DomainEvent["Transfer"]):
    """The balance of the venue's account is too low: the venue owes the amount."""

    TOPIC = "transfer.reversal-refused"

    key: str
    reason: str

    def apply(self, transfer: "Transfer") -> None:
        """Mark the reversal as refused."""
        transfer.reversals[self.key] = Reversal(transfer.reversals[self.key].amount_minor, "refused")


class Transfer(Aggregate):
    """The transfer of one order; its id is the purchase's."""

    TOPIC = "transfer"
    STREAM_CATEGORY = "transfer"

    tenant_id: str
    venue_id: str
    account_id: str
    charge_id: str
    amount_minor: int
    currency: str
    refund_ids: frozenset[str] = field(init=False)
    lost_minor: int  # by disputes; the amount is without it
    state: TransferState = "requested"
    turn: int = 1
    transfer_id: str | None = None
    reversals: dict[str, Reversal] = field(default_factory=dict)

    @property
    def left_minor(self) -> int:
        """The amount that can still be reversed."""
        return self.amount_minor - sum(one.amount_minor for one in self.reversals.values() if one.state != "refused")

    def try_again(self, account_id: str, lost_minor: int, at: datetime) -> int:
        """Begin the next attempt of a refused transfer; return the part of the loss that exceeds the amount."""
        if self.state != "refused":
            return 0
        beyond = lost_minor - self.lost_minor
        taken = min(beyond, self.amount_minor)
        self.record(TransferRequestedAgain, at, account_id=account_id, lost_minor=taken)
        return beyond - taken

    def make(self, transfer_id: str, at: datetime) -> bool:
        """Record that Stripe made the transfer; False if already recorded."""
        if self.state == "made":
            return False
        self.record(TransferMade, at, transfer_id=transfer_id)
        return True

    def refuse(self, reason: str, at: datetime) -> None:
        """Record Stripe's refusal."""
        if self.state == "requested":
            self.record(TransferRefused, at, reason=reason)

    def request_reversal(self, key: str, amount_minor: int, at: datetime) -> Reversal | None:
        """Request a reversal, once per key and at most the rest; None if nothing is left.

        Raise WrongState unless the transfer was made.
        """
        if self.state != "made":
            raise WrongState(f"transfer is {self.state}; only one that was made can be reversed", state=self.state)
        if key not in self.reversals and (amount := min(amount_minor, self.left_minor)) > 0:
            self.record(ReversalRequested, at, key=key, amount_minor=amount)
        return self.reversals.get(key)

    def reverse(self, key: str, reversal_id: str, at: datetime) -> bool:
        """Record that a part was reversed; False if already recorded."""
        if self.reversals[key].state != "requested":
            return False
        self.record(TransferReversed, at, key=key, reversal_id=reversal_id)
        return True

    def refuse_reversal(self, key: str, reason: str, at: datetime) -> bool:
        """Record that Stripe refused the reversal; False if already recorded."""
        if self.reversals[key].state != "requested":
            return False
        self.record(ReversalRefused, at, key=key, reason=reason)
        return True
