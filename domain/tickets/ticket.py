"""Ticket: the right to enter (reserved → issued → redeemed, or void) and its token (none → signed → minted → burnt)."""

from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from domain.core.aggregate import CreatedEvent, DomainEvent, sets
from domain.core.errors import AlreadyEntered, RefundNeeded, WrongState
from domain.tickets import admission
from domain.tickets.admission import Admission, DoorEntry, ShowAtDoor, TicketAtDoor
from domain.tickets.claiming import ClaimableTicket
from domain.tickets.leaf import Leaf, LeafEnd
from domain.tickets.token import SignedTransaction

TicketState = admission.TicketState


class TicketReserved(CreatedEvent["Ticket"]):
    """A ticket was reserved for a purchase; it gives no right to enter yet.

    `public_name` is its name on chain, which tells none of its ids; that of a ticket of 0.1.0 is its id.
    """

    TOPIC = "ticket.reserved"

    tenant_id: str
    purchase_id: str
    show_id: str
    ticket_type_id: str
    public_name: str = ""

    def apply(self, ticket: "Ticket") -> None:
        """Set the name on chain."""
        ticket.public_name = self.public_name or ticket.identity


class TicketIssued(DomainEvent["Ticket"]):
    """The ticket was paid: it gives the right to enter."""

    TOPIC = "ticket.issued"
    apply = sets(state="issued")


class TicketVoided(DomainEvent["Ticket"]):
    """The ticket was voided: it gives no right to enter, and nothing is signed for it any more."""

    TOPIC = "ticket.voided"
    apply = sets(state="void")


class TicketRedeemed(DomainEvent["Ticket"]):
    """The ticket was used for entry, at a gate; `entered_at` is the time if it was told later, by a gate offline."""

    TOPIC = "ticket.redeemed"

    gate: str = ""
    check_in_id: str = ""
    entered_at: datetime | None = None

    def apply(self, ticket: "Ticket") -> None:
        """Mark the ticket as redeemed."""
        ticket.state = "redeemed"
        ticket.entry = DoorEntry(self.entered_at or self.timestamp, self.gate, self.check_in_id)


class EntryUndone(DomainEvent["Ticket"]):
    """The check-in of the ticket was undone: the ticket gives entry again."""

    TOPIC = "ticket.entry-undone"

    check_in_id: str
    gate: str = ""

    apply = sets(state="issued", entry=None)


class CodeIssuedAnew(DomainEvent["Ticket"]):
    """The code of the ticket was issued anew: those of earlier generations give no entry any more."""

    TOPIC = "ticket.code-issued-anew"

    generation: int

    apply = sets("generation")


class BurnSigned(DomainEvent["Ticket"]):
    """The transaction that burns the token of a void ticket was signed; stored before it is sent."""

    TOPIC = "ticket.burn-signed"

    signed: dict[str, Any]

    def apply(self, ticket: "Ticket") -> None:
        """Keep the newest signed transaction."""
        ticket.burn = SignedTransaction.model_validate(self.signed)


class TokenBurnt(DomainEvent["Ticket"]):
    """The token of a void ticket is gone; without a signature it was gone before we burnt it."""

    TOPIC = "ticket.token-burnt"

    signature: str

    apply = sets(ended_as="burnt")


class TokenForgone(DomainEvent["Ticket"]):
    """The signed transaction of a void ticket can no longer land: the ticket never gets a token."""

    TOPIC = "ticket.token-forgone"
    apply = sets(ended_as="forgone")


class LeafRecorded(DomainEvent["Ticket"]):
    """The ticket became a leaf of its show's tree, in the place of a token."""

    TOPIC = "ticket.leaf-recorded"

    leaf: dict[str, Any]

    def apply(self, ticket: "Ticket") -> None:
        """Keep the leaf."""
        ticket.leaf = Leaf.model_validate(self.leaf)


class LeafEnded(DomainEvent["Ticket"]):
    """The leaf proves nothing any more: the ticket was refunded, or its token is minted after all."""

    TOPIC = "ticket.leaf-ended"

    cause: LeafEnd

    def apply(self, ticket: "Ticket") -> None:
        """Keep the cause."""
        ticket.leaf_end = self.cause


class TicketBlocked(DomainEvent["Ticket"]):
    """The ticket was blocked while its payment is disputed."""

    TOPIC = "ticket.blocked"

    dispute_id: str

    def apply(self, ticket: "Ticket") -> None:
        """Add the dispute."""
        ticket.dispute_ids.append(self.dispute_id)


