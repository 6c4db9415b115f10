"""Two venues with money: the real activities over fakes, beside a model of the same events."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from temporalio.testing import ActivityEnvironment

from activities.books.own_balance import OwnBalanceCommands
from activities.books.post import BooksActivities
from activities.catalog.prices import CreateDiscount, PriceCommands
from activities.catalog.register import AnnounceShow, CatalogCommands, RegisterVenue
from activities.core.commands import PurchaseRef, RefundRef
from activities.disputes.follow import DisputeActivities
from activities.payments.intent import PaymentActivities
from activities.payments.late_payments import LatePaymentActivities
from activities.payouts.ports import VenueRef
from activities.payouts.transfers import PayoutActivities
from activities.refunds.cancel_show import ShowCancellationActivities, ShowCancellationCommands
from activities.refunds.pay_refund import RefundActivities
from activities.refunds.request_refund import RefundCommands
from activities.sales.order import SalesActivities
from activities.sales.request_purchase import PurchaseCommands, RequestPurchase
from domain.catalog.discount import DiscountTerms
from domain.catalog.line import Line
from domain.catalog.show import Show, TicketType
from domain.core.errors import Refusal
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.invariants.money.folds import sides_of
from domain.money.books import TransactionPosted
from domain.money.money import FeeRates
from domain.payments.own_movement import OwnMovement
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds
from tests.fakes.connect import FakeConnect
from tests.fakes.event_store import FakeEventStore
from tests.fakes.payment_gateway import FakePaymentGateway
from tests.fakes.samples import AT
from tests.fakes.show_reads import FoldedShows
from tests.fakes.small_tables import MemoryCheckouts
from tests.property.money_events import How, Sell
from tests.property.money_model import Back, DisputeClaim, Sale, Sums, Terms, expected, off_of, split_of
from tests.property.money_strays import Stray, expected_of_stray

CODE = "EARLY"


class Owners:
    """Owners of connected accounts; due orders are drawn by the strategies."""

    def __init__(self, accounts: dict[str, tuple[str, str]]) -> None:
        self._accounts = accounts

    async def due_transfers(self, due: Any) -> list[tuple[str, str, int]]:
        raise NotImplementedError

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        return self._accounts.get(account_id)


class Bought(NamedTuple):
    """A placed purchase and the amount to charge."""

    purchase: PurchaseRef
    tickets: tuple[str, ...]
    charge: int


class Town:
    """A world of two venues; events are run by `tests/property/money_streets.py` and `money_venues.py`."""

    def __init__(self, terms: tuple[Terms, Terms]) -> None:
        self.terms = terms
        self.store = FakeEventStore(lambda: AT)
        self.gateway, self.connect = FakePaymentGateway(), FakeConnect()
        self.accounts: dict[str, tuple[str, str]] = {}
        self.account_of: list[str] = []
        self.purchases, self.sales = PurchaseCommands(self.store), SalesActivities(self.store)
        self.books = BooksActivities(self.store)
        self.payments = PaymentActivities(self.store, self.gateway, MemoryCheckouts())
        self.late = LatePaymentActivities(self.store, self.gateway, self.payments)
        self.refund_commands, self.refunds = RefundCommands(self.store), RefundActivities(self.store, self.gateway)
        self.disputes = DisputeActivities(self.store, self.gateway)
        self.payouts = PayoutActivities(self.store, self.connect, Owners(self.accounts))
        self.cancellations = ShowCancellationCommands(self.store)
        self.show_cancellations = ShowCancellationActivities(self.store, FoldedShows(self.store))
        self.bought: list[Bought] = []
        self.strays: list[Stray] = []
        self.own = OwnBalanceCommands(self.store)
        self.moved: dict[str, OwnMovement] = {}
        self.sales_made: list[Sale] = []
        self.disputed: list[tuple[Sale, str]] = []
        self.payouts_made: list[tuple[int, str]] = []
        self.paid_out: dict[str, tuple[int, int]] = {}
        self.called_off: dict[int, Any] = {}
        self.reached: Counter[str] = Counter()
        self._posted: Sums = defaultdict(int)
        self._purchases: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._position = 0

    async def open(self) -> None:
        """Open both venues, each with its show, its code and its account."""
        catalog = CatalogCommands(self.store)
        for number, terms in enumerate(self.terms):
            rates = FeeRates(
                platform_bps=terms.platform_bps,
                processing_bps=terms.processing_bps,
                processing_fixed_minor=terms.fixed * terms.step,
                fees="absorbed" if terms.absorbed else "on_top",
            )
            venue, show = f"ve{number}", f"sh{number}"
            await catalog.register_venue(
                RegisterVenue(tenant_id="default", venue_id=venue, name="Hall", rates=rates, body_digest="v")
            )
            await catalog.announce_show(_show(number, terms))
            await self.store.commit(partial(_mint_and_open, show_id=show))
            if terms.off_bps:
                code = CreateDiscount(
                    tenant_id="default", show_id=show, key_id=f"key{number}", body_digest="d", code=CODE,
                    terms=DiscountTerms(percent_bps=terms.off_bps),
                )  # fmt: skip
                await PriceCommands(self.store).create_discount(code)
            seen = await self.payouts.connect_account(VenueRef(tenant_id="default", venue_id=venue))
            self.accounts[seen.account_id] = ("default", venue)
            self.account_of.append(seen.account_id)

    async def buy(self, wanted: Sell, name: str) -> Bought | None:
        """Place an order; None if the request is refused."""
        types = {
            f"full{wanted.venue}": wanted.full,
            f"half{wanted.venue}": wanted.half,
            f"free{wanted.venue}": wanted.free,
        }
        lines = [Line(ticket_type_id=kind, quantity=count) for kind, count in types.items() if count]
        command = RequestPurchase(
            tenant_id="default",
            purchase_id=name,
            body_digest="body",
            show_id=f"sh{wanted.venue}",
            lines=lines,
            buyer_id="by",
            discount_code=CODE if wanted.code and self.terms[wanted.venue].off_bps else None,
            tender=wanted.tender,
        )
        try:
            purchase = (await self.purchases.request_purchase(command)).purchase
        except Refusal:
            return None
        order = await self.sales.place_order(purchase)
        bought = Bought(purchase, order.ticket_ids, order.price.charge_minor)
        self.bought.append(bought)
        return bought

    async def pay(self, bought: Bought) -> str:
        """Open the checkout and pay it; return the intent's id."""
        seen = await ActivityEnvironment().run(self.payments.create_intent, bought.purchase)
        self.gateway.pay(seen.intent_id)
        return seen.intent_id

    def modelled(self, wanted: Sell, bought: Bought) -> Sale:
        """Return the model of a sale."""
        terms = self.terms[wanted.venue]
        counts = [count for count in (wanted.full, wanted.half, wanted.free) if count]
        units = terms.units(wanted.full, wanted.half, wanted.free)
        lines = [sum(line) for line in _by(counts, units)]
        off = off_of(terms, lines) if wanted.code and terms.off_bps else [0] * len(lines)
        worth: list[Fraction] = []
        for line, taken in zip(_by(counts, units), off, strict=True):
            worth += [Fraction(sum(line) - taken, len(line))] * len(line)
        split = split_of(terms, int(sum(worth)), cash=wanted.tender == "cash")
        names, step = list(bought.tickets), self.terms[wanted.venue].step
        return Sale(bought.purchase.purchase_id, wanted.venue, split, wanted.tender, worth, names, step=step)

    async def act(self, how: How, call: Callable[[], Awaitable[Any]]) -> Any:
        """Run a step once, twice, or again after a lost answer; return None if it is refused."""
        switches: list[tuple[Any, Any]] = [(self.gateway, "refund_intent"), (self.connect, "transfer")]
        switches += [(self.connect, "reverse_transfer"), (self.connect, "retrieve_payout")]
        if how == "our answer lost":
            self.store.lose_answers = 1
        for fake, verb in switches if how == "Stripe's answer lost" else ():
            fake.fail_after(verb)
        answer = None
        for _ in range(1 if how == "once" else 2):
            with suppress(TransientError, Refusal):
                answer = await call()
            self._calm()
        return answer

    def _calm(self) -> None:
        self.store.lose_answers = 0
        self.gateway._after.clear()
        self.connect._after.clear()

    async def decided(self, sale: Sale, refund_id: str) -> Refund:
        return await self.store.read(lambda uow: uow.get(Refunds, sale.purchase_id).get(refund_id))

    async def adopted(self, sale: Sale, stripe_id: str) -> Refund:
        """Return the recorded refund of a Stripe refund made in the dashboard."""
        book = await self.store.read(lambda uow: uow.get(Refunds, sale.purchase_id))
        return next(refund for refund in book.refunds.values() if refund.stripe_refund_id == stripe_id)

    def requested(self, sale: Sale) -> bool:
        """Whether the transfer of the share was decided: a later claim is then a debt of the venue."""
        return f"transfer:{sale.purchase_id}" in self.store.streams

    def ref(self, sale: Sale) -> PurchaseRef:
        return PurchaseRef(tenant_id="default", purchase_id=sale.purchase_id, attempt=1)

    def refund_ref(self, sale: Sale, back: Back) -> RefundRef:
        return RefundRef(
            purchase=self.ref(sale),
            refund_id=back.refund_id,
            ticket_ids=back.tickets,
            amount_minor=back.given.total,
            in_cash=sale.tender == "cash",
        )

    def backs(self) -> list[tuple[Sale, Back]]:
        return [(sale, back) for sale in self.sales_made for back in sale.backs]

    def claims(self) -> list[tuple[Sale | Stray, str, DisputeClaim]]:
        """Return the disputes in the order in which the banks opened them."""
        charges: list[Sale | Stray] = [*self.sales_made, *self.strays]
        found = [(charge, name, claim) for charge in charges for name, claim in charge.claims.items()]
        return sorted(found, key=lambda one: int(one[1].removeprefix("du_")))

    def currency(self, sale: Sale) -> str:
        return self.terms[sale.venue].currency

    def expected(self) -> Sums:
        """Sum the expected balances of all accounts."""
        sums: Sums = defaultdict(int)
        for sale in self.sales_made:
            for key, amount in expected(sale, self.currency(sale)).items():
                sums[key] += amount
        for stray in self.strays:
            for key, amount in expected_of_stray(stray).items():
                sums[key] += amount
        for moved in self.moved.values():
            other = "processing:fees" if moved.kind == "stripe_fee" else "platform:bank"
            sums["stripe:clearing", moved.currency] -= moved.amount_minor
            sums[other, moved.currency] += moved.amount_minor
        for venue, amount in self.paid_out.values():
            unit = self.terms[venue].currency
            sums[f"venue:ve{venue}:transferred", unit] -= amount
            sums[f"venue:ve{venue}:paid-out", unit] += amount
        return sums

    def posted(self) -> Sums:
        """Sum the posted balances; assert that each purchase that was posted to sums to zero."""
        touched: set[str] = set()
        for event in self.store.log[self._position :]:
            if isinstance(event, TransactionPosted):
                touched.add(event.purchase_id)
                self.reached[f"posted: {event.kind}"] += 1
                for account, unit, amount in sides_of(event):
                    self._posted[account, unit] += amount
                    self._purchases[event.purchase_id][unit] += amount
        self._position = len(self.store.log)
        assert not any(sum(self._purchases[purchase_id].values()) for purchase_id in touched)
        return self._posted


def nonzero(sums: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Leave out zero amounts."""
    return {key: amount for key, amount in sums.items() if amount}


def _by(counts: list[int], units: list[int]) -> list[list[int]]:
    rest = iter(units)
    return [[next(rest) for _ in range(count)] for count in counts]


def _mint_and_open(uow: UnitOfWork, show_id: str) -> None:
    show = uow.get(Show, show_id)
    show.mint_token("mint", "signature", uow.at)
    show.open_sale(uow.at)


def _show(number: int, terms: Terms) -> AnnounceShow:
    (full,), (half,) = terms.units(1, 0, 0), terms.units(0, 1, 0)
    prices = {f"full{number}": full, f"half{number}": half, f"free{number}": 0}
    return AnnounceShow(
        tenant_id="default",
        show_id=f"sh{number}",
        venue_id=f"ve{number}",
        name="Night",
        currency=terms.currency,
        ticket_types=[
            TicketType(ticket_type_id=kind, name=kind, price_minor=price, capacity=1000)
            for kind, price in prices.items()
        ],
        hold_seconds=600,
        capture_method="manual",
        body_digest="s",
        tax_bps=terms.tax_bps,
        tax_inclusive=terms.inclusive,
    )
