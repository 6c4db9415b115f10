"""Ticket: the right to enter (reserved → issued → redeemed, or void) and its token (none → signed → minted → burnt)."""

from datetime import datetime
from typing import Any, Literal

from domain.core.aggregate import CreatedEvent, DomainEvent
from domain.core.errors import AlreadyEntered, RefundNeeded, WrongState
from domain.tickets.has_token import TokenizedAggregate
from domain.tickets.token import SignedTransaction

TicketState = Literal["reserved", "issued", "redeemed", "void"]


class TicketReserved(CreatedEvent["Ticket"]):
    """A ticket was reserved for a purchase; it gives no right yet."""

    TOPIC = "ticket.reserved"

    tenant_id: str
    purchase_id: str
    show_id: str
    ticket_type_id: str


class TicketIssued(DomainEvent["Ticket"]):
    """The ticket is paid: it is valid at the door."""

    TOPIC = "ticket.issued"

    def apply(self, ticket: "Ticket") -> None:
        """The right begins."""
        ticket.state = "issued"


class TicketVoided(DomainEvent["Ticket"]):
    """The ticket gives no right, and nothing is signed for it from here."""

    TOPIC = "ticket.voided"

    def apply(self, ticket: "Ticket") -> None:
        """The right ends."""
        ticket.state = "void"


class TicketRedeemed(DomainEvent["Ticket"]):
    """Somebody entered with the ticket."""

    TOPIC = "ticket.redeemed"

    def apply(self, ticket: "Ticket") -> None:
        """The right is used."""
        ticket.state, ticket.entered = "redeemed", True


class BurnSigned(DomainEvent["Ticket"]):
    """The bytes that burn the token of a void ticket were signed; stored before they are sent."""

    TOPIC = "ticket.burn-signed"

    signed: dict[str, Any]

    def apply(self, ticket: "Ticket") -> None:
        """Keep the newest signed bytes."""
        ticket.burn = SignedTransaction.model_validate(self.signed)


class TokenBurnt(DomainEvent["Ticket"]):
    """The token of a void ticket is no more; without a signature it was gone before we burnt it."""

    TOPIC = "ticket.token-burnt"

    signature: str

    def apply(self, ticket: "Ticket") -> None:
        """The token has ended."""
        ticket.ended_as = "burnt"


class TokenForgone(DomainEvent["Ticket"]):
    """The signed bytes of a void ticket can no longer land: it will never have a token."""

    TOPIC = "ticket.token-forgone"

    def apply(self, ticket: "Ticket") -> None:
        """There never was a token."""
        ticket.ended_as = "forgone"


class TicketBlocked(DomainEvent["Ticket"]):
    """Nobody may enter with it while its payment is disputed."""

    TOPIC = "ticket.blocked"

    dispute_id: str

    def apply(self, ticket: "Ticket") -> None:
        """The right rests."""
        ticket.dispute_ids.append(self.dispute_id)


class TicketUnblocked(DomainEvent["Ticket"]):
    """The dispute was won: the right is what it was, unless another dispute blocks it."""

    TOPIC = "ticket.unblocked"

    dispute_id: str | None = None  # events of the first days name none, and a ticket had one at most

    def apply(self, ticket: "Ticket") -> None:
        """One reason less."""
        others = [other for other in ticket.dispute_ids if other != self.dispute_id]
        ticket.dispute_ids = others if self.dispute_id is not None else []


class Ticket(TokenizedAggregate):
    """One right to enter, with one token."""

    TOPIC = "ticket"
    STREAM_CATEGORY = "ticket"

    def __init__(self, tenant_id: str, purchase_id: str, show_id: str, ticket_type_id: str) -> None:
        """Start reserved."""
        self.bear()
        self.tenant_id = tenant_id
        self.purchase_id = purchase_id
        self.show_id = show_id
        self.ticket_type_id = ticket_type_id
        self.state: TicketState = "reserved"
        self.burn: SignedTransaction | None = None
        self.ended_as: Literal["burnt", "forgone"] | None = None
        self.entered = False
        self.dispute_ids: list[str] = []

    @property
    def blocked(self) -> bool:
        """Whether a dispute of its payment is open, or was lost."""
        return bool(self.dispute_ids)

    @property
    def token_is_over(self) -> bool:
        """Whether a void ticket has no token for good: it was burnt, can no longer land, or was never signed."""
        never = self.signed is None and self.mint_address is None
        return self.state == "void" and (self.ended_as is not None or never)

    def refuse_token(self) -> str | None:
        """Nothing is signed for a ticket that is not paid."""
        return (
            None if self.state in {"issued", "redeemed"} else f"ticket is {self.state}; only a paid ticket gets a token"
        )

    def issue(self, at: datetime) -> None:
        """Make it valid; again changes nothing."""
        if self.state == "void":
            raise WrongState("the ticket is void and cannot be issued", ticket_id=self.identity)
        if self.state == "reserved":
            self.record(TicketIssued, at)

    def block(self, dispute_id: str, at: datetime) -> None:
        """Let nobody enter with it; again changes nothing."""
        if dispute_id not in self.dispute_ids:
            self.record(TicketBlocked, at, dispute_id=dispute_id)

    def unblock(self, dispute_id: str, at: datetime) -> None:
        """Let its holder enter again as far as this dispute goes; nothing to unblock is success."""
        if dispute_id in self.dispute_ids:
            self.record(TicketUnblocked, at, dispute_id=dispute_id)

    def check_void(self) -> None:
        """Refuse to void a paid ticket."""
        if self.state in {"issued", "redeemed"}:
            raise RefundNeeded(
                "a paid ticket cannot be cancelled; request a refund of its purchase", ticket_id=self.identity
            )

    def void(self, at: datetime) -> None:
        """End an unpaid ticket; a paid one needs a refund."""
        self.check_void()
        if self.state == "reserved":
            self.record(TicketVoided, at)

    def redeem(self, at: datetime) -> None:
        """Let somebody enter, once."""
        if self.state == "redeemed":
            raise AlreadyEntered("the ticket was already used for entry", ticket_id=self.identity)
        if self.state != "issued":
            raise WrongState(f"ticket is {self.state}; only an issued ticket gives entry", ticket_id=self.identity)
        self.record(TicketRedeemed, at)

    def give_back(self, at: datetime, *, even_redeemed: bool) -> None:
        """Void a paid ticket because it is refunded; one that was used only if an operator says so."""
        if self.state == "redeemed" and not even_redeemed:
            raise AlreadyEntered("the ticket was already used for entry", ticket_id=self.identity)
        if self.state not in {"issued", "redeemed"}:
            raise WrongState(f"ticket is {self.state}; only an issued ticket can be refunded", ticket_id=self.identity)
        self.record(TicketVoided, at)

    def sign_burn(self, signed: SignedTransaction, at: datetime) -> None:
        """Store the bytes that burn the token; only of a void ticket."""
        if self.state != "void":
            raise WrongState(
                f"ticket is {self.state}; only the token of a void ticket is burnt", ticket_id=self.identity
            )
        if self.ended_as is None and self.burn != signed:
            self.record(BurnSigned, at, signed=signed.model_dump())

    def burn_token(self, signature: str, at: datetime) -> None:
        """Record that the token is gone from the chain; again changes nothing."""
        if self.ended_as is None:
            self.record(TokenBurnt, at, signature=signature)

    def forgo_token(self, at: datetime) -> None:
        """Record that signed bytes can no longer land; a ticket that nothing was signed for has nothing to forgo."""
        if self.ended_as is None and self.signed is not None:
            self.record(TokenForgone, at)
