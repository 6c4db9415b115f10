"""What venue, show and ticket have in common: a token on chain, signed first and minted then."""

from datetime import datetime
from typing import Any

from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.errors import WrongState
from domain.tickets.token import SignedTransaction


class TokenSigned(DomainEvent["TokenizedAggregate"]):
    """The bytes that make the token were signed; stored before they are sent."""

    TOPIC = "token.signed"

    signed: dict[str, Any]

    def apply(self, bearer: "TokenizedAggregate") -> None:
        """Keep the newest signed bytes."""
        bearer.signed = SignedTransaction.model_validate(self.signed)


class TokenMinted(DomainEvent["TokenizedAggregate"]):
    """The token was read back from the chain and verified."""

    TOPIC = "token.minted"

    mint_address: str
    signature: str

    def apply(self, bearer: "TokenizedAggregate") -> None:
        """The token exists."""
        bearer.mint_address = self.mint_address
        bearer.mint_signature = self.signature


class TokenizedAggregate(Aggregate):
    """An aggregate with a token: none → signed → minted."""

    TOPIC = ""

    def bear(self) -> None:
        """Start without a token (called by each constructor)."""
        self.signed: SignedTransaction | None = None
        self.mint_address: str | None = None
        self.mint_signature: str | None = None

    def refuse_token(self) -> str | None:
        """Say why nothing may be signed for this subject now, or None."""
        return None

    def sign_token(self, signed: SignedTransaction, at: datetime) -> None:
        """Store signed bytes; decided in the transaction that stores them, so a void subject gets none."""
        reason = self.refuse_token()
        if reason is not None:
            raise WrongState(reason, subject=self.id)
        if self.mint_address is None and self.signed != signed:
            self.record(TokenSigned, at, signed=signed.model_dump())

    def mint_token(self, mint_address: str, signature: str, at: datetime) -> None:
        """Record that the token was seen on chain; again changes nothing."""
        if self.mint_address is None:
            self.record(TokenMinted, at, mint_address=mint_address, signature=signature)
