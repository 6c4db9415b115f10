"""The trees of shows that mint on claim: their folds, and their faults.

The roots are computed here from the recorded leaves alone, by the definition of the tree.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from domain.core.aggregate import DomainEvent
from domain.invariants.invariant import LEAVES, ROOTS, Findings
from domain.invariants.outside import ExternalState
from domain.invariants.state import InvariantState, PurchaseSummary, TicketSummary, TreeSummary
from domain.tickets.leaf import NULLIFIED, TreeRoot
from domain.tickets.merkle import EMPTY, node_hash
from domain.tickets.ticket import LeafEnded, LeafRecorded
from domain.tickets.ticket_tree import LeafAppended, LeafDebtSettled, LeafNullified, RootSigned, RootWritten, TreeOpened


def _opened(all_of: InvariantState, event: TreeOpened) -> None:
    all_of.trees[event.identity] = TreeSummary(event.show_mint)


def _tree(all_of: InvariantState, event: DomainEvent) -> TreeSummary:
    show_id = event.identity
    all_of.touched.add(("tree", show_id))
    return all_of.trees[show_id]


def _appended(all_of: InvariantState, event: LeafAppended) -> None:
    tree = _tree(all_of, event)
    tree.has_gap |= event.index != len(tree.owners)
    tree.owners.append(event.ticket_id)
    tree.changes.append((event.index, bytes.fromhex(event.leaf)))
    all_of.ticket(event.ticket_id).places.append((event.identity, event.index, event.leaf))


def _nullified(all_of: InvariantState, event: LeafNullified) -> None:
    _tree(all_of, event).changes.append((event.index, NULLIFIED))
    all_of.ticket(event.ticket_id).nullified += 1


def _signed(all_of: InvariantState, event: RootSigned) -> None:
    tree = _tree(all_of, event)
    tree.signed = (event.version, TreeRoot(event.size, event.root))


def _written(all_of: InvariantState, event: RootWritten) -> None:
    tree = _tree(all_of, event)
    tree.before, tree.version = tree.version, event.version
    tree.root = TreeRoot(event.size, event.root)


def _settled(all_of: InvariantState, event: LeafDebtSettled) -> None:
    _tree(all_of, event).settled = event.count


def _recorded(all_of: InvariantState, event: LeafRecorded) -> None:
    all_of.ticket(event.identity).leaf = (int(event.leaf["index"]), str(event.leaf["hash"]))


def _ended(all_of: InvariantState, event: LeafEnded) -> None:
    all_of.ticket(event.identity).leaf_end = event.cause


LEAF_FOLDS: dict[type[DomainEvent], Callable[[InvariantState, Any], None]] = {
    TreeOpened: _opened,
    LeafAppended: _appended,
    LeafNullified: _nullified,
    RootSigned: _signed,
    RootWritten: _written,
    LeafDebtSettled: _settled,
    LeafRecorded: _recorded,
    LeafEnded: _ended,
}


def leaf_fault(ticket: TicketSummary) -> str | None:
    """Return the fault of a ticket's leaf: twice, another than the ticket knows, or proving what is no more."""
    if ticket.leaf is None:
        return f"has the leaves {ticket.places} and knows none" if ticket.places else None
    if [place[1:] for place in ticket.places] != [ticket.leaf]:
        return f"is the leaf {ticket.leaf}, its places are {ticket.places}"
    if ticket.nullified != int(ticket.leaf_end is not None):
        return f"its leaf ended as {ticket.leaf_end}, and was nullified {ticket.nullified} times"
    is_token = ticket.signed and ticket.leaf_end != "claim"
    return f"is the leaf {ticket.leaf}, and a token was signed for it" if is_token else None


def tree_fault(tree: TreeSummary) -> str | None:
    """Return the fault of a tree: gaps between its leaves, a root that goes back, or tickets settled too early."""
    if tree.has_gap:
        return "its leaves do not have the places 0, 1, 2, …"
    if tree.version <= tree.before and tree.root is not None:
        return f"version {tree.version} was written after version {tree.before}"
    on_chain = 0 if tree.root is None else tree.root.size
    return f"{tree.settled} leaves are settled, {on_chain} are on chain" if tree.settled > on_chain else None


def root_over(leaves: Sequence[bytes]) -> bytes:
    """Return the root of leaves, by the definition: the largest power of two that is smaller goes to the left."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else EMPTY
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(root_over(leaves[:split]), root_over(leaves[split:]))


def root_after(tree: TreeSummary, version: int) -> TreeRoot:
    """Return the root of the first so many changes."""
    leaves: dict[int, bytes] = dict(tree.changes[:version])
    return TreeRoot(len(leaves), root_over([leaves[index] for index in sorted(leaves)]).hex())


def root_fault(tree: TreeSummary, roots: Mapping[str, TreeRoot]) -> str | None:
    """Return the fault of the root on chain: not the one that was written last, nor the one that is being written."""
    if tree.root is not None and tree.root != root_after(tree, tree.version):
        return f"the root of version {tree.version} does not follow from its leaves"
    found = roots.get(tree.show_mint)
    version, being_written = tree.signed or (0, None)
    if found == tree.root or (found == being_written == root_after(tree, version) and version > tree.version):
        return None
    return f"on chain is {found}, written was {tree.root}"


def unsettled_fault(tree: TreeSummary) -> str | None:
    """Return the leaves on chain that the books still owe, though no workflow settles them."""
    left = 0 if tree.root is None else tree.root.size - tree.settled
    return f"{left} leaves are on chain and not settled" if left else None


def owed_leaves(state: InvariantState, purchase: PurchaseSummary) -> int:
    """Return the tickets of a purchase that the books owe, because their leaves are not settled."""
    owed = 0
    for ticket_id in purchase.tickets:
        ticket = state.tickets[ticket_id]
        if ticket.leaf is not None and f"{ticket_id}:minted" not in state.minted_keys:
            owed += ticket.leaf[0] >= state.trees[ticket.places[0][0]].settled
    return owed


def judge_leaves(state: InvariantState, identity: str, findings: Findings) -> None:
    """Judge a ticket's leaf after a transaction."""
    findings.judge(LEAVES, identity, leaf_fault(state.tickets[identity]))


def judge_tree(state: InvariantState, identity: str, findings: Findings) -> None:
    """Judge a tree after a transaction."""
    findings.judge(LEAVES, identity, tree_fault(state.trees[identity]))


def judge_roots(state: InvariantState, outside: ExternalState, moving: Container[str], findings: Findings) -> None:
    """Compare the roots on chain with the recorded leaves, if the chain was read, and no tree changed meanwhile."""
    for show_id, tree in state.trees.items() if outside.roots is not None else ():
        if show_id in moving:
            continue
        fault = root_fault(tree, outside.roots or {})
        if fault is None and show_id not in (outside.running or ()):
            fault = unsettled_fault(tree)
        findings.judge(ROOTS, show_id, fault)
