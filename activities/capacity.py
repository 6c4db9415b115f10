"""How many tickets a show has, changed while it is sold: the chain never takes fewer than the stock could sell.

What falls leaves the stock first, then the group on chain gets its new size, and only then what rises is on sale.
"""

from typing import Protocol

from temporalio import activity

from activities.commands import CapacityChange
from activities.landing import can_no_longer_land, land
from activities.ports import Ledger
from domain.allocation import Allocation
from domain.catalog import Show
from domain.desk import Desk
from domain.refusals import WrongState
from domain.token import SignedTransaction, TransactionFate
from domain.weather import Weather


class GroupChain(Protocol):
    """The chain, as far as the size of a group goes. Raises `Weather` for what passes."""

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's members and how many it takes, at confirmed; None when there is no group."""

    async def sign_resize(self, address: str, size_max: int) -> SignedTransaction:
        """Sign the bytes that let a group take so many; nothing is sent."""

    async def send(self, signed: SignedTransaction) -> None:
        """Send the stored bytes; a repeat is harmless."""

    async def fate(self, signature: str) -> TransactionFate:
        """Say how far a sent transaction has come."""

    async def block_height(self) -> int:
        """Return the present (finalized) block height."""


class CapacityActivities:
    """One step of a change per method; a late step of one that has ended changes nothing."""

    def __init__(self, ledger: Ledger, chain: GroupChain) -> None:
        self._ledger = ledger
        self._chain = chain

    @activity.defn(name="lower_stock")
    async def lower_stock(self, change: CapacityChange) -> bool:
        """Take what falls out of the stock, all or none; False when it does not fit, which ends the change."""

        def decide(desk: Desk) -> bool:
            show = desk.get(Show, change.show_id)
            asked = show.capacities_of(change.number)
            if asked is None:
                return True
            stock = [(desk.get(Allocation, name), capacity) for name, capacity in asked.items()]
            if not _fits(stock):
                show.finish_capacities(change.number, desk.at, made=False)
                return False
            for allocation, capacity in stock:
                allocation.resize(min(capacity, allocation.capacity), desk.at)
            return True

        return (await self._ledger.commit(decide)).value

    @activity.defn(name="fit_group")
    async def fit_group(self, change: CapacityChange) -> None:
        """Let the show's group take what the stock will be; it cannot be less than the members that it has."""
        while True:
            show = await self._ledger.read(lambda desk: desk.get(Show, change.show_id))
            if show.capacities_of(change.number) is None or show.mint_address is None:
                return
            signed = show.resize_signed
            if signed is not None and not await self._is_done(signed):
                await land(self._chain, signed)
                continue
            sizes = await self._chain.sizes_of(show.mint_address)
            if sizes is None:
                raise Weather("the show's group cannot be seen just now")
            if sizes[1] == max(show.capacity, sizes[0]):
                return
            await self._sign(change, show.mint_address, max(show.capacity, sizes[0]))

    @activity.defn(name="raise_stock")
    async def raise_stock(self, change: CapacityChange) -> None:
        """Put what rises on sale: the change is made."""

        def decide(desk: Desk) -> None:
            show = desk.get(Show, change.show_id)
            asked = show.capacities_of(change.number)
            if asked is None:
                return
            for name, capacity in asked.items():
                desk.get(Allocation, name).resize(capacity, desk.at)
            show.finish_capacities(change.number, desk.at, made=True)

        await self._ledger.commit(decide)

    async def begin(self, tenant_id: str, show_id: str, capacities: dict[str, int]) -> CapacityChange:
        """Record that a change is asked for, or refuse it; called by the API. The same one again is the same change."""

        def decide(desk: Desk) -> CapacityChange:
            show = desk.get(Show, show_id)
            number = show.begin_capacities(capacities, desk.at)
            for name, capacity in capacities.items():
                desk.get(Allocation, name).check_capacity(capacity)
            return CapacityChange(tenant_id=tenant_id, show_id=show_id, number=number)

        return (await self._ledger.commit(decide)).value

    async def _is_done(self, signed: SignedTransaction) -> bool:
        """Say whether signed bytes can change nothing any more: they are final, or dead."""
        fate = await self._chain.fate(signed.signature)
        return fate == "finalized" or await can_no_longer_land(self._chain, signed)

    async def _sign(self, change: CapacityChange, address: str, size_max: int) -> None:
        signed = await self._chain.sign_resize(address, size_max)
        await self._ledger.commit(
            lambda desk: desk.get(Show, change.show_id).sign_resize(signed, change.number, desk.at)
        )


def _fits(stock: list[tuple[Allocation, int]]) -> bool:
    try:
        for allocation, capacity in stock:
            allocation.check_capacity(capacity)
    except WrongState:
        return False
    return True
