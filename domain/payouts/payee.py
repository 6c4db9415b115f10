"""Payee: a venue as somebody who is paid: its account at Stripe, and what it owes us."""

from dataclasses import dataclass
from datetime import datetime

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.errors import WrongState


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What Stripe lets an account do; `asked_for` counts what Stripe still wants to know of it."""

    may_receive: bool = False
    may_pay_out: bool = False
    asked_for: int = 0


class PayeeNamed(CreatedEvent["Payee"]):
    """A venue wants to be paid."""

    TOPIC = "payee.named"

    tenant_id: str


class AccountConnected(DomainEvent["Payee"]):
    """The venue has an account at Stripe, in whatever state."""

    TOPIC = "payee.account-connected"

    account_id: str

    def apply(self, payee: "Payee") -> None:
        """Remember it."""
        payee.account_id = self.account_id


class AccountChanged(DomainEvent["Payee"]):
    """Stripe lets the account do something else than before."""

    TOPIC = "payee.account-changed"

    may_receive: bool
    may_pay_out: bool
    asked_for: int

    def apply(self, payee: "Payee") -> None:
        """Take it over."""
        payee.abilities = Capabilities(self.may_receive, self.may_pay_out, self.asked_for)


class ShortfallNoted(DomainEvent["Payee"]):
    """The venue owes us what it has and is not its own; below nothing, it has been taken too much.

    Money that was given back to a buyer and could not be taken from it; fees and tax of what its box office sold.
    """

    TOPIC = "payee.debt-recorded"

    key: str
    currency: str
    amount_minor: int

    def apply(self, payee: "Payee") -> None:
        """Add it to what is owed."""
        payee.owe(self.key, self.currency, self.amount_minor)


class ShortfallNetted(DomainEvent["Payee"]):
    """A later sale's share paid for what the venue owed; below nothing, we gave back with it what was too much."""

    TOPIC = "payee.debt-deducted"

    key: str
    currency: str
    amount_minor: int

    def apply(self, payee: "Payee") -> None:
        """Take it off what is owed."""
        payee.owe(self.key, self.currency, -self.amount_minor)


class Payee(Aggregate):
    """One venue's account at Stripe; its id is the venue's."""

    TOPIC = "payee"
    STREAM_CATEGORY = "payee"

    def __init__(self, tenant_id: str) -> None:
        """Start without an account."""
        self.tenant_id = tenant_id
        self.account_id: str | None = None
        self.abilities = Capabilities()
        self.owed_minor: dict[str, int] = {}
        self.keys: set[str] = set()

    def connect(self, account_id: str, at: datetime) -> None:
        """Take the account that was made; a venue has one."""
        if self.account_id is None:
            self.record(AccountConnected, at, account_id=account_id)
        elif self.account_id != account_id:
            raise WrongState("the venue already has a different Stripe account", account_id=self.account_id)

    def see(self, abilities: Capabilities, at: datetime) -> None:
        """Record what Stripe says of the account; the same again changes nothing."""
        if abilities != self.abilities:
            values = {
                "may_receive": abilities.may_receive,
                "may_pay_out": abilities.may_pay_out,
                "asked_for": abilities.asked_for,
            }
            self.record(AccountChanged, at, **values)

    def note_shortfall(self, key: str, currency: str, amount_minor: int, at: datetime) -> None:
        """Record that the venue owes us, once per key."""
        if key not in self.keys:
            self.record(ShortfallNoted, at, key=key, currency=currency, amount_minor=amount_minor)

    def net(self, key: str, currency: str, share_minor: int, at: datetime, room_minor: int = 0) -> int:
        """Take what is owed out of a share, at most all of it; returns what is left of the share.

        What the venue was taken too much goes with it, as far as there is room.
        """
        taken = max(min(self.owed_minor.get(currency, 0), share_minor), -room_minor)
        if taken and key not in self.keys:
            self.record(ShortfallNetted, at, key=key, currency=currency, amount_minor=taken)
            return share_minor - taken
        return share_minor

    def owe(self, key: str, currency: str, amount_minor: int) -> None:
        """Assign what was decided."""
        self.keys.add(key)
        self.owed_minor[currency] = self.owed_minor.get(currency, 0) + amount_minor
