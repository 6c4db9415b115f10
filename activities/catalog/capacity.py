"""Capacity changes of a show: the group limit on chain is never below the number of sellable tickets.

Reductions leave the stock first, then the group on chain gets its new size, and only then increases go on sale.
"""

from activities.core.commands import CapacityChange
from activities.core.ports import EventStore
from activities.core.task_queues import MINT, PURCHASES, activity_on
from activities.tokens.group_size import GroupChain, fit
from domain.catalog.show import Show
from domain.core.errors import WrongState
from domain.core.evidence import EvidenceMissing
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation


class CapacityCommands:
    """Records requested capacity changes."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def begin(self, tenant_id: str, show_id: str, capacities: dict[str, int]) -> CapacityChange:
        """Record a requested change, or refuse it. Idempotent: the same request returns the same change."""

        def decide(uow: UnitOfWork) -> CapacityChange:
            show = uow.get(Show, show_id)
            number = show.begin_capacities(capacities, uow.at)
            for name, capacity in capacities.items():
                uow.get(Allocation, name).check_capacity(capacity)
            return CapacityChange(tenant_id=tenant_id, show_id=show_id, number=number)

        return (await self._store.commit(decide)).value


class CapacityActivities:
    """The steps of a capacity change in the stock; a step of an ended change has no effect."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @activity_on(PURCHASES, name="lower_stock")
    async def lower_stock(self, change: CapacityChange) -> bool:
        """Apply all reductions to the stock, or none; False when one does not fit, which ends the change."""

        def decide(uow: UnitOfWork) -> bool:
            show = uow.get(Show, change.show_id)
            requested = show.capacities_of(change.number)
            if requested is None:
                return True
            stock = [(uow.get(Allocation, name), capacity) for name, capacity in requested.items()]
            if not _fits(stock):
                show.finish_capacities(change.number, uow.at, made=False)
                return False
            for allocation, capacity in stock:
                allocation.resize(min(capacity, allocation.capacity), uow.at)
            return True

        return (await self._store.commit(decide)).value

    @activity_on(PURCHASES, name="raise_stock")
    async def raise_stock(self, change: CapacityChange) -> None:
        """Apply the increases to the stock, which completes the change; refuse before its group size is recorded."""

        def decide(uow: UnitOfWork) -> None:
            show = uow.get(Show, change.show_id)
            requested = show.capacities_of(change.number)
            if requested is None:
                return
            if show.group_confirmed_for != change.number:
                raise EvidenceMissing("the group's new size on chain is not recorded", show_id=show.identity)
            for name, capacity in requested.items():
                uow.get(Allocation, name).resize(capacity, uow.at)
            show.finish_capacities(change.number, uow.at, made=True)

        await self._store.commit(decide)


class GroupSizeActivities:
    """The step of a capacity change on chain."""

    def __init__(self, store: EventStore, chain: GroupChain) -> None:
        self._store = store
        self._chain = chain

    @activity_on(MINT, name="fit_group")
    async def fit_group(self, change: CapacityChange) -> None:
        """Resize the show's group on chain to the new stock, never below its number of members, and record that."""

        def wants(show: Show, _: int) -> bool:
            return show.capacities_of(change.number) is not None

        await fit(self._store, self._chain, change.show_id, wants)
        await self._store.commit(lambda uow: uow.get(Show, change.show_id).confirm_group_size(change.number, uow.at))


def _fits(stock: list[tuple[Allocation, int]]) -> bool:
    try:
        for allocation, capacity in stock:
            allocation.check_capacity(capacity)
    except WrongState:
        return False
    return True
