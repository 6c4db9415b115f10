"""A ticket's right and token under any commands, repeated and in any order: one of each, no token for a void ticket."""

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from domain.core.errors import RefundNeeded, WrongState
from domain.tickets.ticket import Ticket
from tests.fakes.samples import AT, SIGNED, new_ticket
from tests.property.machines import Machine

NAMES = st.sampled_from("abc")


class Right(Machine):
    """The model: the right, the newest signature, and the first token."""

    subject: Ticket

    @initialize()
    def open(self) -> None:
        self.subject = new_ticket()
        self.right: Literal["reserved", "issued", "void"] = "reserved"
        self.signature: str | None = None
        self.token: tuple[str, str] | None = None

    @rule()
    def issue(self) -> None:
        expected = WrongState if self.right == "void" else None
        if expected is None:
            self.right = "issued"
        assert self.refusal_of(lambda: self.subject.issue(AT)) is expected

    @rule()
    def void(self) -> None:
        expected = RefundNeeded if self.right == "issued" else None
        if expected is None:
            self.right = "void"
        assert self.refusal_of(lambda: self.subject.void(AT)) is expected

    @rule(name=NAMES)
    def sign(self, name: str) -> None:
        signed = SIGNED.model_copy(update={"signature": name})
        expected = None if self.right == "issued" else WrongState
        if expected is None and self.token is None:
            self.signature = name
        assert self.refusal_of(lambda: self.subject.sign_token(signed, AT, self.subject.signed)) is expected

    @rule(name=NAMES)
    def mint(self, name: str) -> None:
        self.token = self.token or (f"mint {name}", name)
        assert self.refusal_of(lambda: self.subject.mint_token(f"mint {name}", name, AT)) is None

    @invariant()
    def follows_the_model(self) -> None:
        ticket = self.subject
        assert ticket.state == self.right
        assert (ticket.signed.signature if ticket.signed else None) == self.signature
        assert (ticket.mint_address, ticket.mint_signature) == (self.token or (None, None))

    @invariant()
    def signs_for_paid_tickets_only(self) -> None:
        assert self.subject.signed is None or self.subject.state == "issued"


test_a_ticket_is_one_right_and_one_token = Right.TestCase
