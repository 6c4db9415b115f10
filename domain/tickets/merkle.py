"""A Merkle tree over leaves that have fixed places: leaves are appended or replaced, never moved or taken away.

Pairs are hashed level by level; the last node of an odd level is carried up as it is. Over the same leaves this is the
tree of RFC 6962. Leaves and nodes begin with different bytes, so that no node can be shown as a leaf.
"""

import hashlib
from collections.abc import Iterable, Sequence

LEAF, NODE = b"\x00", b"\x01"
EMPTY = hashlib.sha256().digest()  # the root of a tree without leaves


def leaf_hash(content: bytes) -> bytes:
    """Return the leaf of a content."""
    return hashlib.sha256(LEAF + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the node above two others."""
    return hashlib.sha256(NODE + left + right).digest()


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a leaf and its path lead to in a tree of this size; None for a path of another length."""
    if not 0 <= index < size:
        return None
    node, last, used = leaf, size - 1, 0
    while last:
        if index % 2 or index < last:
            if used == len(path):
                return None
            node = node_hash(path[used], node) if index % 2 else node_hash(node, path[used])
            used += 1
        index, last = index // 2, last // 2
    return node if used == len(path) else None


class MerkleTree:
    """A tree that keeps every node, so that a change costs one hash per level."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        self.put(enumerate(leaves))

    @property
    def leaves(self) -> Sequence[bytes]:
        """The leaves, by place."""
        return self._levels[0]

    @property
    def root(self) -> bytes:
        """The root."""
        return self._levels[-1][0] if self.leaves else EMPTY

    def put(self, changes: Iterable[tuple[int, bytes]]) -> None:
        """Append leaves at the next place, or replace those in a place; raise IndexError beyond the next place."""
        dirty = {_put(self._levels[0], index, leaf) for index, leaf in changes}
        level = 0
        while len(self._levels[level]) > 1:
            if level + 1 == len(self._levels):
                self._levels.append([])
            below, above = self._levels[level : level + 2]
            dirty = {index // 2 for index in dirty}
            for index in sorted(dirty):
                pair = below[2 * index : 2 * index + 2]
                _put(above, index, node_hash(*pair) if len(pair) > 1 else pair[0])
            level += 1

    def path(self, index: int) -> list[bytes]:
        """Return the nodes beside the way from a leaf to the root; raise IndexError for a place without a leaf."""
        if not 0 <= index < len(self.leaves):
            raise IndexError(f"the tree has no leaf {index}")
        path = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index //= 2
        return path

    def copy(self) -> "MerkleTree":
        """Return a tree of its own with the same leaves."""
        other = MerkleTree()
        other._levels = [list(level) for level in self._levels]
        return other


def _put(level: list[bytes], index: int, node: bytes) -> int:
    """Append or replace a node; return its place."""
    if index == len(level):
        level.append(node)
    else:
        level[index] = node
    return index
