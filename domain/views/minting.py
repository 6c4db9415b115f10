"""The newest figures about minting, and the tree of a show: the payer's money, what is owed, the nodes."""

from typing import Protocol

from typing_extensions import TypedDict

from domain.core.timestamp import Timestamp
from domain.tickets.leaf import LeafEnd


class NodeState(Protocol):
    """The calls of a Solana node so far, and why it is not called now."""

    name: str
    trouble: str
    calls: int
    failures: int
    limited: int


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


class TreeDocument(TypedDict):
    """The tree of a show that mints on claim; `waiting_since` is the time of its oldest change that is not on chain."""

    tenant_id: str
    show_id: str
    show_mint: str
    changes: int
    changes_on_chain: int
    leaves_on_chain: int
    leaves_settled: int
    waiting_since: Timestamp | None


class LeafProof(TypedDict):
    """A proof that a ticket is a leaf under a root, for anybody to check: hashes in hex, `path` from leaf to root.

    The leaf is made of `cluster` (the chain's genesis hash), `show_mint`, `index`, `public_name`, `cid`, `generation`;
    `docs/minting.md` has the verifier.
    """

    cluster: str
    show_mint: str
    size: int
    root: str
    index: int
    public_name: str
    cid: str
    generation: int
    leaf: str
    path: list[str]


class LeafState(TypedDict):
    """A ticket's leaf: `on_chain` while a root on chain has it, `proof` while it also stands for the ticket.

    `ended_by` says that a refund or a claim has ended it; the next root is without it. `root_signature` is of the
    transaction that wrote the root.
    """

    on_chain: bool
    ended_by: LeafEnd | None
    root_signature: str | None
    proof: LeafProof | None
