"""The Merkle tree: roots as RFC 6962 has them, and paths that prove one place in one tree."""

import hashlib

import pytest

from domain.invariants.leaves import root_over
from domain.tickets.merkle import EMPTY, MerkleTree, leaf_hash, node_hash, root_by_path


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def test_the_roots_of_the_standard() -> None:
    """The root over the test inputs that certificate logs publish is theirs."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    made = MerkleTree(leaf_hash(bytes.fromhex(text)) for text in inputs)
    assert made.root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert MerkleTree().root == EMPTY == hashlib.sha256(b"").digest()
    assert MerkleTree(leaves(1)).root == leaves(1)[0]


def test_every_path_of_every_size_proves_its_place() -> None:
    """In a tree of any size each leaf is proved at its place, and nowhere else."""
    for size in range(1, 35):
        made = MerkleTree(leaves(size))
        assert made.root == root_over(leaves(size))
        for index, leaf in enumerate(leaves(size)):
            path = made.path(index)
            assert root_by_path(leaf, index, size, path) == made.root
            elsewhere = (index + 1) % size
            assert size == 1 or root_by_path(leaf, elsewhere, size, path) != made.root


def test_a_path_is_used_up() -> None:
    """A path that is too short or too long, or a place outside, proves nothing."""
    made = MerkleTree(leaves(5))
    path = made.path(0)
    assert root_by_path(leaves(1)[0], 0, 5, path[:-1]) is None
    assert root_by_path(leaves(1)[0], 0, 5, [*path, EMPTY]) is None
    assert root_by_path(leaves(1)[0], 5, 5, path) is None
    assert root_by_path(leaves(1)[0], -1, 5, path) is None
    with pytest.raises(IndexError):
        made.path(5)


def test_a_node_is_no_leaf() -> None:
    """Two leaves under a node cannot be passed off as one leaf of a smaller tree."""
    first, second = leaves(2)
    assert leaf_hash(first + second) != node_hash(first, second)


def test_a_copy_is_a_tree_of_its_own() -> None:
    """A change of the copy leaves the tree as it was; a place beyond the next one is refused."""
    made = MerkleTree(leaves(3))
    before, other = made.root, made.copy()
    other.put([(1, EMPTY), (3, EMPTY)])
    assert (made.root, len(made.leaves), len(other.leaves)) == (before, 3, 4)
    assert other.root == root_over([leaves(1)[0], EMPTY, leaves(3)[2], EMPTY])
    with pytest.raises(IndexError):
        other.put([(5, EMPTY)])
