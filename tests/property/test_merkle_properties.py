"""The tree under any changes: one root for the same leaves, however they came; every place is proved, nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from domain.invariants.leaves import root_over
from domain.tickets.merkle import MerkleTree, leaf_hash, root_by_path

CHANGES = st.lists(st.lists(st.integers(0, 60), max_size=9), max_size=9)


@given(CHANGES)
def test_the_root_follows_from_the_leaves_alone(batches: list[list[int]]) -> None:
    """Appended or replaced, in batches of any size: root and paths are those of the definition."""
    tree, model = MerkleTree(), list[bytes]()
    for number, batch in enumerate(batches):
        changes = []
        for place, wanted in enumerate(batch):
            index, leaf = wanted % (len(model) + 1), leaf_hash(f"{number}:{place}".encode())
            model[index : index + 1] = [leaf]
            changes.append((index, leaf))
        tree.put(changes)
        assert (list(tree.leaves), tree.root) == (model, root_over(model))
    for index, leaf in enumerate(model):
        assert root_by_path(leaf, index, len(model), tree.path(index)) == tree.root


@given(st.integers(1, 200), st.data())
def test_a_proof_is_of_one_leaf_in_one_tree(size: int, data: st.DataObject) -> None:
    """Another leaf, place, size or node of the path leads to another root, or to none."""
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    tree, index = MerkleTree(leaves), data.draw(st.integers(0, size - 1))
    path = tree.path(index)
    assert root_by_path(leaves[index], index, size, path) == tree.root
    assert root_by_path(leaf_hash(b"another"), index, size, path) != tree.root
    other = data.draw(st.integers(0, size - 1).filter(lambda place: place != index)) if size > 1 else size
    assert root_by_path(leaves[index], other, size, path) != tree.root
    for at in range(len(path)):
        broken = [*path[:at], leaf_hash(b"another"), *path[at + 1 :]]
        assert root_by_path(leaves[index], index, size, broken) != tree.root
