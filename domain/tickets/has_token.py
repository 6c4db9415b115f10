"""The common base of venue, show and ticket: a token on chain, first signed, then minted."""

from dataclasses import KW_ONLY, field
from datetime import datetime
from typing import Any, NamedTuple

from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.errors import WrongState
from domain.tickets.token import SignedTransaction


class TokenSigned(DomainEvent["TokenizedAggregate"]):
    """The transaction that mints the token was signed; stored before it is sent.

    `adopted`: it was signed before a restore, and is read back from the chain, where it has made the token.
    """

    TOPIC = "token.signed"

    signed: dict[str, Any]
    adopted: bool = False

    def apply(self, bearer: "TokenizedAggregate") -> None:
        """Keep the newest signed transaction."""
        bearer.signed = SignedTransaction.model_validate(self.signed)


class TokenMinted(DomainEvent["TokenizedAggregate"]):
    """The token was read back from the chain and verified."""

    TOPIC = "token.minted"

    mint_address: str
    signature: str

    def apply(self, bearer: "TokenizedAggregate") -> None:
        """Set the address of the token."""
        bearer.mint_address = self.mint_address
        bearer.mint_signature = self.signature


class Drawing(NamedTuple):
    """A document that a token points to, and its picture, each with its CID.

    `about` is empty for the subject's own token, and a ticket type for the tickets of that type.
    """

    about: str
    cid: str
    document: str
    image_cid: str
    image: str


class MetadataDrawn(DomainEvent["TokenizedAggregate"]):
    """The metadata of tokens was drawn; stored before a transaction that points to it is signed."""

    TOPIC = "token.metadata-drawn"

    about: str
    cid: str
    document: str
    image_cid: str
    image: str

    def apply(self, bearer: "TokenizedAggregate") -> None:
        """Keep the CID of the newest metadata."""
        bearer.drawings[self.about] = self.cid
        bearer.unpinned.update((self.cid, self.image_cid))


class MetadataPinned(DomainEvent["TokenizedAggregate"]):
    """A file of the metadata was pinned at a node of IPFS, which has said so when asked."""

    TOPIC = "token.metadata-pinned"

    cid: str

    def apply(self, bearer: "TokenizedAggregate") -> None:
        """Take the file from those that wait."""
        bearer.unpinned.discard(self.cid)


class TokenizedAggregate(Aggregate):
    """An aggregate with a token: none → signed → minted."""

    TOPIC = ""

    _: KW_ONLY
    signed: SignedTransaction | None = None
    mint_address: str | None = None
    mint_signature: str | None = None
    drawings: dict[str, str] = field(default_factory=dict)
    unpinned: set[str] = field(default_factory=set)

    def draw(self, drawing: Drawing, at: datetime) -> None:
        """Store metadata; the same again changes nothing."""
        if self.drawings.get(drawing.about) != drawing.cid:
            self.record(MetadataDrawn, at, **drawing._asdict())

    def pin(self, cid: str, at: datetime) -> None:
        """Record that a file is pinned; idempotent."""
        if cid in self.unpinned:
            self.record(MetadataPinned, at, cid=cid)

    def refuse_token(self) -> str | None:
        """Return the reason why nothing may be signed for this subject now, or None."""
        return None

    def sign_token(
        self, signed: SignedTransaction, at: datetime, after: SignedTransaction | None = None
    ) -> SignedTransaction:
        """Store a signed transaction, if `after` is still the newest one; return the newest: only that may be sent.

        Raise WrongState if the subject may not have a token.
        """
        reason = self.refuse_token()
        if reason is not None:
            raise WrongState(reason, subject=self.id)
        if self.mint_address is None and self.signed == after != signed:
            self.record(TokenSigned, at, signed=signed.model_dump())
        return self.signed or signed

    def adopt_token(self, signed: SignedTransaction, at: datetime) -> SignedTransaction:
        """Store the transaction that has made a token which nothing here remembers; return the newest one.

        Raise WrongState if the subject may not have a token.
        """
        reason = self.refuse_token()
        if reason is not None:
            raise WrongState(reason, subject=self.id)
        if self.mint_address is None and self.signed is None:
            self.record(TokenSigned, at, signed=signed.model_dump(), adopted=True)
        return self.signed or signed

    def mint_token(self, mint_address: str, signature: str, at: datetime) -> None:
        """Record that the token is on chain; idempotent."""
        if self.mint_address is None:
            self.record(TokenMinted, at, mint_address=mint_address, signature=signature)
