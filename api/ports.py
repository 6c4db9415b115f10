"""The ports of the routes, and the dependencies that the front door assembles."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

from activities.access.webhooks.endpoints import EndpointCommands
from activities.catalog.capacity import CapacityCommands
from activities.catalog.prices import PriceCommands
from activities.catalog.register import CatalogCommands
from activities.core.about import About
from activities.core.commands import CapacityChange, HoldRef, MintSubject, MintTicket, PurchaseRef, RefundRef
from activities.core.follow_ups import FollowUpCommands
from activities.payouts.ports import AccountStatus, VenueRef
from activities.refunds.cancel_show import ShowCancellationCommands
from activities.refunds.request_refund import RefundCommands
from activities.sales.correct_buyer import BuyerCorrection
from activities.sales.door.entry import DoorCommands
from activities.sales.erase_buyer import BuyerErasure
from activities.sales.request_purchase import PurchaseCommands
from activities.sales.ticket_api_holds import HoldCommands
from activities.tokens.claims.request import ClaimCommands
from activities.tokens.claims.wallets import WalletCheck
from api.terms import Limits, ShopTerms
from domain.access.subject import Subject
from domain.core.ids import Identity
from domain.money.platform_statement import PlatformStatement
from domain.money.statement import Statement, StatementQuery, TaxSum
from domain.orders.personal_data import KeptBuyer, PersonalData
from domain.payments.webhook_event import WebhookEvent
from domain.tickets.admission import PresentedCode
from domain.tickets.ticket import Ticket
from domain.tickets.token import TokenState
from domain.views.access import AuditEntry, AuditQuery, DoorDocument
from domain.views.catalog import (
    DiscountDocument,
    FileDocument,
    SalesUnit,
    ShowFields,
    ShowSales,
    StockedShow,
    VenueDocument,
)
from domain.views.listed import D, Listing, ListQuery, Page, R
from domain.views.minting import LeafState
from domain.views.outgoing.endpoint import DeliveryEntry, EndpointFilter
from domain.views.outgoing.event import OutgoingEvent, OutgoingQuery
from domain.views.payouts import AccountDocument
from domain.views.purchase import PurchaseHistory, RefundDocument, TicketDocument
from domain.views.show_cancellation import CancellationStatus
from workflows.purchase import CheckoutAnswer


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Authenticator(Protocol):
    """Knows the subjects."""

    async def subject_of(self, credential: str) -> Subject | None:
        """Return the subject of a key; None for a key that is unknown, expired or revoked."""

    async def recheck(self, credential: str) -> Subject | None:
        """Return the subject of a key whose request is being answered; None once the key is no longer good."""

    def purchase_token(self, purchase_id: str) -> str:
        """Return the token of a purchase."""

    def session_of(self, credential: str) -> str:
        """Return the session in which a browser keeps a key."""

    def credential_in(self, session: str) -> str | None:
        """Return the key of a session; None without one that is good."""


class Progress(Protocol):
    """The position of the read models, and of the event store."""

    async def position(self) -> int:
        """Return the position of the last event in the read models."""

    async def head(self) -> int:
        """Return the position of the last recorded event."""


class ProjectionUpdates(Progress, Protocol):
    """Changes of the read models."""

    async def changed(self, since: int) -> tuple[int, set[str]]:
        """Return the position of the read models, and the purchases that changed after a position."""


class Queries(ProjectionUpdates, Protocol):
    """The read models; None where nothing has that id."""

    async def purchase(self, purchase_id: str) -> PurchaseHistory | None:
        """Return a purchase with its timeline and its postings."""

    async def show(self, show_id: str) -> StockedShow | None:
        """Return a show with the availability of each ticket type."""

    async def venue(self, venue_id: str) -> VenueDocument | None:
        """Return a venue."""

    async def file(self, cid: str) -> FileDocument | None:
        """Return a file of tokens' metadata."""

    async def balance(self, account: str) -> AccountDocument:
        """Return an account's balances per unit and its newest lines."""

    async def venue_sums(self, venue_id: str) -> Mapping[tuple[str, str], int]:
        """Return the balance of each of a venue's accounts, by account and unit."""

    async def statement(self, venue_id: str, query: StatementQuery) -> Statement:
        """Return a page of a venue's statement."""

    async def platform_statement(self, query: StatementQuery) -> PlatformStatement:
        """Return a page of the platform's statement."""

    async def taxes(self, venue_id: str, query: StatementQuery) -> list[TaxSum]:
        """Return the tax of a venue's sales in a period, by currency, rate and kind of posting."""

    async def sales(self, show: ShowFields, unit: SalesUnit) -> ShowSales:
        """Return the sales of a show by hour or day of its time zone, and the tokens of its tickets."""

    async def ticket(self, ticket_id: str) -> TicketDocument | None:
        """Return a ticket."""

    async def ticket_named(self, public_name: str) -> TicketDocument | None:
        """Return the ticket with this name on chain."""

    async def ticket_minted_at(self, mint_address: str) -> TicketDocument | None:
        """Return the ticket whose token is at this address."""

    async def discount(self, discount_id: str) -> DiscountDocument | None:
        """Return a discount."""

    async def door(self, show_id: str) -> DoorDocument | None:
        """Return the counts of a show's door; None before its first scan."""

    async def refund(self, refund_id: str) -> RefundDocument | None:
        """Return a refund."""

    async def page(self, listing: Listing[D, R], query: ListQuery) -> Page[R]:
        """Return a page of a list of the actor's tenant, and of its venue where it is bound to one."""

    async def audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Return the audit entries of a tenant after a position, oldest first."""

    async def outgoing(self, query: OutgoingQuery) -> list[OutgoingEvent]:
        """Return outgoing events of a tenant after a position, oldest first."""

    async def endpoint_ids(self, tenant_id: str) -> list[str]:
        """Return the ids of a tenant's webhook endpoints that are not deleted, oldest first."""


