"""The cancellation's door: a show is cancelled, and its refunds are paused and resumed."""

from activities.commands import Command
from activities.ports import Ledger
from domain.catalog.show import Show
from domain.catalog.show_cancellation import Cancellation, CancellationBegun
from domain.core.unit_of_work import Desk
from domain.money.breakdown import FeesBorneBy


class CancelShow(Command):
    """A show that does not take place; the digest is of the request, to recognise a repeat."""

    tenant_id: str
    show_id: str
    body_digest: str
    fees: FeesBorneBy
    rate_per_second: float


class CancellationDoor:
    """Called by the API in its own process, through the same ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def cancel_show(self, command: CancelShow) -> int:
        """Stop the sale for good, in one transaction with the decision to refund; returns the ledger's position."""
        return (await self._ledger.commit(lambda desk: _cancel(desk, command))).position

    async def pause(self, show_id: str) -> int:
        """Begin no further refund; returns the ledger's position."""
        return (await self._ledger.commit(lambda desk: desk.get(Cancellation, show_id).pause(desk.at))).position

    async def resume(self, show_id: str, rate_per_second: float | None) -> int:
        """Go on; returns the ledger's position."""

        def decide(desk: Desk) -> None:
            desk.get(Cancellation, show_id).go_on(rate_per_second, desk.at)

        return (await self._ledger.commit(decide)).position


def _cancel(desk: Desk, command: CancelShow) -> None:
    show, known = desk.get(Show, command.show_id), desk.find(Cancellation, command.show_id)
    if known is not None:
        known.check_same(command.body_digest)
        return
    show.call_off(desk.at)
    values = command.model_dump(exclude={"show_id"})
    desk.add(Cancellation.begin(CancellationBegun, command.show_id, desk.at, **values))
