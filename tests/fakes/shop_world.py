"""Dependencies of the API in memory: event store, read models, an engine that sells, tables."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from activities.access.keys import CreateKey, KeyCommands
from activities.access.webhooks.endpoints import EndpointCommands
from activities.books.post import BooksActivities
from activities.catalog.capacity import CapacityCommands
from activities.catalog.prices import PriceCommands
from activities.catalog.register import CatalogCommands
from activities.core.commands import (
    EndPurchase,
    MintTicket,
    PurchaseRef,
)
from activities.core.follow_ups import FollowUpCommands
from activities.refunds.cancel_show import ShowCancellationCommands
from activities.refunds.request_refund import RefundCommands
from activities.sales.correct_buyer import BuyerCorrection
from activities.sales.door.entry import DoorCommands
from activities.sales.erase_buyer import BuyerErasure
from activities.sales.order import SalesActivities
from activities.sales.request_purchase import PurchaseCommands
from activities.sales.ticket_api_holds import HoldCommands
from activities.tokens.claims.request import ClaimCommands, WalletProofs
from activities.tokens.claims.wallets import WalletCheck
from activities.tokens.trees.proof import LeafReader
from adapters.privacy.sessions import SealedSessions
from adapters.privacy.ticket_codes import SealedCodes
from adapters.read_models.documents import (
    ALLOCATIONS,
    CANCELLATIONS,
    DISCOUNTS,
    DOORS,
    FILES,
    PURCHASES,
    REFUNDS,
    SHOWS,
    TICKETS,
    VENUES,
    DocumentBatch,
    Owner,
    ReadModel,
    V,
)
from adapters.read_models.purchase import fold
from adapters.read_models.queries import with_stock
from adapters.solana.keys import has_signed
from api.http.authenticator import DEVELOPMENT_SUBJECT, KeyAuthenticator
from api.ports import Dependencies, RateCheck, RateClass
from api.terms import Limits
from domain.access.api_key import KeyKind
from domain.access.subject import Scope
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.actor import present_actor
from domain.core.ids import DEFAULT_TENANT
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import Posting, balances
from domain.money.money import FeeRates
from domain.money.platform_statement import PlatformStatement
from domain.money.statement import Statement, StatementQuery, TaxSum
from domain.payments.payment import Payment, PaymentRefunded
from domain.tickets.has_token import TokenizedAggregate
from domain.tickets.ticket import Ticket
from domain.tickets.token import TokenState
from domain.views.access import DoorDocument
from domain.views.catalog import (
    DiscountDocument,
    FileDocument,
    SalesUnit,
    ShowFields,
    ShowSales,
    StockedShow,
    VenueDocument,
)
from domain.views.payouts import AccountDocument
from domain.views.purchase import PurchaseHistory, RefundDocument, TicketDocument, TimelineEntry
from domain.views.show_cancellation import CancellationProgress, CancellationStatus
from tests.fakes.api_client import EVERY_SCOPE
from tests.fakes.connect import ConnectingVenues
from tests.fakes.event_store import FakeEventStore
from tests.fakes.identity import IDENTITY
from tests.fakes.log_reads import LogReads
from tests.fakes.memory_lists import MemoryLists
from tests.fakes.paying import capture
from tests.fakes.recomputed import platform_statement, show_sales, venue_statement, venue_sums, venue_taxes
from tests.fakes.selling_engine import SellingEngine
from tests.fakes.small_tables import MemoryBuyers, MemoryCheckouts, MemoryInbox, MemoryKeyUses
from tests.fakes.token_chain import FakeTokenChain
from tests.fakes.webhook_box import MemoryDeliveries, MemoryEndpointSecrets
from tests.fakes.webhooks import verify

WALLET = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB"
CODES = SealedCodes({"k2": bytes(range(32)), "k1": bytes(range(1, 33))}, IDENTITY.deployment_id)
SESSIONS = SealedSessions(bytes(range(2, 34)))
NOTHING_COUNTED: Any = dict.fromkeys(CancellationProgress.__annotations__, 0)


class MemoryReads(MemoryLists, LogReads):
    """Read models of a fake event store; brought up to date at each query, unless `behind`."""

    def __init__(self, store: FakeEventStore) -> None:
        self._store = store
        self._batch = DocumentBatch(lambda kind, identity: None)
        self._position = 0
        self.behind = False

    def catch_up(self) -> DocumentBatch:
        if not self.behind:
            for position, event in enumerate(self._store.log[self._position :], start=self._position + 1):
                fold(self._batch, event, position)
                self._position = position
        return self._batch

    async def position(self) -> int:
        self.catch_up()
        return self._position

    async def head(self) -> int:
        return len(self._store.log)

    async def changed(self, since: int) -> tuple[int, set[str]]:
        documents = self.catch_up()
        return self._position, {line.purchase_id for line in documents.timeline if line.position > since}

    async def purchase(self, purchase_id: str) -> PurchaseHistory | None:
        found = self._document(PURCHASES, purchase_id)
        if found is None:
            return None
        timeline: list[TimelineEntry] = [
            {"position": line.position, "at": line.at.isoformat(), "event": line.event, "text": line.text}
            for line in self._batch.timeline
            if line.purchase_id == purchase_id
        ]
        return {**found, "timeline": timeline, "postings": []}

    async def show(self, show_id: str) -> StockedShow | None:
        found = self._document(SHOWS, show_id)
        if found is None:
            return None
        ids = [item["ticket_type_id"] for item in found["ticket_types"]]
        stock = {identity: self._document(ALLOCATIONS, identity) for identity in ids}
        return with_stock(found, {identity: document for identity, document in stock.items() if document})

    async def file(self, cid: str) -> FileDocument | None:
        return self.catch_up().find(FILES, cid)

    async def venue(self, venue_id: str) -> VenueDocument | None:
        return self._document(VENUES, venue_id)

    async def balance(self, account: str) -> AccountDocument:
        documents = self.catch_up()
        moved = [line for line in documents.postings if line.amount]
        postings = [Posting(line.debit, line.credit, line.amount, line.unit) for line in moved]
        sums = [(unit, total) for (name, unit), total in balances(postings).items() if name == account]
        return {"balances": [{"currency": unit, "balance_minor": total} for unit, total in sums], "lines": []}

    async def venue_sums(self, venue_id: str) -> dict[tuple[str, str], int]:
        return venue_sums(self.catch_up(), venue_id)

    async def statement(self, venue_id: str, query: StatementQuery) -> Statement:
        return venue_statement(self.catch_up(), venue_id, query)

    async def platform_statement(self, query: StatementQuery) -> PlatformStatement:
        return platform_statement(self.catch_up(), query)

    async def taxes(self, venue_id: str, query: StatementQuery) -> list[TaxSum]:
        return venue_taxes(self.catch_up(), venue_id, query)

    async def sales(self, show: ShowFields, unit: SalesUnit) -> ShowSales:
        return show_sales(self.catch_up(), show, unit)

    async def ticket(self, ticket_id: str) -> TicketDocument | None:
        return self._document(TICKETS, ticket_id)

    async def ticket_named(self, public_name: str) -> TicketDocument | None:
        return self._ticket(lambda one: one["public_name"] == public_name)

    async def ticket_minted_at(self, mint_address: str) -> TicketDocument | None:
        return self._ticket(lambda one: one["mint_address"] == mint_address)

    def _ticket(self, is_it: Callable[[TicketDocument], bool]) -> TicketDocument | None:
        tickets = [document for kind, _, document in self.catch_up().changed() if kind == TICKETS.name]
        return next((self._document(TICKETS, one["ticket_id"]) for one in tickets if is_it(one)), None)

    async def discount(self, discount_id: str) -> DiscountDocument | None:
        return self._document(DISCOUNTS, discount_id)

    async def door(self, show_id: str) -> DoorDocument | None:
        return self._document(DOORS, show_id)

    async def refund(self, refund_id: str) -> RefundDocument | None:
        return self._document(REFUNDS, refund_id)

    async def cancellation(self, show_id: str) -> CancellationStatus | None:
        found = self._document(CANCELLATIONS, show_id)
        return None if found is None else {**found, "progress": NOTHING_COUNTED}

    def _document(self, model: ReadModel[V], identity: str) -> V | None:
        documents = self.catch_up()
        found: Any = documents.find(model, identity)
        actor = present_actor()
        if found is not None and actor is not None:
            owner = Owner.of(found)
            show = documents.find(SHOWS, owner.show_id) if owner.show_id else None
            venue_id = owner.venue_id or (show["venue_id"] if show else None)
            found = found if actor.may_see(owner.tenant_id, venue_id) else None
        copied: V | None = json.loads(json.dumps(found))
        return copied


async def no_rate_limit(subject: str | None, address: str | None, rate_class: RateClass = "api", /) -> None:
    """Allow every request."""


class ApiWorld:
    """The dependencies of `create_app`, and shortcuts for tests."""

    def __init__(self, *, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = clock or (lambda: datetime(2026, 1, 1, tzinfo=UTC))
        self.store = FakeEventStore(lambda: self.clock())  # noqa: PLW0108 - a test may set another clock
        self.reads = MemoryReads(self.store)
        self.secrets = MemoryCheckouts()
        self.engine = SellingEngine(self.store, self.secrets)
        self.buyers = MemoryBuyers(self.has_ended)
        self.inbox = MemoryInbox()
        self.endpoint_secrets = MemoryEndpointSecrets()
        self.deliveries = MemoryDeliveries(lambda: self.reads.catch_up().outgoing, lambda: len(self.store.log))
        self.tokens: dict[str, TokenState] = {}
        self.chain_is_away = False
        self.chain = FakeTokenChain()
        self.check_rate: RateCheck = no_rate_limit
        self.keys = KeyCommands(self.store)
        self.authenticator = KeyAuthenticator(
            self.keys, MemoryKeyUses(), {EVERY_SCOPE: DEVELOPMENT_SUBJECT}, IDENTITY, SESSIONS
        )
        self.limits = Limits(hold_seconds=600, hold_seconds_max=3600, rates=FeeRates())

    def deps(self) -> Dependencies:
        return Dependencies(
            authenticator=self.authenticator,
            purchases=PurchaseCommands(self.store),
            catalog=CatalogCommands(self.store),
            holds=HoldCommands(self.store),
            prices=PriceCommands(self.store),
            refunds=RefundCommands(self.store),
            door=DoorCommands(self.store),
            ticket_codes=CODES,
            cancellations=ShowCancellationCommands(self.store),
            cancelled=self.reads,
            queries=self.reads,
            engine=self.engine,
            payouts=ConnectingVenues(),
            follow_ups=FollowUpCommands(self.store),
            buyers=self.buyers,
            erasure=BuyerErasure(self.store, self.buyers),
            correction=BuyerCorrection(self.store, self.buyers),
            secrets=self.secrets,
            inbox=self.inbox,
            verify=verify,
            verify_connect=verify,
            wallets=(wallets := WalletCheck(self.chain)),
            claims=ClaimCommands(self.store, self.buyers, WalletProofs(wallets, has_signed, self.chain), IDENTITY),
            identity=IDENTITY,
            read_ticket=self.read_ticket,
            leaves=LeafReader(self.store, self.chain),
            limits=self.limits,
            check_rate=self.check_rate,
            capacity=CapacityCommands(self.store),
            change_capacity=self.engine.change_capacity,
            endpoints=EndpointCommands(self.store, self.endpoint_secrets),
            deliveries=self.deliveries,
            now=lambda: self.clock(),  # noqa: PLW0108 - a test may set another clock
        )

    async def key(self, *scopes: Scope, tenant_id: str = DEFAULT_TENANT, kind: KeyKind = "secret", **more: Any) -> str:
        """Create a key and return its text."""
        command = CreateKey(tenant_id=tenant_id, kind=kind, label="", scopes=scopes, **more)
        return str(await self.keys.create(command))

    def has_ended(self, purchase_id: str) -> bool:
        found = self.reads.catch_up().edit(PURCHASES, purchase_id)
        return found is not None and found["state"] in {"fulfilled", "cancelled", "refused"}

    async def read_ticket(self, ticket_id: str) -> tuple[Ticket, TokenState | None]:
        ticket = await self.store.read(lambda uow: uow.get(Ticket, ticket_id))
        if self.chain_is_away:
            raise TransientError("the chain is away")
        return ticket, self.tokens.get(ticket_id)

    async def stand_on_chain(self, kind: type[TokenizedAggregate], identity: str) -> None:
        """Mint the token of a venue, a show or a ticket; for a show also open its sale."""

        def decide(uow: UnitOfWork) -> None:
            bearer = uow.get(kind, identity)
            bearer.mint_token(f"mint-of-{identity}", f"signature-of-{identity}", uow.at)
            if isinstance(bearer, Show):
                bearer.open_sale(uow.at)

        await self.store.commit(decide)

    async def announce(self, venue_id: str, show_id: str) -> None:
        """Put a venue and its show on chain, and the show on sale."""
        await self.stand_on_chain(Venue, venue_id)
        await self.stand_on_chain(Show, show_id)

    async def confirm(self, purchase_id: str) -> None:
        """Confirm an order whose seats are confirmed."""
        purchase = PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1)
        await SalesActivities(self.store).confirm_order(purchase)

    async def end(self, purchase_id: str) -> None:
        """End an order without a sale."""
        purchase = PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1)
        await self.store.commit(lambda uow: uow.get(Payment, f"{purchase_id}:1").cancel(uow.at))
        await SalesActivities(self.store).cancel_order(EndPurchase(purchase=purchase, reason="hold-expired"))

    async def refund(self, purchase_id: str, refund_id: str, amount_minor: int) -> None:
        """Refund captured money before its sale as 0.1.0 did: without a refund of ours."""
        events, name = {"refund_id": refund_id, "amount_minor": amount_minor}, f"{purchase_id}:1"
        await self.store.commit(lambda uow: uow.get(Payment, name).record(PaymentRefunded, uow.at, **events))

    async def pay(self, purchase_id: str) -> None:
        """Pay an open checkout and fulfil the purchase."""
        purchase = PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1)
        sales, books = SalesActivities(self.store), BooksActivities(self.store)
        await sales.confirm_seats(purchase)
        await self.store.commit(lambda uow: capture(uow, purchase_id))
        await sales.confirm_order(purchase)
        await books.settle_sale(purchase)
        for ticket_id in (await sales.place_order(purchase)).ticket_ids:
            await self.stand_on_chain(Ticket, ticket_id)
            await books.settle_mint(MintTicket(purchase=purchase, ticket_id=ticket_id))
        await sales.fulfil_order(purchase)
        self.secrets.kept.pop(purchase_id, None)
