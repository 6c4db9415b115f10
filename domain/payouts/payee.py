"""Payee: a venue's Stripe account, and its debt to us."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import WrongState


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of a Stripe account, none of one that is gone; `asked_for` counts Stripe's open requirements."""

    may_receive: bool = False
    may_pay_out: bool = False
    asked_for: int = 0
    is_gone: bool = False
    settlement_currencies: tuple[str, ...] = ()


class PayeeNamed(CreatedEvent["Payee"]):
    """A venue was registered as a payee."""

    TOPIC = "payee.named"

    tenant_id: str


class AccountConnected(DomainEvent["Payee"]):
    """The venue has a Stripe account, in any state."""

    TOPIC = "payee.account-connected"

    account_id: str

    apply = sets("account_id")


class AccountChanged(DomainEvent["Payee"]):
    """The capabilities of the account changed."""

    TOPIC = "payee.account-changed"

    may_receive: bool
    may_pay_out: bool
    asked_for: int
    is_gone: bool = False
    settlement_currencies: Sequence[str] = ()

    def apply(self, payee: "Payee") -> None:
        """Set the capabilities."""
        settled = tuple(self.settlement_currencies)
        payee.abilities = Capabilities(self.may_receive, self.may_pay_out, self.asked_for, self.is_gone, settled)


class ShortfallNoted(DomainEvent["Payee"]):
    """The venue owes us an amount (negative: we owe the venue).

    Such as a refund that could not be reversed from it, or fees and tax of its cash sales.
    """

    TOPIC = "payee.debt-recorded"

    key: str
    currency: str
    amount_minor: int

    def apply(self, payee: "Payee") -> None:
        """Add the amount to the debt."""
        payee.owe(self.key, self.currency, self.amount_minor)


class ShortfallNetted(DomainEvent["Payee"]):
    """The debt was deducted from a later share (negative: we paid our debt with the share)."""

    TOPIC = "payee.debt-deducted"

    key: str
    currency: str
    amount_minor: int

    def apply(self, payee: "Payee") -> None:
        """Subtract the amount from the debt."""
        payee.owe(self.key, self.currency, -self.amount_minor)


class Payee(Aggregate):
    """The payee of one venue; its id is the venue's."""

    TOPIC = "payee"
    STREAM_CATEGORY = "payee"

    tenant_id: str
    account_id: str | None = None
    abilities: Capabilities = Capabilities()
    owed_minor: dict[str, int] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    @property
    def settlement_currencies(self) -> tuple[str, ...]:
        """The currencies of the account's bank accounts; empty while they are not known."""
        return self.abilities.settlement_currencies

    def connect(self, account_id: str, at: datetime) -> None:
        """Set the account, idempotently; raise WrongState if the venue has another one that is not gone."""
        if self.account_id is None or (self.account_id != account_id and self.abilities.is_gone):
            self.record(AccountConnected, at, account_id=account_id)
        elif self.account_id != account_id:
            raise WrongState("the venue already has a different Stripe account", account_id=self.account_id)

    def record_capabilities(self, abilities: Capabilities, at: datetime) -> None:
        """Record the account's capabilities; the same again changes nothing."""
        if abilities != self.abilities:
            self.record(AccountChanged, at, **asdict(abilities))

    def note_shortfall(self, key: str, currency: str, amount_minor: int, at: datetime) -> None:
        """Record a debt of the venue, once per key (negative: we owe the venue)."""
        if key not in self.keys:
            self.record(ShortfallNoted, at, key=key, currency=currency, amount_minor=amount_minor)

    def net(self, key: str, currency: str, share_minor: int, at: datetime, room_minor: int = 0) -> int:
        """Deduct the debt from a share, at most all of it, once per key; return the rest of the share.

        A negative debt is added to the share, at most `room_minor`.
        """
        taken = max(min(self.owed_minor.get(currency, 0), share_minor), -room_minor)
        if taken and key not in self.keys:
            self.record(ShortfallNetted, at, key=key, currency=currency, amount_minor=taken)
            return share_minor - taken
        return share_minor

    def owe(self, key: str, currency: str, amount_minor: int) -> None:
        """Assign a change of the debt."""
        self.keys.add(key)
        self.owed_minor[currency] = self.owed_minor.get(currency, 0) + amount_minor
