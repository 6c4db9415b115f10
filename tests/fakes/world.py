"""One world of fakes behind the real activities and workflows, and the invariants that must hold in it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Unpack

from solders.keypair import Keypair
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import Interceptor, PollerBehaviorSimpleMaximum, WorkflowRunner
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError

from activities.access.operator_acts import OperatorActivities
from activities.access.webhooks.deliver import WebhookActivities
from activities.books.post import BooksActivities
from activities.catalog.capacity import CapacityActivities, CapacityCommands, GroupSizeActivities
from activities.catalog.register import AnnounceShow, CatalogActivities, CatalogCommands, RegisterVenue
from activities.core.commands import MintSubject, MintTicket, PurchaseRef, RefundRef
from activities.core.task_queues import PURCHASES
from activities.disputes.follow import DisputeActivities
from activities.payments.intent import PaymentActivities
from activities.payments.late_payments import LatePaymentActivities
from activities.payouts.transfers import PayoutActivities
from activities.refunds.cancel_show import SHOW_CANCELLED, ShowCancellationActivities, ShowCancellationCommands
from activities.refunds.pay_refund import RefundActivities
from activities.refunds.request_refund import RefundCommands, RequestRefund
from activities.refunds.resale import ResaleActivities
from activities.registry import Activities, all_queues
from activities.sales.letters.send import LetterActivities
from activities.sales.order import SalesActivities
from activities.sales.request_purchase import PurchaseCommands, RequestPurchase
from activities.sales.ticket_api_holds import HoldActivities, HoldCommands
from activities.tokens.burn import BurnActivities
from activities.tokens.claims.deliver import ClaimActivities
from activities.tokens.mint import MintActivities
from activities.tokens.pin import PinActivities
from activities.tokens.trees.owed import LeafActivities
from activities.tokens.trees.roots import RootActivities
from adapters.privacy.letters.writer import TemplateWriter
from adapters.read_models.documents import OutgoingLine
from domain.catalog.line import Line
from domain.catalog.show import TicketType
from domain.core.ids import DEFAULT_TENANT, refund_id_of
from domain.money.books import BooksTransaction, balances
from domain.money.money import FeeRates, Tender
from domain.orders.order import Order
from domain.payments.refunds import RefundPaidByHand, Refunds
from domain.stock.allocation import Allocation, SeatsRestocked
from domain.stock.reservation import Reservation
from domain.tickets.ticket import Ticket
from tests.fakes.connect import FakeConnect
from tests.fakes.due import DueInMemory
from tests.fakes.event_store import FakeEventStore
from tests.fakes.evidence import external_state, findings_of, require_invariants
from tests.fakes.gates import Gates
from tests.fakes.identity import IDENTITY, purchase_id_of
from tests.fakes.letter_box import CODES, LINKS, FakeMailServer, MemoryLetters, print_nothing
from tests.fakes.payment_gateway import FakePaymentGateway
from tests.fakes.pinning_node import FakePinningNode, FoldedFiles
from tests.fakes.samples import only_requested
from tests.fakes.sandbox import WORLD_RUNNER
from tests.fakes.shop_world import MemoryReads
from tests.fakes.show_reads import FoldedShows
from tests.fakes.small_tables import MemoryBuyers, MemoryCheckouts
from tests.fakes.time_skipping import skipping_time
from tests.fakes.token_chain import CUSTODY, FakeTokenChain
from tests.fakes.webhook_box import FakeReceiver, MemoryDeliveries, MemoryEndpointSecrets, activity_time
from worker import Tuning, build_worker
from workflows.purchase import CheckoutAnswer, PurchaseInput, PurchaseResult, PurchaseWorkflow
from workflows.refund import RefundInput, RefundWorkflow

WALLET = str(Keypair.from_seed(bytes([7] * 32)).pubkey())
POLLERS = PollerBehaviorSimpleMaximum(2)  # of five, as in production, most only cost a test their start and their end
PurchaseHandle = WorkflowHandle[PurchaseWorkflow, PurchaseResult]


class SagaWorld:
    """Fakes outside, the real saga inside; one show of ten seats at 10.00."""

    capacity = 10
    price_minor = 1000

    def __init__(self, server: WorkflowEnvironment, store: FakeEventStore | None = None) -> None:
        self.server = server
        self.store = store or FakeEventStore(lambda: datetime.now(UTC) + self._ahead)
        self._ahead = timedelta()
        self.gateway = FakePaymentGateway()
        self.chain = FakeTokenChain()
        self.ipfs = FakePinningNode()
        self.buyers, self.checkouts = MemoryBuyers(), MemoryCheckouts()
        self.told: list[OutgoingLine] = []  # outgoing events, given by the test
        self.deliveries: Any = MemoryDeliveries(lambda: self.told, lambda: len(self.told))
        self.endpoint_secrets, self.receiver = MemoryEndpointSecrets(), FakeReceiver()
        self.reads = MemoryReads(self.store)
        self.letters: Any = MemoryLetters(self.reads.catch_up, self.buyers)
        self.mail = FakeMailServer()
        self.gates = Gates()
        self.purchases = PurchaseCommands(self.store)
        self.catalog = CatalogCommands(self.store)
        self.holds = HoldCommands(self.store)
        self.minting = MintActivities(self.store, self.chain, self.buyers, CUSTODY, CUSTODY)
        self.claiming = ClaimActivities(self.store, self.chain, self.buyers, CUSTODY)
        self.capacities = CapacityActivities(self.store)
        self.group_sizes = GroupSizeActivities(self.store, self.chain)
        self.resale = ResaleActivities(self.store, self.chain)
        self.capacity_changes = CapacityCommands(self.store)
        self.connect = FakeConnect()
        self.payouts = PayoutActivities(self.store, self.connect, DueInMemory(self.store))
        self.refunds = RefundCommands(self.store)
        self.cancellations = ShowCancellationCommands(self.store)
        self.show_terms: dict[str, Any] = {}
        self.poll_seconds = 30
        self.processing_extension_seconds = 600

    def activities(self) -> Activities:
        """Return new instances of the real activities, over the fakes."""
        payments = PaymentActivities(self.store, self.gateway, self.checkouts)
        return Activities(
            OperatorActivities(self.store),
            SalesActivities(self.store),
            BooksActivities(self.store),
            CatalogActivities(self.store),
            HoldActivities(self.store),
            LeafActivities(self.store),
            payments,
            self.minting,
            self.claiming,
            self.capacities,
            self.group_sizes,
            self.resale,
            DisputeActivities(self.store, self.gateway),
            self.payouts,
            RefundActivities(self.store, self.gateway),
            BurnActivities(self.store, self.chain),
            RootActivities(self.store, self.chain),
            PinActivities(self.store, FoldedFiles(self.store), self.ipfs),
            ShowCancellationActivities(self.store, FoldedShows(self.store)),
            LatePaymentActivities(self.store, self.gateway, payments),
            WebhookActivities(self.store, self.deliveries, self.endpoint_secrets, self.receiver, activity_time),
            LetterActivities(
                self.store,
                self.letters,
                self.buyers,
                CODES,
                TemplateWriter(LINKS, print_nothing),
                self.mail,
                clock=activity_time,
            ),
        )

    @asynccontextmanager
    async def running(
        self,
        interceptor: Interceptor | None = None,
        workflows: Sequence[type] | None = None,
        runner: WorkflowRunner = WORLD_RUNNER,
        **tuning: Unpack[Tuning],
    ) -> AsyncIterator[None]:
        """Run one worker per queue, as in production; `interceptor` replaces the gates."""
        await self._follow_clock()
        activities = self.activities()
        tuning.setdefault("graceful_shutdown_timeout", timedelta())
        tuning.setdefault("workflow_task_poller_behavior", POLLERS)
        tuning.setdefault("activity_task_poller_behavior", POLLERS)
        tuning.setdefault("workflow_failure_exception_types", [RestrictedWorkflowAccessError])  # a test ends, not hangs
        async with AsyncExitStack() as stack:
            for queue in all_queues():
                worker = build_worker(
                    self.server.client,
                    queue,
                    activities,
                    interceptors=[interceptor or self.gates],
                    workflows=workflows,
                    runner=runner,
                    **tuning,
                )
                await stack.enter_async_context(worker)
            yield

    async def _follow_clock(self) -> None:
        """Move the store's clock to the server's."""
        self._ahead = max(self._ahead, await self.server.get_current_time() - datetime.now(UTC))

    async def announce(self, hold_seconds: int = 600, capture_method: Any = "manual") -> None:
        rates = FeeRates()
        await self.catalog.register_venue(
            RegisterVenue(tenant_id="default", venue_id="ve", name="Venue", rates=rates, body_digest="v")
        )
        seats = TicketType(ticket_type_id="tt", name="Seat", price_minor=self.price_minor, capacity=self.capacity)
        await self.catalog.announce_show(
            AnnounceShow(
                tenant_id="default",
                show_id="sh",
                venue_id="ve",
                name="Show",
                currency="eur",
                ticket_types=[seats],
                hold_seconds=hold_seconds,
                capture_method=capture_method,
                body_digest="s",
                **self.show_terms,
            )
        )

    async def open_show(self, hold_seconds: int = 600, capture_method: Any = "manual") -> None:
        """Announce the show, make its groups on the fake chain and put it on sale."""
        await self.announce(hold_seconds, capture_method)
        for kind, identity in (("venue", "ve"), ("show", "sh")):
            subject = MintSubject(tenant_id="default", kind=kind, subject_id=identity)
            await ActivityEnvironment().run(self.minting.mint_group, subject)
        await CatalogActivities(self.store).open_sale(MintSubject(tenant_id="default", kind="show", subject_id="sh"))

    async def request(self, key: str = "key", quantity: int = 2, tender: Tender = "card") -> PurchaseRef:
        """Request a purchase at the server's time, which may skip ten years when no timer is due."""
        await self._follow_clock()
        requested = await self.purchases.request_purchase(
            RequestPurchase(
                tenant_id=DEFAULT_TENANT,
                purchase_id=purchase_id_of(DEFAULT_TENANT, key),
                nonce=IDENTITY.nonce_of(purchase_id_of(DEFAULT_TENANT, key)),
                body_digest=f"{quantity}",
                show_id="sh",
                lines=[Line(ticket_type_id="tt", quantity=quantity)],
                buyer_id="by",
                tender=tender,
            )
        )
        return requested.purchase

    async def buy(self, client: Client, key: str = "key", quantity: int = 2) -> tuple[PurchaseHandle, CheckoutAnswer]:
        """Buy as the API does: request, then update-with-start."""
        return await self.start(client, await self.request(key, quantity))

    async def only_requested(self, key: str = "key", quantity: int = 2) -> PurchaseRef:
        """Record a request without placing it, as older releases did."""
        lines = [Line(ticket_type_id="tt", quantity=quantity)]
        decide = only_requested(purchase_id_of(DEFAULT_TENANT, key), lines, f"{quantity}")
        return (await self.store.commit(decide)).value

    async def start(self, client: Client, purchase: PurchaseRef) -> tuple[PurchaseHandle, CheckoutAnswer]:
        """Start a purchase and wait for its checkout."""
        start: Any = WithStartWorkflowOperation(
            PurchaseWorkflow.run,
            PurchaseInput(
                purchase=purchase,
                show_id="sh",
                poll_seconds=self.poll_seconds,
                processing_extension_seconds=self.processing_extension_seconds,
            ),
            id=f"purchase/{purchase.purchase_id}",
            task_queue=PURCHASES,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        answer: CheckoutAnswer = await client.execute_update_with_start_workflow(
            "open_checkout",
            result_type=CheckoutAnswer,
            start_workflow_operation=start,
            id=f"{purchase.purchase_id}:{purchase.attempt}",
        )
        handle: PurchaseHandle = await start.workflow_handle()
        return handle, answer

    async def ended(self, handle: PurchaseHandle) -> PurchaseResult:
        """Await the result, while the server skips time."""
        async with skipping_time(self.server):
            return await handle.result()

    async def decide_refund(self, key: str = "key", number: int = 1, **wanted: Any) -> RefundRef:
        """Request a refund, of everything unless given otherwise."""
        purchase_id = purchase_id_of(DEFAULT_TENANT, key)
        command = RequestRefund(
            tenant_id=DEFAULT_TENANT,
            purchase_id=purchase_id,
            refund_id=f"rf_{number}_{purchase_id}",
            body_digest=f"{wanted}",
            reason="requested-by-buyer",
            **wanted,
        )
        return (await self.refunds.request_refund(command)).refund

    async def unpaid(self) -> list[RefundRef]:
        """Return the refunds that the relay would start: decided, not arrived, and not waiting at a till."""
        books: list[Refunds] = [self._root(s, Refunds) for s in self.store.streams if s.startswith("refunds:")]
        found = [(book, one) for book in books for one in book.refunds.values()]
        return [
            RefundRef(
                purchase=PurchaseRef(tenant_id=DEFAULT_TENANT, purchase_id=book.identity, attempt=1),
                refund_id=one.refund_id,
                ticket_ids=one.ticket_ids,
                amount_minor=one.amount_minor,
                in_cash=book.price.tender == "cash" and not one.intent_id,
                resells=bool(one.ticket_ids and self.show_terms.get("resell_refunded")),
            )
            for book, one in found
            if one.state != "succeeded" and not one.at_till
        ]

    async def start_refunds(self, client: Client) -> list[WorkflowHandle[RefundWorkflow, str]]:
        """Start the refunds that were decided, unless they run, as the relay does."""
        return [
            await client.start_workflow(
                RefundWorkflow.run,
                RefundInput(refund=one, poll_seconds=self.poll_seconds),
                id=f"refund/{one.refund_id}",
                task_queue=PURCHASES,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
            for one in await self.unpaid()
        ]

    async def give_back(self, client: Client) -> list[str]:
        """Run the refunds that were decided to their ends; return their outcomes."""
        handles = await self.start_refunds(client)
        with self.server.auto_time_skipping_disabled():
            return [await handle.result() for handle in handles]

    async def claim(self, key: str = "key") -> MintTicket:
        """Record the claim of a purchase's first ticket, as the API does once it has checked the signature."""
        purchase = await self.ref(key)
        ticket_id = (await SalesActivities(self.store).place_order(purchase)).ticket_ids[0]
        holder_id = f"bu_holder_of_{ticket_id}"
        await self.buyers.keep_holder(holder_id, purchase.tenant_id, purchase.purchase_id, ticket_id, WALLET)
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).claim_token(holder_id, uow.at))
        return MintTicket(purchase=purchase, ticket_id=ticket_id)

    async def show_refund_id(self, key: str = "key") -> str:
        """Return the id of the refund that the cancellation of the show makes."""
        order = await self.order(key)
        return refund_id_of(order.nonce, order.tenant_id, order.identity, SHOW_CANCELLED)

    async def order(self, key: str = "key") -> Order:
        return await self.store.read(lambda uow: uow.get(Order, purchase_id_of(DEFAULT_TENANT, key)))

    async def ref(self, key: str = "key") -> PurchaseRef:
        order = await self.order(key)
        return PurchaseRef(tenant_id=order.tenant_id, purchase_id=order.identity, attempt=order.attempt)

    async def stock(self) -> tuple[int, int, int]:
        """Return (available, held, sold)."""
        seats = await self.store.read(lambda uow: uow.get(Allocation, "tt"))
        return seats.available, seats.held, seats.sold

    async def intent_id(self, key: str = "key") -> str:
        found = await self.gateway.find_intent(purchase_id_of(DEFAULT_TENANT, key))
        assert found is not None
        return found.intent_id

    def books(self) -> dict[tuple[str, str], int]:
        return balances(
            posting
            for stream in self.store.streams
            if stream.startswith("books:")
            for posting in self._root(stream, BooksTransaction).postings
        )

    def _root(self, stream: str, kind: type) -> Any:
        loaded = self.store.load(stream)
        assert isinstance(loaded, kind)
        return loaded

    async def check_invariants(self) -> None:
        """Check the invariants at rest, and that all work has ended."""
        require_invariants(findings_of(self.store.log, external_state(self.gateway, self.chain, self.connect)))
        orders = [self._root(s, Order) for s in self.store.streams if s.startswith("order:")]
        sold = [order for order in orders if order.state == "fulfilled"]
        seats = sum(line.quantity for order in sold for line in order.lines)
        seats -= sum(event.quantity for event in self.store.log if isinstance(event, SeatsRestocked))
        assert all(order.state in {"fulfilled", "cancelled", "refused"} for order in orders)
        held_outside = [self._root(s, Reservation) for s in self.store.streams if s.startswith("reservation:")]
        seats += sum(line.quantity for one in held_outside if one.state == "confirmed" for line in one.lines)
        if "allocation:tt" in self.store.streams:
            capacity = self._root("allocation:tt", Allocation).capacity
            assert await self.stock() == (capacity - seats, 0, seats)
        books = [self._root(s, Refunds) for s in self.store.streams if s.startswith("refunds:")]
        by_card = [book for book in books if book.price.tender == "card"]
        of_sale = [one for book in by_card for one in book.refunds.values() if not one.intent_id]
        given = sum(one.given.total_minor for one in of_sale)
        given -= sum(event.amount_minor for event in self.store.log if isinstance(event, RefundPaidByHand))
        given += sum(one.excess_minor - one.by_bank_minor for book in by_card for one in book.refunds.values())
        kept = self.gateway.captured_minor - self.gateway.refunded_minor
        assert kept == sum(o.price.charge_minor for o in sold) - given
        assert sum(self.chain.landings.values()) == len(self.chain.landings)
