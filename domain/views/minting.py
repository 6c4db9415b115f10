"""The newest figures about minting: the payer's money, what is owed, the nodes."""

from typing import TypedDict


class NodeLine(TypedDict):
    """A node as the watch sees it; `trouble` is empty while it answers."""

    name: str
    trouble: str
    calls: int
    failures: int
    limited: int


class MintingDocument(TypedDict):
    """The figures of one look; `runway` is the number of tickets that can still be sold and paid for."""

    at: str
    payer: str
    lamports: int
    low_lamports: int
    ticket_lamports: int
    owed: int
    runway: int
    low_since: str | None
    nodes: list[NodeLine]


class MintSummary(TypedDict):
    """The tokens of sold tickets: of a show, or of all; `oldest` was sold first among the owed ones."""

    minted: int
    in_flight: int
    owed: int
    oldest: str | None
    minted_per_minute: float
