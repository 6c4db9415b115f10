"""The tree of a show: versions that follow from its events, one root on its way, nothing settled too early."""

import json

import pytest

from domain.core.errors import WrongState
from domain.invariants.leaves import root_over
from domain.tickets.leaf import NULLIFIED, TreeRoot, leaf_of
from domain.tickets.ticket_tree import TicketTree, TreeOpened
from tests.fakes.samples import AT, SIGNED

FIRST, SECOND = SIGNED.model_copy(update={"signature": "first"}), SIGNED.model_copy(update={"signature": "second"})


def opened(leaves: int = 0) -> TicketTree:
    names = {"tenant_id": "default", "show_id": "sh", "cluster": "genesis", "show_mint": "mint"}
    tree = TicketTree.begin(TreeOpened, "sh", AT, **names)
    for number in range(leaves):
        tree.append(f"t{number}", f"tk{number}", "cid", AT)
    return tree


def written(tree: TicketTree) -> TicketTree:
    tree.sign_root(FIRST, tree.newest_version, tree.signed, AT)
    tree.write_root("first", AT)
    return tree


def hashes(count: int) -> list[bytes]:
    return [bytes.fromhex(leaf_of(opened().grounds, number, f"tk{number}", "cid").hash) for number in range(count)]


def test_a_leaf_is_bound_to_its_chain_show_place_ticket_and_metadata() -> None:
    """Each part changes the hash, and no two ways of writing them run into each other."""
    grounds = opened().grounds
    made = {
        leaf_of(grounds, 1, "tk", "cid").hash,
        leaf_of(grounds._replace(cluster="another"), 1, "tk", "cid").hash,
        leaf_of(grounds._replace(show_mint="another"), 1, "tk", "cid").hash,
        leaf_of(grounds, 2, "tk", "cid").hash,
        leaf_of(grounds, 1, "tkc", "id").hash,
        leaf_of(grounds, 1, "tk", "cid", 2).hash,
    }
    assert len(made) == 6


def test_a_root_has_one_text() -> None:
    """The text has the same length for every size, and is read back; any other text is no root."""
    root = TreeRoot(7, "ab" * 32)
    assert TreeRoot.read(root.text()) == root
    assert len(TreeRoot(10**9, "ab" * 32).text()) == len(root.text())
    assert TreeRoot.read(f"7:{root.root}") is None


def test_a_root_is_that_of_its_version() -> None:
    """Whatever was appended or ended since, a version has the root of its own changes."""
    tree = opened(3)
    three = tree.root_of(3)
    tree.nullify(1, "t1", "refund", AT)
    tree.append("t3", "tk3", "cid", AT)
    assert three == tree.root_of(3) == TreeRoot(3, root_over(hashes(3)).hex())
    first, _, *others = hashes(4)
    assert tree.root_of(5) == TreeRoot(4, root_over([first, NULLIFIED, *others]).hex())


def test_what_is_written_is_what_was_signed() -> None:
    """A leaf that came after the signing is pending until the next root."""
    tree = opened(2)
    tree.sign_root(FIRST, 2, None, AT)
    tree.append("t2", "tk2", "cid", AT)
    being_written = tree.signed_root
    assert being_written is not None
    assert tree.tree_under(being_written) is not None
    assert tree.tree_under(TreeRoot(3, "ab" * 32)) is None
    tree.write_root("first", AT)
    assert (tree.root, tree.written_version, tree.newest_version, tree.signed) == (being_written, 2, 3, None)
    assert not tree.is_written
    assert tree.tree_under(being_written) is tree.written


def test_one_root_at_a_time_and_never_an_older_one() -> None:
    """A root is signed only after the newest signed one, for a newer version; a strange signature writes nothing."""
    tree = opened(2)
    tree.sign_root(FIRST, 2, None, AT)
    tree.sign_root(SECOND, 2, None, AT)
    assert tree.signed == FIRST
    tree.write_root("second", AT)
    assert tree.root is None
    tree.write_root("first", AT)
    tree.sign_root(SECOND, 2, None, AT)
    assert tree.signed is None


def test_leaves_are_settled_once_they_are_on_chain() -> None:
    """Before their root is written they are owed; the same count again changes nothing."""
    tree = opened(3)
    with pytest.raises(WrongState):
        tree.settle(1, AT)
    written(tree).settle(2, AT)
    tree.settle(2, AT)
    assert (tree.settled, tree.owed) == (2, ["t2"])
    with pytest.raises(WrongState):
        tree.settle(4, AT)


def test_a_snapshot_has_the_whole_tree() -> None:
    """A restored tree has the same root, changes, signed root and debts, and goes on."""
    tree = written(opened(5))
    tree.settle(2, AT)
    tree.nullify(4, "t4", "claim", AT)
    tree.append("t5", "tk5", "cid", AT)
    for signed in (False, True):
        if signed:
            tree.sign_root(SECOND, 7, None, AT)
        kept = json.loads(json.dumps(tree.snapshot()))
        other = TicketTree.from_snapshot(tree.id, tree.version, "digest", kept)
        assert other.snapshot() == tree.snapshot()
        assert other.root_of(7) == tree.root_of(7)
    assert tree.snapshot_cost == 1
    assert TicketTree.from_snapshot("tree:sh", 1, "", json.loads(json.dumps(opened().snapshot()))).root is None
