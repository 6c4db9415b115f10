"""The books under any order of sales and mints, repeated or interrupted: each event is posted once, sums are zero."""

from collections import Counter, defaultdict
from contextlib import suppress
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from activities.books.post import BooksActivities
from activities.core.commands import MintTicket, PurchaseRef
from domain.core.evidence import EvidenceMissing
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import MINT_DEBT, BooksTransaction, Posting, balances, venue_payable
from domain.money.money import FeeRates, price_of
from domain.orders.order import Order, PurchaseRequested
from domain.payments.payment import IntentCreated, Payment
from domain.tickets.ticket import Ticket, TicketReserved
from tests.fakes.event_store import FakeEventStore
from tests.fakes.samples import AT, LINES, REQUEST, new_show
from tests.property.machines import done, refusal_in

PURCHASES = st.integers(0, 2)
TICKETS = 2  # of each purchase
FEE = 94


class Bookkeeping(RuleBasedStateMachine):
    """The model: the sales and mints that are posted; the purchases share a venue and differ in price."""

    @initialize(units=st.tuples(*[st.integers(1, 5000)] * 3))
    def open(self, units: tuple[int, ...]) -> None:
        self.store = FakeEventStore(lambda: AT)
        self.books = BooksActivities(self.store)
        self.prices = [price_of("eur", ((TICKETS, unit_minor),), FeeRates()) for unit_minor in units]
        self.captured: set[int] = set()
        self.sales: set[int] = set()
        self.mints: set[tuple[int, int]] = set()
        done(self.store.commit(lambda uow: uow.add(new_show())))
        for number in range(len(units)):
            done(self.store.commit(partial(self._begin, number=number)))

    def _begin(self, uow: UnitOfWork, number: int) -> None:
        order = Order.begin(PurchaseRequested, f"pu{number}", AT, tenant_id="default", body_digest="body", **REQUEST)
        order.place("ve", self.prices[number], LINES, AT)
        events = {"tenant_id": "default", "purchase_id": f"pu{number}", "intent_id": f"pi{number}", "currency": "eur"}
        total = self.prices[number].total_minor
        uow.add(order)
        owner = {"tenant_id": "default", "purchase_id": f"pu{number}", "show_id": "sh", "ticket_type_id": "tt"}
        for ticket in range(1, TICKETS + 1):
            uow.add(Ticket.begin(TicketReserved, f"ti{number}.{ticket}", AT, **owner))
        uow.add(
            Payment.begin(IntentCreated, f"pu{number}:1", AT, amount_minor=total, capture_method="manual", **events)
        )

    def _ref(self, number: int) -> PurchaseRef:
        return PurchaseRef(tenant_id="default", purchase_id=f"pu{number}", attempt=1)

    @rule(number=PURCHASES)
    def capture(self, number: int) -> None:
        total = self.prices[number].total_minor

        def decide(uow: UnitOfWork) -> None:
            order = uow.get(Order, f"pu{number}")
            order.request_capture(AT)
            uow.get(Payment, f"pu{number}:1").capture("ch", total, FEE, AT)
            order.confirm(AT)

        done(self.store.commit(decide))
        self.captured.add(number)

    @rule(number=PURCHASES)
    def settle_sale(self, number: int) -> None:
        expected = None if number in self.captured else EvidenceMissing
        if expected is None:
            self.sales.add(number)
        assert refusal_in(lambda: done(self.books.settle_sale(self._ref(number)))) is expected

    @rule(number=PURCHASES, ticket=st.integers(1, TICKETS))
    def settle_mint(self, number: int, ticket: int) -> None:
        ticket_id = f"ti{number}.{ticket}"
        mint = MintTicket(purchase=self._ref(number), ticket_id=ticket_id)
        if (number, ticket) not in self.mints:
            assert refusal_in(lambda: done(self.books.settle_mint(mint))) is EvidenceMissing
            done(self.store.commit(lambda uow: uow.get(Ticket, ticket_id).mint_token("mint", "signature", AT)))
        done(self.books.settle_mint(mint))
        self.mints.add((number, ticket))

    @rule(number=PURCHASES, lost=st.booleans())
    def settle_with_a_transient_error(self, number: int, lost: bool) -> None:  # noqa: FBT001 - drawn
        """A commit whose answer is lost has posted, a refused connection has not; both raise the same error."""
        if number not in self.captured:
            return
        self.store.lose_answers, self.store.refuse_connections = int(lost), int(not lost)
        with suppress(TransientError):
            done(self.books.settle_sale(self._ref(number)))
        if lost:
            self.sales.add(number)

    def _postings(self) -> dict[str, list[Posting]]:
        found: dict[str, list[Posting]] = defaultdict(list)
        for stream in self.store.streams:
            root = self.store.load(stream)
            if isinstance(root, BooksTransaction):
                found[root.purchase_id] += root.postings
        return found

    @invariant()
    def sums_are_zero(self) -> None:
        """Postings sum to zero per purchase and unit, and the balances are the model's."""
        posted = self._postings()
        for postings in posted.values():
            sums: Counter[str] = Counter()
            for (_, unit), balance in balances(postings).items():
                sums[unit] += balance
            assert set(sums.values()) <= {0}
        self._follow_the_model(balances(posting for postings in posted.values() for posting in postings))

    def _follow_the_model(self, totals: dict[tuple[str, str], int]) -> None:
        sold = [self.prices[number] for number in self.sales]
        owed = TICKETS * len(sold) - len(self.mints)
        assert totals.get((venue_payable("ve"), "eur"), 0) == sum(price.venue_share_minor for price in sold)
        assert -totals.get(("stripe:clearing", "eur"), 0) == sum(price.total_minor - FEE for price in sold)
        assert totals.get((MINT_DEBT, "TICKET"), 0) == owed


test_the_books_balance = Bookkeeping.TestCase
