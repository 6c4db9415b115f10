"""Proofs of tickets that are leaves: against the root on chain now, or the one that was recorded last."""

from typing import Protocol

from activities.core.ports import EventStore
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.leaf import TreeRoot
from domain.tickets.ticket import Ticket
from domain.tickets.ticket_tree import TicketTree
from domain.views.minting import LeafProof, LeafState


class RootSource(Protocol):
    """Solana, as proofs need it. The call may raise `domain.core.transient.TransientError`."""

    async def root_at(self, show_mint: str, since: int = 0) -> TreeRoot | None:
        """Return the root in a show's mint, finalized, at a slot or later; None when there is none."""


class LeafReader:
    """Reads tickets' leaves; a ticket that never was one has None."""

    def __init__(self, store: EventStore, chain: RootSource) -> None:
        self._store = store
        self._chain = chain

    async def read_leaf(self, ticket_id: str) -> LeafState | None:
        """Return a ticket's leaf and its proof against the root that is read from the chain now."""
        show_mint = await self._store.read(lambda uow: _show_mint(uow, uow.get(Ticket, ticket_id)))
        if show_mint is None:
            return None
        root = await self._chain.root_at(show_mint)
        return await self._store.read(lambda uow: _state_under(uow, uow.get(Ticket, ticket_id), root))

    async def recorded_leaf(self, ticket_id: str) -> LeafState | None:
        """Return a ticket's leaf and its proof against the newest root that was seen final; the chain is not asked."""

        def look(uow: UnitOfWork) -> LeafState | None:
            ticket = uow.get(Ticket, ticket_id)
            return None if ticket.leaf is None else _state_under(uow, ticket, _tree_of(uow, ticket).root)

        return await self._store.read(look)


def proof_of(ticket: Ticket, tree: TicketTree, root: TreeRoot | None) -> LeafProof | None:
    """Return the proof of a ticket against a root; None where it is not under it, or has ended.

    No id of ours is in it.
    """
    leaf = ticket.leaf if ticket.is_leaf else None
    path = None if leaf is None or root is None else tree.path_of(leaf, root)
    if leaf is None or root is None or path is None:
        return None
    return {
        "cluster": tree.grounds.cluster,
        "show_mint": tree.grounds.show_mint,
        "size": root.size,
        "root": root.root,
        "index": leaf.index,
        "public_name": ticket.public_name,
        "cid": leaf.cid,
        "generation": leaf.generation,
        "leaf": leaf.hash,
        "path": list(path),
    }


def _state_under(uow: UnitOfWork, ticket: Ticket, root: TreeRoot | None) -> LeafState | None:
    if ticket.leaf is None:
        return None
    tree = _tree_of(uow, ticket)
    is_under = root is not None and tree.path_of(ticket.leaf, root) is not None
    return {
        "on_chain": is_under,
        "ended_by": ticket.leaf_end,
        "root_signature": tree.signature_of(root) if root is not None and is_under else None,
        "proof": proof_of(ticket, tree, root),
    }


def _show_mint(uow: UnitOfWork, ticket: Ticket) -> str | None:
    return None if ticket.leaf is None else _tree_of(uow, ticket).grounds.show_mint


def _tree_of(uow: UnitOfWork, ticket: Ticket) -> TicketTree:
    return uow.get(TicketTree, ticket.show_id)
