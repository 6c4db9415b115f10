"""How many tickets a show has to sell: the chain never takes fewer than the stock could sell.

What falls leaves the stock first, then the group on chain gets its new size, and only then what rises is on sale.
"""

from activities.core.commands import CapacityChange
from activities.core.ports import EventStore
from activities.core.task_queues import MINT, PURCHASES, activity_on
from activities.tokens.group_size import GroupChain, fit
from domain.catalog.show import Show
from domain.core.errors import WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation


class CapacityCommands:
    """Records changes of a show's capacity."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def begin(self, tenant_id: str, show_id: str, capacities: dict[str, int]) -> CapacityChange:
        """Record a requested change, or refuse it; the same request again is the same change."""

        def decide(uow: UnitOfWork) -> CapacityChange:
            show = uow.get(Show, show_id)
            number = show.begin_capacities(capacities, uow.at)
            for name, capacity in capacities.items():
                uow.get(Allocation, name).check_capacity(capacity)
            return CapacityChange(tenant_id=tenant_id, show_id=show_id, number=number)

        return (await self._store.commit(decide)).value


class CapacityActivities:
    """One step of a change per method; a late step of one that has ended changes nothing."""

    def __init__(self, store: EventStore, chain: GroupChain) -> None:
        self._store = store
        self._chain = chain

    @activity_on(PURCHASES, name="lower_stock")
    async def lower_stock(self, change: CapacityChange) -> bool:
        """Take what falls out of the stock, all or none; False when it does not fit, which ends the change."""

        def decide(uow: UnitOfWork) -> bool:
            show = uow.get(Show, change.show_id)
            asked = show.capacities_of(change.number)
            if asked is None:
                return True
            stock = [(uow.get(Allocation, name), capacity) for name, capacity in asked.items()]
            if not _fits(stock):
                show.finish_capacities(change.number, uow.at, made=False)
                return False
            for allocation, capacity in stock:
                allocation.resize(min(capacity, allocation.capacity), uow.at)
            return True

        return (await self._store.commit(decide)).value

    @activity_on(MINT, name="fit_group")
    async def fit_group(self, change: CapacityChange) -> None:
        """Let the show's group take what the stock will be; it cannot be less than the members that it has."""

        def wants(show: Show, _: int) -> bool:
            return show.capacities_of(change.number) is not None

        await fit(self._store, self._chain, change.show_id, wants)

    @activity_on(PURCHASES, name="raise_stock")
    async def raise_stock(self, change: CapacityChange) -> None:
        """Put what rises on sale: the change is made."""

        def decide(uow: UnitOfWork) -> None:
            show = uow.get(Show, change.show_id)
            asked = show.capacities_of(change.number)
            if asked is None:
                return
            for name, capacity in asked.items():
                uow.get(Allocation, name).resize(capacity, uow.at)
            show.finish_capacities(change.number, uow.at, made=True)

        await self._store.commit(decide)


def _fits(stock: list[tuple[Allocation, int]]) -> bool:
    try:
        for allocation, capacity in stock:
            allocation.check_capacity(capacity)
    except WrongState:
        return False
    return True
