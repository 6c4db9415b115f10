"""Resize a show's group on chain to the limit in the events, one transaction at a time."""

from collections.abc import Callable
from typing import Protocol

from activities.core.ports import EventStore, TransactionSender
from activities.tokens.submit import land
from domain.catalog.show import Show
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction


class GroupChain(TransactionSender, Protocol):
    """The chain's groups: their sizes, and transactions that change them. Every call may raise `TransientError`."""

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's number of members and its limit, at "confirmed"; None when there is no group."""

    async def sign_resize(self, address: str, size_max: int) -> SignedTransaction:
        """Sign the change of a group's limit; send nothing."""


async def fit(store: EventStore, chain: GroupChain, show_id: str, wants: Callable[[Show, int], bool]) -> None:
    """Resize a show's group to the limit in the events, but never below its number of members.

    `wants` returns whether a group of this limit must still be changed. Bytes of one size are never sent while those of
    another may land: a smaller size that lands late would block mints of tickets on sale.
    """
    while True:
        show = await store.read(lambda uow: uow.get(Show, show_id))
        address, signed = show.mint_address, show.resize_signed
        if address is None:
            return
        if signed is not None and not await _is_done(chain, signed):
            await land(chain, signed)
            continue
        sizes = await chain.sizes_of(address)
        if sizes is None:
            raise TransientError("the show's group is not visible on chain now")
        members, size_now = sizes
        size_max = max(show.group_size, members)
        if size_now == size_max or not wants(show, size_now):
            return
        await _sign(store, chain, show, size_max)


async def _is_done(chain: GroupChain, signed: SignedTransaction) -> bool:
    """Return whether signed bytes can have no further effect: they are final, or can no longer land."""
    fate = await chain.fate(signed.signature)
    return fate == "finalized" or await chain.dead_since(signed) is not None


async def _sign(store: EventStore, chain: GroupChain, show: Show, size_max: int) -> None:
    signed = await chain.sign_resize(str(show.mint_address), size_max)
    wanted, before = show.group_size, show.resize_signed
    await store.commit(lambda uow: uow.get(Show, show.identity).sign_resize(signed, wanted, before, uow.at))
