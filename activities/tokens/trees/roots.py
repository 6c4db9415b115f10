"""Write the roots of shows' trees to the chain: one at a time, each newer than the one before."""

from functools import partial
from typing import Protocol

from activities.core.commands import Command, TreeRef
from activities.core.ports import EventStore, TransactionSender
from activities.core.task_queues import MINT, activity_on
from activities.tokens.submit import land_once
from activities.tokens.trees.proof import RootSource
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.leaf import TreeRoot
from domain.tickets.ticket_tree import TicketTree
from domain.tickets.token import SignedTransaction


class RootChain(RootSource, TransactionSender, Protocol):
    """Solana, as roots need it. Every call may raise `domain.core.transient.TransientError`."""

    async def sign_root(self, show_mint: str, root: TreeRoot) -> SignedTransaction:
        """Sign the transaction that writes a root; send nothing."""


class RootReport(Command):
    """The leaves under the root on chain, and whether it has every change that is recorded."""

    size: int
    is_newest: bool


class RootActivities:
    """Writes roots: stores signed bytes before sending them, and signs again only when they can no longer land."""

    def __init__(self, store: EventStore, chain: RootChain) -> None:
        self._store = store
        self._chain = chain

    @activity_on(MINT, name="write_root")
    async def write_root(self, ref: TreeRef) -> RootReport:
        """Write the root of all changes until now, or finish the one that was signed; with nothing to write, none."""
        tree = await self._read(ref)
        if tree.signed is None and tree.is_written:
            return _report(tree)
        is_there, sign = partial(self._is_there, ref), partial(self._sign, ref)
        signed = await land_once(self._chain, tree.signed, is_there, sign)
        if signed is None:
            raise WrongState("a root that was never signed here is in the show's mint", show_id=ref.show_id)
        await self._prove(ref, signed)

        def decide(uow: UnitOfWork) -> RootReport:
            tree = uow.get(TicketTree, ref.show_id)
            tree.write_root(signed.signature, uow.at)
            return _report(tree)

        return (await self._store.commit(decide)).value

    async def _read(self, ref: TreeRef) -> TicketTree:
        return await self._store.read(lambda uow: uow.get(TicketTree, ref.show_id))

    async def _is_there(self, ref: TreeRef, signed: SignedTransaction | None, since: int) -> bool:
        """Return whether the signed root stands on chain, though no node may remember its transaction."""
        tree = await self._read(ref)
        if signed is None or tree.signed != signed:
            return False
        return await self._chain.root_at(tree.grounds.show_mint, since) == tree.signed_root

    async def _sign(self, ref: TreeRef, after: SignedTransaction | None) -> SignedTransaction:
        """Sign and store the root of all changes until now, unless another was stored since `after`."""
        tree = await self._read(ref)
        version = tree.newest_version
        signed = await self._chain.sign_root(tree.grounds.show_mint, tree.root_of(version))

        def decide(uow: UnitOfWork) -> SignedTransaction | None:
            return uow.get(TicketTree, ref.show_id).sign_root(signed, version, after, uow.at)

        stored = (await self._store.commit(decide)).value
        if stored is None:
            raise TransientError("another worker has written the root meanwhile")
        return stored

    async def _prove(self, ref: TreeRef, signed: SignedTransaction) -> None:
        """Read a landed root back, unless it is recorded already."""
        tree = await self._read(ref)
        if tree.signed == signed and await self._chain.root_at(tree.grounds.show_mint) != tree.signed_root:
            raise TransientError(f"a node that lags does not show the root in {tree.grounds.show_mint}")


def _report(tree: TicketTree) -> RootReport:
    return RootReport(size=0 if tree.root is None else tree.root.size, is_newest=tree.is_written)
