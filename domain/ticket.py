"""Ticket: the right to enter (reserved → issued, or void) and its token (none → signed → minted)."""

from datetime import datetime
from typing import Any, Literal

from domain.bearer import TokenBearer
from domain.fact import Fact, FirstFact
from domain.refusals import RefundNeeded, WrongState

TicketState = Literal["reserved", "issued", "void"]


class TicketReserved(FirstFact):
    """A ticket was reserved for a purchase; it gives no right yet."""

    tenant_id: str
    purchase_id: str
    show_id: str
    ticket_type_id: str


class TicketIssued(Fact):
    """The ticket is paid: it is valid at the door."""

    def apply(self, aggregate: Any) -> None:
        """The right begins."""
        aggregate.state = "issued"


class TicketVoided(Fact):
    """The ticket gives no right, and nothing is signed for it from here."""

    def apply(self, aggregate: Any) -> None:
        """The right ends."""
        aggregate.state = "void"


class TicketBlocked(Fact):
    """Nobody may enter with it while its payment is disputed."""

    dispute_id: str

    def apply(self, aggregate: Any) -> None:
        """The right rests."""
        aggregate.blocked = True


class TicketUnblocked(Fact):
    """The dispute was won: the right is what it was."""

    def apply(self, aggregate: Any) -> None:
        """The right is back."""
        aggregate.blocked = False


class Ticket(TokenBearer):
    """One right to enter, with one token."""

    KIND = "ticket"

    def __init__(self, tenant_id: str, purchase_id: str, show_id: str, ticket_type_id: str) -> None:
        """Start reserved."""
        self.bear()
        self.tenant_id = tenant_id
        self.purchase_id = purchase_id
        self.show_id = show_id
        self.ticket_type_id = ticket_type_id
        self.state: TicketState = "reserved"
        self.blocked = False

    def refuse_token(self) -> str | None:
        """Nothing is signed for a ticket that is not paid."""
        return None if self.state == "issued" else f"no token for a ticket that is {self.state}"

    def issue(self, at: datetime) -> None:
        """Make it valid; again changes nothing."""
        if self.state == "void":
            raise WrongState("a void ticket is not issued", ticket_id=self.identity)
        if self.state == "reserved":
            self.record(TicketIssued, at)

    def block(self, dispute_id: str, at: datetime) -> None:
        """Let nobody enter with it; again changes nothing."""
        if not self.blocked:
            self.record(TicketBlocked, at, dispute_id=dispute_id)

    def unblock(self, at: datetime) -> None:
        """Let its holder enter again; nothing to unblock is success."""
        if self.blocked:
            self.record(TicketUnblocked, at)

    def check_void(self) -> None:
        """Refuse to void a paid ticket."""
        if self.state == "issued":
            raise RefundNeeded("a paid ticket is given back by a refund", ticket_id=self.identity)

    def void(self, at: datetime) -> None:
        """End an unpaid ticket; a paid one needs a refund."""
        self.check_void()
        if self.state == "reserved":
            self.record(TicketVoided, at)