class TicketUnblocked(DomainEvent["Ticket"]):
    """The dispute was won: the ticket is valid again, unless another dispute blocks it."""

    TOPIC = "ticket.unblocked"

    dispute_id: str | None = None  # the oldest events name none; a ticket had one at most

    def apply(self, ticket: "Ticket") -> None:
        """Remove the dispute, or all if the event names none."""
        others = [other for other in ticket.dispute_ids if other != self.dispute_id]
        ticket.dispute_ids = others if self.dispute_id is not None else []


class Ticket(ClaimableTicket):
    """The right to enter of one person, with one token."""

    TOPIC = "ticket"
    STREAM_CATEGORY = "ticket"

    tenant_id: str
    purchase_id: str
    show_id: str
    ticket_type_id: str
    public_name: str = field(init=False)
    state: TicketState = "reserved"
    burn: SignedTransaction | None = None
    ended_as: Literal["burnt", "forgone"] | None = None
    entry: DoorEntry | None = None  # stays when a refund voids a used ticket
    dispute_ids: list[str] = field(default_factory=list)
    leaf: Leaf | None = None
    leaf_end: LeafEnd | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether it is proved by a leaf of its show's tree: nothing may be minted for it."""
        return self.leaf is not None and self.leaf_end is None

    @property
    def entered(self) -> bool:
        """Whether somebody entered with it."""
        return self.entry is not None

    @property
    def blocked(self) -> bool:
        """Whether a dispute of its payment is open, or was lost."""
        return bool(self.dispute_ids)

    @property
    def token_is_over(self) -> bool:
        """Whether a void ticket has no token for good: burnt, unable to land, or never signed; and no leaf."""
        never = self.signed is None and self.mint_address is None and not self.is_leaf
        return self.state == "void" and (self.ended_as is not None or never)

    def refuse_token(self) -> str | None:
        """Return a reason unless the ticket is paid."""
        return (
            None if self.state in {"issued", "redeemed"} else f"ticket is {self.state}; only a paid ticket gets a token"
        )

    def check_claim(self) -> None:
        """Refuse a claim also while a dispute blocks the ticket."""
        super().check_claim()
        if self.blocked:
            raise WrongState("the payment of this ticket is disputed; it cannot be claimed", ticket_id=self.identity)

    def issue(self, at: datetime) -> None:
        """Mark a paid ticket as valid, idempotently; raise WrongState if it is void."""
        if self.state == "void":
            raise WrongState("the ticket is void and cannot be issued", ticket_id=self.identity)
        if self.state == "reserved":
            self.record(TicketIssued, at)

    def block(self, dispute_id: str, at: datetime) -> None:
        """Block entry because of a dispute; idempotent per dispute."""
        if dispute_id not in self.dispute_ids:
            self.record(TicketBlocked, at, dispute_id=dispute_id)

    def unblock(self, dispute_id: str, at: datetime) -> None:
        """Remove the block of a dispute; nothing to unblock is success."""
        if dispute_id in self.dispute_ids:
            self.record(TicketUnblocked, at, dispute_id=dispute_id)

    def check_void(self) -> None:
        """Raise RefundNeeded for a paid ticket."""
        if self.state in {"issued", "redeemed"}:
            raise RefundNeeded(
                "a paid ticket cannot be cancelled; request a refund of its purchase", ticket_id=self.identity
            )

    def void(self, at: datetime) -> None:
        """Void an unpaid ticket, idempotently; raise RefundNeeded for a paid one."""
        self.check_void()
        if self.state == "reserved":
            self.record(TicketVoided, at)

    def admits(self, show: ShowAtDoor, at: datetime, generation: int | None = None) -> Admission:
        """Decide whether it lets somebody into a show at a time; every way to ask asks this.

        `generation` is that of the code shown, None if none was shown.
        """
        known = TicketAtDoor(self.show_id, self.state, self.blocked, self.entry, self.generation)
        return admission.admission(known, show, at, generation)

    def enter(self, show: ShowAtDoor, entry: DoorEntry, at: datetime, generation: int | None = None) -> Admission:
        """Use the ticket for entry if it admits at the time of the entry; return the answer."""
        answer = self.admits(show, entry.at, generation)
        if answer.admitted:
            entered_at = None if entry.at == at else entry.at
            self.record(TicketRedeemed, at, gate=entry.gate, check_in_id=entry.check_in_id, entered_at=entered_at)
        return answer

    def undo_entry(self, check_in_id: str, at: datetime) -> None:
        """Undo the entry that a check-in made; raise WrongState if the ticket is not used by it now."""
        if self.state != "redeemed" or self.entry is None or self.entry.check_in_id != check_in_id:
            raise WrongState(f"ticket is {self.state}, and not by this check-in", ticket_id=self.identity)
        self.record(EntryUndone, at, check_in_id=check_in_id, gate=self.entry.gate)

    def check_code(self) -> None:
        """Raise WrongState unless the ticket has a code: it is paid."""
        if self.state not in {"issued", "redeemed"}:
            raise WrongState(f"ticket is {self.state}; only a paid ticket has a code", ticket_id=self.identity)

    def issue_code_anew(self, generation: int, at: datetime) -> int:
        """End the code of a generation; return the newest generation. A repeat changes nothing.

        Raise WrongState if the newest one is neither it nor the next.
        """
        self.check_code()
        if self.generation not in {generation, generation + 1}:
            raise WrongState(
                f"the newest code is of generation {self.generation}, not {generation}",
                ticket_id=self.identity,
                generation=self.generation,
            )
        if self.generation == generation:
            self.record(CodeIssuedAnew, at, generation=generation + 1)
        return self.generation

    def give_back(self, at: datetime, *, even_redeemed: bool) -> None:
        """Void a paid ticket because of a refund; a redeemed one only with `even_redeemed`."""
        if self.state == "redeemed" and not even_redeemed:
            raise AlreadyEntered("the ticket was already used for entry", ticket_id=self.identity)
        if self.state not in {"issued", "redeemed"}:
            raise WrongState(f"ticket is {self.state}; only an issued ticket can be refunded", ticket_id=self.identity)
        self.record(TicketVoided, at)

    def sign_burn(self, signed: SignedTransaction, at: datetime) -> None:
        """Store the transaction that burns the token; raise WrongState unless the ticket is void."""
        if self.state != "void":
            raise WrongState(
                f"ticket is {self.state}; only the token of a void ticket is burnt", ticket_id=self.identity
            )
        if self.ended_as is None and self.burn != signed:
            self.record(BurnSigned, at, signed=signed.model_dump())

    def burn_token(self, signature: str, at: datetime) -> None:
        """Record that the token is gone from the chain; idempotent."""
        if self.ended_as is None:
            self.record(TokenBurnt, at, signature=signature)

    def forgo_token(self, at: datetime) -> None:
        """Record that the signed transaction can no longer land; without effect if nothing was signed."""
        if self.ended_as is None and self.signed is not None:
            self.record(TokenForgone, at)

    def sign_token(
        self, signed: SignedTransaction, at: datetime, after: SignedTransaction | None = None
    ) -> SignedTransaction:
        """Store a signed mint; raise WrongState while a leaf proves the ticket."""
        self._refuse_leaf()
        return super().sign_token(signed, at, after)

    def adopt_token(self, signed: SignedTransaction, at: datetime) -> SignedTransaction:
        """Store the mint of a token that is on chain already; raise WrongState while a leaf proves the ticket."""
        self._refuse_leaf()
        return super().adopt_token(signed, at)

    def _refuse_leaf(self) -> None:
        if self.is_leaf:
            raise WrongState("ticket is a leaf of its show's tree; it gets a token when it is claimed", subject=self.id)

    def record_leaf(self, leaf: Leaf, at: datetime) -> None:
        """Become a leaf; raise WrongState for a ticket that has one or a token, or that is not paid."""
        reason = self.refuse_token()
        if reason is None and (self.leaf is not None or self.signed is not None):
            reason = "ticket has a token, or was a leaf before"
        if reason is not None:
            raise WrongState(reason, ticket_id=self.identity)
        self.record(LeafRecorded, at, leaf=leaf.model_dump())

    def end_leaf(self, cause: LeafEnd, at: datetime) -> None:
        """End the leaf; raise WrongState where there is none, or a refund's of a ticket that is not void."""
        if not self.is_leaf or (cause == "refund") != (self.state == "void"):
            raise WrongState(f"ticket is {self.state}; its leaf cannot end by a {cause}", ticket_id=self.identity)
        self.record(LeafEnded, at, cause=cause)