class Deliveries(Protocol):
    """The log of deliveries to webhook endpoints."""

    async def entries(self, endpoint_id: str, before: int, limit: int) -> list[DeliveryEntry]:
        """Return what became of an endpoint's events, the newest first, below a position."""

    async def send_again(self, wanted: EndpointFilter, event_id: str) -> int:
        """Make one event due again; return how many were found: one or none."""

    async def send_since(self, wanted: EndpointFilter, since: datetime) -> int:
        """Make every event of the endpoint since a time due again; return how many."""


class Engine(Protocol):
    """Temporal; no call fails when it is unavailable, because the relay repeats it from the events."""

    async def open_purchase(self, purchase: PurchaseRef, about: About) -> CheckoutAnswer | None:
        """Start a purchase and wait for its checkout; None when too many wait, or without an answer in time."""

    async def buyer_cancelled(self, purchase_id: str) -> bool | None:
        """Signal a purchase that its buyer's cancel was recorded."""

    async def look_again(self, purchase_id: str) -> bool | None:
        """Signal a purchase to read its payment."""

    async def register(self, subject: MintSubject, about: About) -> bool:
        """Start the registration of a venue or a show."""

    async def watch_hold(self, hold: HoldRef, about: About) -> bool:
        """Start the workflow that ends an internal hold."""

    async def hold_ended(self, reservation_id: str) -> bool | None:
        """Signal a hold's workflow that the hold has ended."""

    async def start_refund(self, refund: RefundRef, about: About) -> bool:
        """Start a refund that was decided."""

    async def start_claim(self, claimed: MintTicket, about: About) -> bool:
        """Start the delivery of a claim that was recorded."""

    async def start_cancellation(self, tenant_id: str, about: About) -> bool:
        """Start the refunds of a cancelled show."""

    async def endpoint_news(self, endpoint_id: str) -> bool | None:
        """Signal the deliveries to a webhook endpoint that it has changed."""

    async def cancellation_news(self, show_id: str) -> bool | None:
        """Signal a show cancellation that its terms have changed."""


class TicketCodes(Protocol):
    """Makes, reads and draws tickets' codes."""

    def make(self, ticket_id: str, generation: int) -> str:
        """Return the code of a ticket in a generation."""

    def read(self, code: str) -> PresentedCode | None:
        """Return the ticket and the generation of a code; None for a text that no key has made."""

    def draw(self, code: str, form: Literal["svg", "png"]) -> bytes:
        """Return the QR code of a code as a picture."""


