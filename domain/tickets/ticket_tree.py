"""TicketTree: the leaves of a show's tickets in the order of their sale, and the roots written to the chain.

A change is a leaf that is appended or nullified. The root of a version is that of the first so many changes: it follows
from the events alone. At most one root is on its way to the chain, and versions only grow.
"""

import base64
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.errors import WrongState
from domain.tickets.leaf import NULLIFIED, Grounds, Leaf, LeafEnd, TreeRoot, leaf_of
from domain.tickets.merkle import MerkleTree
from domain.tickets.token import SignedTransaction

HASH_BYTES = 32
Change = tuple[int, bytes]


class TreeOpened(CreatedEvent["TicketTree"]):
    """The show's mint is on chain, and its tickets will be leaves."""

    TOPIC = "tree.opened"

    tenant_id: str
    show_id: str
    cluster: str
    show_mint: str


class LeafAppended(DomainEvent["TicketTree"]):
    """A sold ticket became the next leaf."""

    TOPIC = "tree.leaf-appended"

    index: int
    ticket_id: str
    leaf: str

    def apply(self, tree: "TicketTree") -> None:
        """Add the leaf; its ticket is owed until a root with it is on chain."""
        tree.pending.append((self.index, bytes.fromhex(self.leaf)))
        tree.size += 1
        tree.owed.append(self.ticket_id)


class LeafNullified(DomainEvent["TicketTree"]):
    """The leaf of a refunded or claimed ticket proves nothing any more; its place stays."""

    TOPIC = "tree.leaf-nullified"

    index: int
    ticket_id: str
    cause: LeafEnd

    def apply(self, tree: "TicketTree") -> None:
        """Put nothing in the place of the leaf."""
        tree.pending.append((self.index, NULLIFIED))


class RootSigned(DomainEvent["TicketTree"]):
    """A transaction that writes a root was signed; stored before it is sent."""

    TOPIC = "tree.root-signed"

    version: int
    size: int
    root: str
    signed: dict[str, Any]

    def apply(self, tree: "TicketTree") -> None:
        """Keep the newest signed root."""
        tree.signed = SignedTransaction.model_validate(self.signed)
        tree.signed_root, tree.signed_version = TreeRoot(self.size, self.root), self.version


class RootWritten(DomainEvent["TicketTree"]):
    """A root stands on chain, finalized."""

    TOPIC = "tree.root-written"

    version: int
    size: int
    root: str
    signature: str

    def apply(self, tree: "TicketTree") -> None:
        """Bring the tree to what stands on chain."""
        count = self.version - tree.written_version
        tree.written.put(tree.pending[:count])
        del tree.pending[:count]
        tree.written_version = self.version
        tree.root, tree.signature = TreeRoot(self.size, self.root), self.signature
        tree.signed = tree.signed_root = None


class LeafDebtSettled(DomainEvent["TicketTree"]):
    """The books owe the tickets of the first so many leaves no more: they are on chain."""

    TOPIC = "tree.leaves-settled"

    count: int

    def apply(self, tree: "TicketTree") -> None:
        """Take the tickets from those that are owed."""
        del tree.owed[: self.count - tree.settled]
        tree.settled = self.count


