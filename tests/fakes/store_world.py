"""Activities that use only the event store, over a fake one, with one show on sale."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from activities.books.post import BooksActivities
from activities.catalog.prices import PriceCommands
from activities.catalog.register import AnnounceShow, CatalogActivities, CatalogCommands, RegisterVenue
from activities.core.commands import EndPurchase, PurchaseRef
from activities.sales.order import SalesActivities
from activities.sales.request_purchase import PurchaseCommands, Requested, RequestPurchase
from activities.sales.ticket_api_holds import HoldActivities, HoldCommands, MakeReservation
from domain.catalog.line import Line
from domain.catalog.show import Show, TicketType
from domain.core.aggregate import Aggregate
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.money import FeeRates
from domain.orders.order import Order
from domain.payments.payment import IntentCreated, Payment
from domain.stock.allocation import Allocation
from domain.tickets.ticket import Ticket
from tests.fakes.event_store import FakeEventStore
from tests.fakes.samples import AT, TYPES, only_requested
from tests.fakes.stored import broken_link

T = TypeVar("T")
R = TypeVar("R", bound=Aggregate)
VENUE = RegisterVenue(tenant_id="default", venue_id="ve", name="Hall", rates=FeeRates(), body_digest="v")
SHOW = AnnounceShow(
    tenant_id="default",
    show_id="sh",
    venue_id="ve",
    name="Night",
    currency="eur",
    ticket_types=[TicketType.model_validate(item) for item in TYPES],
    hold_seconds=600,
    capture_method="manual",
    body_digest="s",
)


def lines_of(wanted: dict[str, int]) -> list[Line]:
    return [Line(ticket_type_id=kind, quantity=quantity) for kind, quantity in wanted.items()]


def payment_of(uow: UnitOfWork, purchase: PurchaseRef) -> Payment:
    """Return a purchase's payment, opened if it was not."""
    name, order = f"{purchase.purchase_id}:{purchase.attempt}", uow.get(Order, purchase.purchase_id)
    known, total = uow.find(Payment, name), order.price.total_minor if order.price else 0
    owner = {"tenant_id": "default", "purchase_id": purchase.purchase_id, "intent_id": "pi"}
    money: dict[str, Any] = {"amount_minor": total, "currency": "eur", "capture_method": "manual"}
    return known or uow.add(Payment.begin(IntentCreated, name, uow.at, **owner, **money))


class StoreWorld:
    """Five floor and three balcony tickets; the clock stands still at `now`."""

    def __init__(self, store: Any = None) -> None:
        self.now = AT
        self.store = store or FakeEventStore(lambda: self.now)
        self.catalog = CatalogCommands(self.store)
        self.purchases = PurchaseCommands(self.store)
        self.sales = SalesActivities(self.store)
        self.books = BooksActivities(self.store)
        self.prices = PriceCommands(self.store)
        self.holds = HoldCommands(self.store)
        self.hold_ends = HoldActivities(self.store)
        self.openings = CatalogActivities(self.store)

    async def open(self, show: AnnounceShow = SHOW, **terms: Any) -> None:
        """Announce the show and put it on sale."""
        await self.catalog.register_venue(VENUE)
        await self.catalog.announce_show(show.model_copy(update=terms))

        def stand(uow: UnitOfWork) -> None:
            show = uow.get(Show, "sh")
            show.mint_token("mint", "signature", uow.at)
            show.open_sale(uow.at)

        await self.store.commit(stand)

    async def request(
        self,
        purchase_id: str = "pu",
        body: str = "body",
        discount_code: str | None = None,
        expected_total_minor: int | None = None,
        *,
        buyer: str = "",
        nonce: str = "",
        **wanted: int,
    ) -> Requested:
        """Request tickets; a named buyer may have two open purchases."""
        command = RequestPurchase(
            tenant_id="default",
            purchase_id=purchase_id,
            body_digest=body,
            show_id="sh",
            lines=lines_of(wanted or {"floor": 2, "balcony": 1}),
            buyer_id="by",
            discount_code=discount_code,
            expected_total_minor=expected_total_minor,
            allowance_id=buyer,
            open_purchases_max=2,
            nonce=nonce,
        )
        return await self.purchases.request_purchase(command)

    async def only_requested(self, purchase_id: str = "pu", **wanted: int) -> PurchaseRef:
        """Record a request without placing it, as older releases did."""
        lines = lines_of(wanted or {"floor": 2, "balcony": 1})
        return (await self.store.commit(only_requested(purchase_id, lines))).value

    async def bought(self, discount_code: str | None = None, *, nonce: str = "", **wanted: int) -> PurchaseRef:
        """Place a purchase and open its payment."""
        purchase = (
            await self.request("pu", discount_code=discount_code, body="body", buyer="", nonce=nonce, **wanted)
        ).purchase
        await self.sales.place_order(purchase)
        await self.store.commit(lambda uow: payment_of(uow, purchase))
        return purchase

    async def capture(self, purchase: PurchaseRef) -> None:
        """Record the capture of the payment."""

        def decide(uow: UnitOfWork) -> None:
            payment = payment_of(uow, purchase)
            payment.capture("ch", payment.amount_minor, 94, uow.at)

        await self.store.commit(decide)

    async def release(self, purchase: PurchaseRef) -> None:
        """Record that no money can come any more."""
        await self.store.commit(lambda uow: payment_of(uow, purchase).cancel(uow.at))

    async def minted(self, ticket_id: str) -> None:
        """Record the token of a ticket."""
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).mint_token(ticket_id, "", uow.at))

    async def reserve(
        self, reservation_id: str = "re", body: str = "", *, nonce: str = "", **wanted: int
    ) -> tuple[str, ...]:
        """Hold seats through the internal ticket API; return the ticket ids."""
        command = MakeReservation(
            tenant_id="default",
            reservation_id=reservation_id,
            show_id="sh",
            lines=lines_of(wanted or {"floor": 2, "balcony": 1}),
            hold_seconds=600,
            body_digest=body,
            nonce=nonce,
        )
        return (await self.holds.reserve(command)).ticket_ids

    async def see(self, kind: type[R], identity: str) -> R:
        """Read one aggregate."""
        return await self.store.read(lambda uow: uow.get(kind, identity))

    async def stock(self) -> list[tuple[int, int, int]]:
        """Return (available, held, sold) of floor and balcony."""
        found = [await self.see(Allocation, kind) for kind in ("floor", "balcony")]
        return [(seats.available, seats.held, seats.sold) for seats in found]

    async def lost_and_repeated(self, act: Callable[[], Awaitable[T]]) -> T:
        """Act, lose the answer, and act again; require that the repeat adds no event and breaks no hash chain."""
        self.store.lose_answers = 1
        with pytest.raises(TransientError) as lost:
            await act()
        assert lost.value.unknown
        known = len(self.store.log)
        answer = await act()
        assert len(self.store.log) == known
        assert all(broken_link(self.store.stored_of(stream)) is None for stream in self.store.streams)
        return answer


def ending(purchase: PurchaseRef, reason: str = "hold-expired") -> EndPurchase:
    return EndPurchase(purchase=purchase, reason=reason)
