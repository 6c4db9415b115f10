"""The state of the other systems as the invariants read it: Stripe by balance transactions, chain and engine."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.tickets.leaf import TreeRoot


class StripePayment(NamedTuple):
    """A payment as read from Stripe, in minor units; its amounts are sums of the balance transactions of its charge.

    `net_minor` is the sum of their nets: captured, less refunded, disputed, Stripe's fees and what was transferred.
    Without a purchase it is not ours. One that is not labelled with our deployment is ours only if its purchase is.
    """

    intent_id: str
    purchase_id: str
    currency: str
    captured_minor: int
    refunded_minor: int
    net_minor: int
    is_open: bool
    is_labelled: bool = True
    fees_minor: int = 0
    disputed_minor: int = 0

    def is_own(self, purchases: Container[str]) -> bool:
        """Return whether it belongs to this deployment, which has these purchases."""
        return bool(self.purchase_id) and (self.is_labelled or self.purchase_id in purchases)

    @property
    def kept_minor(self) -> int:
        """The captured amount less refunds."""
        return self.captured_minor - self.refunded_minor

    @property
    def left_minor(self) -> int:
        """What banks have left of it; they may take more than was kept."""
        return max(self.kept_minor - self.disputed_minor, 0)


class StripeEntry(NamedTuple):
    """A balance transaction of our own account that belongs to no payment, such as a payout to our bank."""

    entry_id: str
    kind: str
    currency: str
    net_minor: int
    at: datetime


class ConnectedBalance(NamedTuple):
    """The balance of a venue's account at Stripe, and its payouts under way, which have left it already."""

    balance_minor: Mapping[str, int]
    under_way_minor: Mapping[str, int]


class ExternalState(NamedTuple):
    """The state of the other systems: `running` are owners with a running workflow, `cases` are open cases by payment.

    None: not queried. `patience` is the time allowed between a deadline and the end, for a case of a live order to
    close, and for a movement of our own balance to be booked. `accounts` are the venues' accounts that could be read,
    `entries` and `balance_minor` are our own account's. `roots` are the trees' roots on chain, by the show's mint.
    """

    intents: Sequence[StripePayment]
    supplies: Mapping[str, int]
    now: datetime
    running: frozenset[str] | None = None
    cases: Mapping[str, datetime] | None = None
    patience: timedelta = timedelta(0)
    accounts: Mapping[str, ConnectedBalance] | None = None
    entries: Sequence[StripeEntry] | None = None
    balance_minor: Mapping[str, int] | None = None
    roots: Mapping[str, TreeRoot] | None = None
