"""Claims: a ticket's token goes to the wallet that its buyer has shown to be theirs (none → requested → done).

A claim names a row of the table of buyers, never the wallet. It lapses where the token cannot go there; then the ticket
can be claimed again.
"""

from dataclasses import KW_ONLY
from datetime import datetime
from typing import Any, Literal

from domain.core.aggregate import DomainEvent, sets
from domain.core.errors import AlreadyClaimed, WrongState
from domain.tickets.has_token import TokenizedAggregate
from domain.tickets.token import SignedTransaction

ClaimState = Literal["none", "requested", "done"]
LapseReason = Literal["refunded", "no-wallet", "not-in-custody"]


class TicketClaimed(DomainEvent["ClaimableTicket"]):
    """The token was claimed for a wallet, which the row `holder_id` of the table of buyers has."""

    TOPIC = "ticket.claimed"

    holder_id: str

    def apply(self, ticket: "ClaimableTicket") -> None:
        """Open the claim; no signed transfer is of it yet."""
        ticket.claim, ticket.holder_id, ticket.transfer = "requested", self.holder_id, None
        ticket.claims += 1


class ClaimSigned(DomainEvent["ClaimableTicket"]):
    """The transaction that moves the token from custody was signed; stored before it is sent."""

    TOPIC = "ticket.claim-signed"

    signed: dict[str, Any]

    def apply(self, ticket: "ClaimableTicket") -> None:
        """Keep the newest signed transaction."""
        ticket.transfer = SignedTransaction.model_validate(self.signed)


class ClaimDone(DomainEvent["ClaimableTicket"]):
    """The token is in the claimed wallet: `signature` is of the transaction that brought it there, final on chain.

    `generation` counts the holders of the ticket and the codes that were issued anew; what a former one was given is
    worth nothing from then on.
    """

    TOPIC = "ticket.claim-done"

    signature: str
    generation: int = 1

    apply = sets("generation", claim="done")


class ClaimLapsed(DomainEvent["ClaimableTicket"]):
    """The claim ended without the token: the ticket can be claimed again, unless it was refunded."""

    TOPIC = "ticket.claim-lapsed"

    reason: LapseReason

    apply = sets(claim="none", holder_id=None, transfer=None)


class ClaimableTicket(TokenizedAggregate):
    """A ticket whose token its buyer can claim, once."""

    TOPIC = ""

    _: KW_ONLY
    claim: ClaimState = "none"
    holder_id: str | None = None
    transfer: SignedTransaction | None = None
    claims: int = 0
    generation: int = 0

    def check_claim(self) -> None:
        """Raise AlreadyClaimed, or WrongState for a ticket that gives no token."""
        if self.claim != "none":
            raise AlreadyClaimed("the token of this ticket was claimed already", ticket_id=self.identity)
        reason = self.refuse_token()
        if reason is not None:
            raise WrongState(reason, ticket_id=self.identity)

    def claim_token(self, holder_id: str, at: datetime) -> None:
        """Claim the token; raise as `check_claim` does."""
        self.check_claim()
        self.record(TicketClaimed, at, holder_id=holder_id)

    def sign_transfer(
        self, signed: SignedTransaction, at: datetime, after: SignedTransaction | None = None
    ) -> SignedTransaction:
        """Store the transaction that moves the token, if `after` is still the newest one; return the newest.

        Raise WrongState unless the claim is open and the ticket is paid.
        """
        reason = self.refuse_token() or (None if self.claim == "requested" else "the claim is not open")
        if reason is not None:
            raise WrongState(reason, ticket_id=self.identity)
        if self.transfer == after != signed:
            self.record(ClaimSigned, at, signed=signed.model_dump())
        return self.transfer or signed

    def finish_claim(self, signature: str, at: datetime) -> None:
        """Record that the token is in the claimed wallet; idempotent."""
        if self.claim == "requested":
            self.record(ClaimDone, at, signature=signature, generation=self.generation + 1)

    def lapse_claim(self, reason: LapseReason, at: datetime) -> None:
        """End an open claim without the token; idempotent."""
        if self.claim == "requested":
            self.record(ClaimLapsed, at, reason=reason)
