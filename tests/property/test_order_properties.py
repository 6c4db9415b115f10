"""An order under any commands, repeated and in any order: it ends once; cancel and capture exclude each other."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from domain.core.errors import FREES_KEY, CancelTooLate, KeyReused, PurchaseCancelled, Refusal, WrongState
from domain.money.money import FeeRates, price_of
from domain.orders.order import Order
from tests.fakes.samples import AT, LATER, LINES, REQUEST, new_order
from tests.property.machines import Machine

BODIES = st.sampled_from(["body", "other"])
REASONS = st.sampled_from(["hold-expired", "purchase-cancelled", "payment-refused", "sold-out"])
OPEN = {"requested", "reserving", "cancelling", "confirming"}
SOLD = {"confirmed", "fulfilled"}
OVER = {"cancelled", "refused"}


class Purchase(Machine):
    """The model: the state, whether a cancel or a capture was requested, and the request."""

    subject: Order

    @initialize()
    def open(self) -> None:
        self.subject = new_order()
        self.ended: dict[int, tuple[str, str | None]] = {}
        self._begin("body", 1)

    def _begin(self, body: str, attempt: int) -> None:
        self.state, self.body, self.attempt = "requested", body, attempt
        self.cancelling = self.capturing = False
        self.total: int | None = None
        self.until = LATER

    @rule(body=BODIES)
    def ask_again(self, body: str) -> None:
        expected: type[Refusal] | None = None
        if self.state == "refused":
            self._begin(body, self.attempt + 1)
        elif body != self.body:
            expected = KeyReused
        assert self.refusal_of(lambda: self.subject.ask_again(body, AT, **REQUEST)) is expected

    @rule(unit_minor=st.integers(1, 5000))
    def place(self, unit_minor: int) -> None:
        price = price_of("eur", ((2, unit_minor),), FeeRates())
        expected = PurchaseCancelled if self.state in OVER else None
        if expected is None and self.total is None:
            self.total = price.total_minor
            self.state = "reserving" if self.state == "requested" else self.state
        assert self.refusal_of(lambda: self.subject.place("ve", price, LINES, AT)) is expected

    @rule()
    def request_cancel(self) -> None:
        expected = CancelTooLate if self.state in SOLD | {"confirming"} else None
        if expected is None and self.state in OPEN:
            self.state, self.cancelling = "cancelling", True
        assert self.refusal_of(lambda: self.subject.request_cancel(AT)) is expected

    @rule()
    def request_capture(self) -> None:
        expected: type[Refusal] | None = None
        if self.cancelling or self.state in OVER:
            expected = PurchaseCancelled
        elif self.total is None:
            expected = WrongState
        else:
            self.capturing = True
            self.state = "confirming" if self.state in OPEN else self.state
        assert self.refusal_of(lambda: self.subject.request_capture(AT)) is expected

    @rule(minutes=st.integers(-5, 20))
    def extend_hold(self, minutes: int) -> None:
        until = LATER + timedelta(minutes=minutes)
        if self.state in OPEN:
            self.until = max(self.until, until)
        assert self.refusal_of(lambda: self.subject.extend_hold(until, AT)) is None

    @rule()
    def confirm(self) -> None:
        expected = None if self.state in SOLD | {"confirming"} else WrongState
        if self.state == "confirming":
            self.state = "confirmed"
        assert self.refusal_of(lambda: self.subject.confirm(AT)) is expected

    @rule()
    def fulfil(self) -> None:
        expected = None if self.state in SOLD else WrongState
        if expected is None:
            self.state = "fulfilled"
        assert self.refusal_of(lambda: self.subject.fulfil(AT)) is expected

    @rule(reason=REASONS)
    def end(self, reason: str) -> None:
        expected = WrongState if self.state in SOLD else None
        if self.state in OPEN:
            frees = self.total is None and reason in FREES_KEY
            self.state = "refused" if frees else "cancelled"
            self.ended[self.attempt] = (self.state, reason)
        assert self.refusal_of(lambda: self.subject.end(reason, AT)) is expected

    @invariant()
    def follows_the_model(self) -> None:
        order = self.subject
        assert (order.state, order.attempt, order.body_digest) == (self.state, self.attempt, self.body)
        assert (order.cancel_requested, order.capture_requested) == (self.cancelling, self.capturing)
        assert (order.price.total_minor if order.price else None, order.hold_until) == (self.total, self.until)

    @invariant()
    def ends_once(self) -> None:
        """A cancel and a capture are never both accepted; an end and its reason stay, unless the key was freed."""
        order = self.subject
        assert not (order.cancel_requested and order.capture_requested)
        if order.attempt in self.ended:
            assert (order.state, order.end_reason) == self.ended[order.attempt]
        assert all(state == "refused" for attempt, (state, _) in self.ended.items() if attempt < order.attempt)


test_a_purchase_ends_once = Purchase.TestCase