class CancelledShows(Protocol):
    """Cancelled shows in the read models."""

    async def cancellation(self, show_id: str) -> CancellationStatus | None:
        """Return the progress of a cancelled show, in exact numbers."""


class PayoutAccounts(Protocol):
    """Sets up venues' accounts at Stripe."""

    async def onboard(self, venue: VenueRef) -> AccountStatus | None:
        """Set up a venue's account and return its status; None without an answer in time."""


class Buyers(Protocol):
    """The table of personal data."""

    async def keep(
        self, buyer_id: str, tenant_id: str, purchase_id: str, personal: PersonalData, allowance_ids: Sequence[str]
    ) -> tuple[str, ...]:
        """Keep a buyer; the same id again changes nothing.

        Return the ids under which the person's tickets are counted, by e-mail address and by wallet: the given ones
        where they are new.
        """

    async def forget(self, buyer_id: str) -> None:
        """Forget a buyer whom no event names."""

    async def read(self, buyer_id: str) -> KeptBuyer | None:
        """Return a buyer."""

    async def of_purchase(self, purchase_id: str) -> list[KeptBuyer]:
        """Return the buyers that the attempts at a purchase named."""

    async def purchases_of(self, tenant_id: str, *, email: str | None, name: str | None, limit: int) -> list[str]:
        """Return purchases of buyers with this e-mail address in any spelling, or with all words of this name."""


class ClientSecrets(Protocol):
    """The client secrets of open checkouts."""

    async def get(self, purchase_id: str) -> str | None:
        """Return a secret, if there is one."""


class WebhookInbox(Protocol):
    """The store of verified webhooks."""

    async def store(self, webhook: WebhookEvent) -> bool:
        """Store a webhook; False when it was known."""

    async def mark(self, event_id: str) -> None:
        """Mark a webhook as handled."""


RateClass = Literal["api", "health", "webhook"]


class LeafQueries(Protocol):
    """Tickets' leaves; None for a ticket that never was one."""

    async def read_leaf(self, ticket_id: str) -> LeafState | None:
        """Return a leaf with its proof against the root on chain now."""

    async def recorded_leaf(self, ticket_id: str) -> LeafState | None:
        """Return a leaf with its proof against the newest root that was seen final; asks no chain."""


class RateCheck(Protocol):
    """The limits on requests per minute."""

    async def __call__(self, subject: str | None, address: str | None, rate_class: RateClass = "api", /) -> None:
        """Count a request; raise the problem 429 beyond a limit."""


@dataclass(frozen=True)
class Dependencies:
    """The dependencies of the routes.

    `verify` returns the event of a webhook and refuses a forged one, `verify_connect` does so with the secrets of the
    venues' endpoint; `identity` derives the ids of what requests make.
    """

    authenticator: Authenticator
    purchases: PurchaseCommands
    catalog: CatalogCommands
    holds: HoldCommands
    prices: PriceCommands
    refunds: RefundCommands
    door: DoorCommands
    ticket_codes: TicketCodes
    cancellations: ShowCancellationCommands
    cancelled: CancelledShows
    queries: Queries
    engine: Engine
    payouts: PayoutAccounts
    follow_ups: FollowUpCommands
    buyers: Buyers
    erasure: BuyerErasure
    correction: BuyerCorrection
    secrets: ClientSecrets
    inbox: WebhookInbox
    verify: Callable[[bytes, str], WebhookEvent]
    verify_connect: Callable[[bytes, str], WebhookEvent]
    wallets: WalletCheck
    claims: ClaimCommands
    identity: Identity
    read_ticket: Callable[[str], Awaitable[tuple[Ticket, TokenState | None]]]
    leaves: LeafQueries
    limits: Limits
    check_rate: RateCheck
    capacity: CapacityCommands
    change_capacity: Callable[[CapacityChange, About], Awaitable[bool]]
    endpoints: EndpointCommands
    deliveries: Deliveries
    publishable_key: str = ""
    shop: ShopTerms = field(default_factory=ShopTerms)
    now: Callable[[], datetime] = utc_now
