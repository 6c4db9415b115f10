"""A payment under any webhooks, repeated, late and in any order: captured once, owed before it is refunded."""

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from domain.core.errors import WrongState
from domain.payments.payment import Payment
from tests.fakes.samples import AT, new_payment
from tests.property.machines import Machine

AMOUNT = 2208
AMOUNTS = st.sampled_from([AMOUNT, AMOUNT, AMOUNT - 1, 0])
RANK = {"open": 0, "authorised": 1, "cancelled": 2, "captured": 2, "owed": 3, "refunded": 3}
State = Literal["open", "authorised", "captured", "owed", "cancelled", "refunded"]


class Money(Machine):
    """The model: a state whose rank never falls, and the captured and refunded amounts."""

    subject: Payment

    @initialize()
    def open(self) -> None:
        self.subject = new_payment(AMOUNT)
        self.state: State = "open"
        self.highest = 0
        self.taken = self.given_back = 0
        self.codes: list[str] = []

    @rule(code=st.sampled_from(["generic_decline", "insufficient_funds"]))
    def decline(self, code: str) -> None:
        if self.state == "open" and self.codes[-1:] != [code]:
            self.codes.append(code)
        assert self.refusal_of(lambda: self.subject.decline(code, AT)) is None

    @rule()
    def authorise(self) -> None:
        if self.state == "open":
            self.state = "authorised"
        assert self.refusal_of(lambda: self.subject.authorise(AT)) is None

    @rule(amount=AMOUNTS)
    def capture(self, amount: int) -> None:
        expected = WrongState if self.state == "cancelled" else None
        if expected is None and RANK[self.state] < RANK["captured"]:
            self.state, self.taken = "captured", amount
        assert self.refusal_of(lambda: self.subject.capture("ch", amount, 94, AT)) is expected

    @rule()
    def cancel(self) -> None:
        expected = WrongState if self.state in {"captured", "owed"} else None
        if RANK[self.state] < RANK["cancelled"]:
            self.state = "cancelled"
        assert self.refusal_of(lambda: self.subject.cancel(AT)) is expected

    @rule()
    def owe(self) -> None:
        expected = None if RANK[self.state] >= RANK["captured"] and self.state != "cancelled" else WrongState
        if expected is None:
            self.state, self.given_back = "owed", 0
        assert self.refusal_of(lambda: self.subject.owe(AT)) is expected

    @rule()
    def refund(self) -> None:
        expected = None if self.state in {"owed", "refunded"} else WrongState
        if expected is None:
            self.state, self.given_back = "refunded", self.taken
        assert self.refusal_of(lambda: self.subject.refund("re", AT)) is expected

    @invariant()
    def follows_the_model(self) -> None:
        payment = self.subject
        assert (payment.state, payment.captured_minor) == (self.state, self.taken)
        assert (payment.refunded_minor, payment.declines) == (self.given_back, len(self.codes))

    @invariant()
    def never_goes_back(self) -> None:
        """The rank of the state never falls, and a cancelled payment was never captured."""
        payment = self.subject
        assert RANK[payment.state] >= self.highest
        self.highest = RANK[payment.state]
        assert payment.refunded_minor <= payment.captured_minor
        assert not (payment.state == "cancelled" and payment.captured_minor)


test_money_is_taken_once = Money.TestCase
