"""A ticket's claim under any commands, repeated and in any order: one delivery, and nothing after a refund."""

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from domain.core.errors import AlreadyClaimed, WrongState
from domain.tickets.claiming import ClaimDone, ClaimSigned, TicketClaimed
from domain.tickets.ticket import Ticket
from tests.fakes.samples import AT, SIGNED, events_of, new_ticket
from tests.property.machines import Machine, refusal_in

NAMES = st.sampled_from("abc")


class Claiming(Machine):
    """The model: whether it is paid, blocked, how far the claim is, and the newest signature of a move."""

    subject: Ticket

    @initialize()
    def open(self) -> None:
        self.subject = new_ticket()
        self.subject.issue(AT)
        self.paid, self.blocked = True, False
        self.claim: Literal["none", "requested", "done"] = "none"
        self.move: str | None = None
        self.holder: str | None = None
        self.made = 0

    @rule()
    def refund(self) -> None:
        expected = None if self.paid else WrongState
        self.paid = False
        assert refusal_in(lambda: self.subject.give_back(AT, even_redeemed=False)) is expected

    @rule()
    def dispute(self) -> None:
        self.subject.block("dp", AT)
        self.blocked = True

    @rule()
    def win(self) -> None:
        self.subject.unblock("dp", AT)
        self.blocked = False

    @rule(name=NAMES)
    def ask(self, name: str) -> None:
        refused = AlreadyClaimed if self.claim != "none" else WrongState if not self.paid or self.blocked else None
        if refused is None:
            self.claim, self.holder, self.move, self.made = "requested", name, None, self.made + 1
        assert refusal_in(lambda: self.subject.claim_token(name, AT)) is refused

    @rule(name=NAMES, knows_newest=st.booleans())
    def sign(self, name: str, knows_newest: bool) -> None:  # noqa: FBT001 - a strategy
        signed = SIGNED.model_copy(update={"signature": name})
        after = self.subject.transfer if knows_newest else None
        refused = None if self.paid and self.claim == "requested" else WrongState
        if refused is None and (knows_newest or self.move is None):
            self.move = name
        assert self.refusal_of(lambda: self.subject.sign_transfer(signed, AT, after)) is refused

    @rule()
    def deliver(self) -> None:
        self.claim = "done" if self.claim == "requested" else self.claim
        assert self.refusal_of(lambda: self.subject.finish_claim("landed", AT)) is None

    @rule()
    def lapse(self) -> None:
        if self.claim == "requested":
            self.claim, self.holder, self.move = "none", None, None
        assert self.refusal_of(lambda: self.subject.lapse_claim("no-wallet", AT)) is None

    @invariant()
    def follows_the_model(self) -> None:
        ticket = self.subject
        assert (ticket.claim, ticket.holder_id, ticket.claims) == (self.claim, self.holder, self.made)
        assert (ticket.transfer.signature if ticket.transfer else None) == self.move

    @invariant()
    def is_delivered_once(self) -> None:
        """A generation is a delivery, each delivery has its claim, and no move is signed outside an open one."""
        kinds = [type(event) for event in events_of(self.subject)]
        assert kinds.count(ClaimDone) == self.subject.generation <= 1
        assert kinds.count(ClaimDone) <= kinds.count(TicketClaimed)
        assert ClaimSigned not in kinds[: kinds.index(TicketClaimed) if TicketClaimed in kinds else None]


test_a_claim_is_delivered_once = Claiming.TestCase
