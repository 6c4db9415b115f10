"""Seeded bugs of leaves, their roots and their proofs."""

from tests.mutants.mutant import Mutant

LEAVES = "tests/activities/tokens/test_leaves.py"
TREE, TREES = "domain/tickets/ticket_tree.py", "tests/domain/tickets/test_ticket_tree.py"
TICKET = "domain/tickets/ticket.py"

OF_TREES = (
    Mutant(
        "a ticket becomes two leaves",
        "activities/tokens/trees/leaves.py",
        'if ticket.leaf is None and ticket.state != "void":',
        'if ticket.state != "void":',
        f"{LEAVES}::test_each_ticket_is_one_leaf",
    ),
    Mutant(
        "a token is signed for a leaf",
        TICKET,
        "    def _refuse_leaf(self) -> None:\n        if self.is_leaf:",
        "    def _refuse_leaf(self) -> None:\n        if self.leaf_end:",
        f"{LEAVES}::test_nothing_is_signed_for_a_leaf",
    ),
    Mutant(
        "a root comes after a newer one",
        TREE,
        "if self.signed == after and version > self.written_version:",
        "if version > self.written_version:",
        f"{TREES}::test_one_root_at_a_time_and_never_an_older_one",
    ),
    Mutant(
        "a nullified leaf is still proved",
        TREE,
        "if tree is None or leaf.index >= len(tree.leaves) or tree.leaves[leaf.index].hex() != leaf.hash:",
        "if tree is None or leaf.index >= len(tree.leaves):",
        "tests/contract/test_proofs.py::test_anybody_can_check_a_ticket",
    ),
    Mutant(
        "leaves are settled before they are on chain",
        TREE,
        "if count > (0 if self.root is None else self.root.size):",
        "if count > self.size:",
        f"{TREES}::test_leaves_are_settled_once_they_are_on_chain",
    ),
    Mutant(
        "a leaf and a node are hashed alike",
        "domain/tickets/merkle.py",
        'LEAF, NODE = b"\\x00", b"\\x01"',
        'LEAF, NODE = b"\\x00", b"\\x00"',
        "tests/domain/tickets/test_merkle.py::test_a_node_is_no_leaf",
    ),
)
