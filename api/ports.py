"""What the routes need of the outside, as small protocols, and the parts that the front door puts together."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from activities.catalog.capacity import CapacityCommands
from activities.catalog.prices import PriceCommands
from activities.catalog.register import CatalogCommands
from activities.core.commands import CapacityChange, HoldRef, MintSubject, PurchaseRef, RefundRef
from activities.payouts.ports import AccountStatus, VenueRef
from activities.refunds.cancel_show import ShowCancellationCommands
from activities.refunds.request_refund import RefundCommands
from activities.sales.request_purchase import PurchaseCommands
from activities.sales.ticket_api_holds import HoldCommands
from domain.core.ids import DEFAULT_TENANT
from domain.money.money import FeeRates
from domain.payments.webhook_event import WebhookEvent
from domain.tickets.ticket import Ticket
from domain.tickets.token import TokenState
from workflows.purchase import CheckoutAnswer

Document = Mapping[str, Any]


class Progress(Protocol):
    """How far the read models have come."""

    async def position(self) -> int:
        """Return the position of the last event that the read models contain."""

    async def head(self) -> int:
        """Return the position of the last event that was recorded."""


class ProjectionUpdates(Progress, Protocol):
    """What is new in the read models."""

    async def changed(self, since: int) -> tuple[int, set[str]]:
        """Return the position they have come to, and the purchases of which they learnt after a position."""


class Queries(ProjectionUpdates, Protocol):
    """The read models; documents are plain JSON, None where there is nothing of that name."""

    async def purchase(self, purchase_id: str) -> Document | None:
        """Return a purchase with its timeline and its lines in the books."""

    async def show(self, show_id: str) -> Document | None:
        """Return a show with the availability of each ticket type."""

    async def venue(self, venue_id: str) -> Document | None:
        """Return a venue."""

    async def balance(self, account: str) -> Document:
        """Return an account's balances per unit and its newest lines."""

    async def venue_sums(self, venue_id: str) -> Mapping[tuple[str, str], int]:
        """Return the balance of each of a venue's accounts, by account and unit."""

    async def venue_lines(self, venue_id: str) -> Sequence[Document]:
        """Return every line of a venue's accounts, with its account's balance after it and what it links to."""

    async def ticket(self, ticket_id: str) -> Document | None:
        """Return a ticket."""

    async def discount(self, discount_id: str) -> Document | None:
        """Return a discount."""

    async def refund(self, refund_id: str) -> Document | None:
        """Return a refund."""


class Engine(Protocol):
    """The workflow engine; no call fails when it is away, because a relay repeats it from the events."""

    async def open_purchase(self, purchase: PurchaseRef, show_id: str, venue_id: str) -> CheckoutAnswer | None:
        """Start a purchase and wait for its checkout; None when too many do, or when nobody answered in time."""

    async def buyer_cancelled(self, purchase_id: str) -> bool | None:
        """Tell a purchase that its buyer's cancel was recorded."""

    async def look_again(self, purchase_id: str) -> bool | None:
        """Tell a purchase to look at its payment."""

    async def register(self, subject: MintSubject) -> bool:
        """Start the registration of a venue or a show."""

    async def watch_hold(self, hold: HoldRef) -> bool:
        """Start the end of an internal hold."""

    async def hold_ended(self, reservation_id: str) -> bool | None:
        """Tell a hold's workflow that it ended earlier."""

    async def start_refund(self, refund: RefundRef) -> bool:
        """Start a refund that was decided."""

    async def start_cancellation(self, tenant_id: str, show_id: str) -> bool:
        """Start giving a cancelled show back."""

    async def cancellation_news(self, show_id: str) -> bool | None:
        """Tell a cancellation that its terms have changed."""


class CancelledShows(Protocol):
    """Cancelled shows in the read models."""

    async def cancellation(self, show_id: str) -> Document | None:
        """Return how a cancelled show stands, in exact numbers."""


class PayoutAccounts(Protocol):
    """Who sets up venues' accounts."""

    async def onboard(self, venue: VenueRef) -> AccountStatus | None:
        """Begin or go on with a venue's account, and return how it stands; None when nobody answered in time."""


class Buyers(Protocol):
    """The table of personal data."""

    async def keep(
        self, buyer_id: str, tenant_id: str, name: str | None, email: str | None, wallet: str | None
    ) -> None:
        """Keep a buyer; the same id again changes nothing."""

    async def forget(self, buyer_id: str) -> None:
        """Forget a buyer."""


class ClientSecrets(Protocol):
    """The client secrets of open checkouts."""

    async def get(self, purchase_id: str) -> str | None:
        """Return a secret, if there is one."""


class WebhookInbox(Protocol):
    """Where verified webhooks are kept."""

    async def store(self, webhook: WebhookEvent) -> bool:
        """Store a webhook; False when it was known."""

    async def mark(self, event_id: str) -> None:
        """Say that a webhook was acted on."""


@dataclass(frozen=True)
class Limits:
    """What the deployment allows: holds, fees, the internal API's bearer token, metrics, and the callers' tenant.

    A checkout opens within `queue_seconds`; a named buyer has so many tickets of a show (its default) and so many open
    purchases at most.
    """

    hold_seconds: int
    hold_seconds_max: int
    rates: FeeRates
    internal_token: str | None = None
    metrics: bool = True
    tenant_id: str = DEFAULT_TENANT
    queue_seconds: int = 600
    buyer_tickets_max: int = 50
    open_purchases_max: int = 20


@dataclass(frozen=True)
class Dependencies:
    """Everything that the routes use.

    `verify` reads a webhook and refuses a forged one; `pseudonym` stands for a name and does not tell it.
    """

    purchases: PurchaseCommands
    catalog: CatalogCommands
    holds: HoldCommands
    prices: PriceCommands
    refunds: RefundCommands
    cancellations: ShowCancellationCommands
    cancelled: CancelledShows
    queries: Queries
    engine: Engine
    payouts: PayoutAccounts
    buyers: Buyers
    secrets: ClientSecrets
    inbox: WebhookInbox
    verify: Callable[[bytes, str], WebhookEvent]
    is_wallet: Callable[[str], bool]
    pseudonym: Callable[[str], str]
    read_ticket: Callable[[str], Awaitable[tuple[Ticket, TokenState | None]]]
    limits: Limits
    capacity: CapacityCommands
    change_capacity: Callable[[CapacityChange], Awaitable[bool]]