class TicketTree(Aggregate):
    """The tree of a show: what stands on chain, and the changes since."""

    TOPIC = "tree"
    STREAM_CATEGORY = "tree"
    CONTENDED = True
    SNAPSHOT_VERSION = 1

    tenant_id: str
    show_id: str
    cluster: str
    show_mint: str
    size: int = 0
    written: MerkleTree = field(default_factory=MerkleTree)
    written_version: int = 0  # of the root on chain
    root: TreeRoot | None = None
    signature: str = ""
    pending: list[Change] = field(default_factory=list)
    signed: SignedTransaction | None = None
    signed_root: TreeRoot | None = None
    signed_version: int = 0
    settled: int = 0
    owed: list[str] = field(default_factory=list)  # tickets of the leaves from `settled` on

    @property
    def grounds(self) -> Grounds:
        """Where its leaves stand."""
        return Grounds(self.cluster, self.show_mint)

    @property
    def newest_version(self) -> int:
        """The number of changes so far."""
        return self.written_version + len(self.pending)

    @property
    def is_written(self) -> bool:
        """Whether every change is on chain, or there was none."""
        return not self.pending

    def append(self, ticket_id: str, public_name: str, cid: str, at: datetime) -> Leaf:
        """Add a ticket as the next leaf; the ticket itself knows whether it has one already."""
        leaf = leaf_of(self.grounds, self.size, public_name, cid)
        self.record(LeafAppended, at, index=leaf.index, ticket_id=ticket_id, leaf=leaf.hash)
        return leaf

    def nullify(self, index: int, ticket_id: str, cause: LeafEnd, at: datetime) -> None:
        """End a leaf; the ticket itself knows whether it has ended already."""
        self.record(LeafNullified, at, index=index, ticket_id=ticket_id, cause=cause)

    def tree_of(self, version: int) -> MerkleTree:
        """Return the tree of a version, not older than what stands on chain."""
        changes = self.pending[: version - self.written_version]
        if not changes:
            return self.written
        tree = self.written.copy()
        tree.put(changes)
        return tree

    def root_of(self, version: int) -> TreeRoot:
        """Return the root of a version."""
        tree = self.tree_of(version)
        return TreeRoot(len(tree.leaves), tree.root.hex())

    def tree_under(self, root: TreeRoot) -> MerkleTree | None:
        """Return the tree under a root that was read from the chain: the one written last, or the one being written."""
        if root == self.root:
            return self.written
        return self.tree_of(self.signed_version) if root == self.signed_root else None

    def signature_of(self, root: TreeRoot) -> str | None:
        """Return the signature of the transaction that wrote a root read from the chain; None for an unknown root."""
        if root == self.root:
            return self.signature
        return self.signed.signature if self.signed is not None and root == self.signed_root else None

    def path_of(self, leaf: Leaf, root: TreeRoot) -> tuple[str, ...] | None:
        """Return the path from a leaf to a root that was read from the chain.

        None for an unknown root, and for a leaf that is not under it: a nullified one has lost its place.
        """
        tree = self.tree_under(root)
        if tree is None or leaf.index >= len(tree.leaves) or tree.leaves[leaf.index].hex() != leaf.hash:
            return None
        return tuple(node.hex() for node in tree.path(leaf.index))

    def sign_root(
        self, signed: SignedTransaction, version: int, after: SignedTransaction | None, at: datetime
    ) -> SignedTransaction | None:
        """Store a signed root, if `after` is still the newest one and the version is newer than what stands on chain.

        Return the newest signed root: only that may be sent, and nothing where there is none. The caller has made sure
        that `after` can no longer land: an older root must never come after a newer one.
        """
        if self.signed == after and version > self.written_version:
            root = self.root_of(version)
            self.record(RootSigned, at, version=version, size=root.size, root=root.root, signed=signed.model_dump())
        return self.signed

    def write_root(self, signature: str, at: datetime) -> None:
        """Record that the signed root stands on chain; without effect for any other signature."""
        if self.signed is not None and self.signed_root is not None and self.signed.signature == signature:
            size, root = self.signed_root
            self.record(RootWritten, at, version=self.signed_version, size=size, root=root, signature=signature)

    def settle(self, count: int, at: datetime) -> None:
        """Record that the books owe the first so many leaves no more; raise WrongState before they are on chain."""
        if count > (0 if self.root is None else self.root.size):
            raise WrongState(f"{count} leaves are not on chain yet", show_id=self.show_id)
        if count > self.settled:
            self.record(LeafDebtSettled, at, count=count)

    @property
    def snapshot_cost(self) -> int:
        """Cost of a snapshot, in events: it has every leaf."""
        return self.size // 4

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain JSON."""
        return {
            **super().snapshot(),
            "names": [self.tenant_id, self.show_id, *self.grounds],
            "counts": [self.size, self.written_version, self.settled, self.signed_version],
            "written": _packed(self.written.leaves),
            "pending": [[index for index, _ in self.pending], _packed([leaf for _, leaf in self.pending])],
            "root": self.root,
            "signature": self.signature,
            "signed": None if self.signed is None else self.signed.model_dump(),
            "signed_root": self.signed_root,
            "owed": self.owed,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Set the state from a snapshot."""
        self.__init__(*snapshot["names"])  # type: ignore[misc]
        self.size, self.written_version, self.settled, self.signed_version = snapshot["counts"]
        self.written = MerkleTree(_unpacked(snapshot["written"]))
        self.pending = list(zip(snapshot["pending"][0], _unpacked(snapshot["pending"][1]), strict=True))
        self.root = TreeRoot(*snapshot["root"]) if snapshot["root"] else None
        self.signature = snapshot["signature"]
        self.signed = SignedTransaction.model_validate(snapshot["signed"]) if snapshot["signed"] else None
        self.signed_root = TreeRoot(*snapshot["signed_root"]) if snapshot["signed_root"] else None
        self.owed = list(snapshot["owed"])


def _packed(hashes: Sequence[bytes]) -> str:
    return base64.b64encode(b"".join(hashes)).decode()


def _unpacked(text: str) -> list[bytes]:
    whole = base64.b64decode(text)
    return [whole[at : at + HASH_BYTES] for at in range(0, len(whole), HASH_BYTES)]
