"""How a show's group on chain is brought to the size that the events ask for, whoever asks, one after another."""

from collections.abc import Callable
from typing import Protocol

from activities.core.ports import EventStore, TransactionSender
from activities.tokens.submit import has_expired, land
from domain.catalog.show import Show
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction


class GroupChain(TransactionSender, Protocol):
    """The chain's groups: their sizes, and transactions that change them. Raises `TransientError` for what passes."""

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's members and how many it takes, at confirmed; None when there is no group."""

    async def sign_resize(self, address: str, size_max: int) -> SignedTransaction:
        """Sign the change of a group's limit; nothing is sent."""


async def fit(store: EventStore, chain: GroupChain, show_id: str, wants: Callable[[Show, int], bool]) -> None:
    """Let a show's group take what the events ask for; it cannot be less than the members that it has.

    `wants` says whether a group that takes so many is still to be changed. Bytes of one size are never sent while those
    of another may land: a smaller size that lands late would lock out what is on sale.
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
            raise TransientError("the show's group cannot be seen just now")
        members, taken = sizes
        size_max = max(show.group_size, members)
        if taken == size_max or not wants(show, taken):
            return
        await _sign(store, chain, show, size_max)


async def _is_done(chain: GroupChain, signed: SignedTransaction) -> bool:
    """Say whether signed bytes can change nothing any more: they are final, or dead."""
    fate = await chain.fate(signed.signature)
    return fate == "finalized" or await has_expired(chain, signed)


async def _sign(store: EventStore, chain: GroupChain, show: Show, size_max: int) -> None:
    signed = await chain.sign_resize(str(show.mint_address), size_max)
    wanted, before = show.group_size, show.resize_signed
    await store.commit(lambda uow: uow.get(Show, show.identity).sign_resize(signed, wanted, before, uow.at))
