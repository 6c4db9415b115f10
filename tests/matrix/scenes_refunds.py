"""The scenes of a refund."""

from functools import partial
from typing import Any

from activities.core.commands import RefundRef
from domain.catalog.show import Show
from domain.core.unit_of_work import UnitOfWork
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds
from domain.tickets.ticket import Ticket
from tests.matrix.scenes import Scene, cancelled_after_automatic_capture, sale
from tests.matrix.stage import Stage
from workflows.refund import RefundInput, RefundWorkflow

REFUNDED = ("post_refund", "pay_refund", "reverse_share", "burn_ticket")


async def give_back(stage: Stage, **wanted: Any) -> RefundRef:
    """Sell, decide a refund, and start its workflow."""
    assert await sale(stage) == "fulfilled"
    refund = await stage.world.decide_refund(**wanted)
    start = RefundInput(refund=refund, poll_seconds=15)
    await stage.begin(f"refund/{refund.refund_id}", RefundWorkflow.run, start)
    return refund


async def seen(stage: Stage, refund: RefundRef) -> Refund:
    def look(uow: Any) -> Refund:
        found: Refund = uow.get(Refunds, refund.purchase.purchase_id).get(refund.refund_id)
        return found

    return await stage.world.store.read(look)


async def refund_end(stage: Stage, refund: RefundRef) -> str:
    """Wait for the refund's end; return its state and the ends of its tickets' tokens."""
    await stage.end()
    tickets = [
        await stage.world.store.read(partial(UnitOfWork.get, kind=Ticket, identity=ticket_id))
        for ticket_id in refund.ticket_ids
    ]
    assert all(ticket.state == "void" for ticket in tickets)
    tokens = sorted({ticket.ended_as or "none" for ticket in tickets})
    return ", ".join([(await seen(stage, refund)).state, *tokens])


async def whole(stage: Stage) -> str:
    return await refund_end(stage, await give_back(stage))


async def resold(stage: Stage) -> str:
    """A show that resells refunded seats has them on sale again, and its group grows by as many."""
    stage.world.show_terms = {"resell_refunded": True}
    end = await refund_end(stage, await give_back(stage))
    show = await stage.world.store.read(lambda uow: uow.get(Show, "sh"))
    assert await stage.world.stock() == (stage.world.capacity, 0, 0)
    assert await stage.world.chain.sizes_of(str(show.mint_address)) == (2, stage.world.capacity + 2)
    return end


async def slow_bank(stage: Stage) -> str:
    """The bank decides later about an amount that is refunded without a ticket."""
    stage.world.gateway.refunds_begin = "pending"
    refund = await give_back(stage, amount_minor=500)
    await stage.until(lambda: bool(stage.world.gateway.refunds))
    (made,) = stage.world.gateway.refunds.values()
    stage.world.gateway.finish_refund(made.refund_id)
    return await refund_end(stage, refund)


async def bought_nothing(stage: Stage) -> str:
    """The captured payment of a cancelled purchase goes back: the relay starts its refund."""
    await cancelled_after_automatic_capture(stage)
    (refund,) = await stage.world.unpaid()
    start = RefundInput(refund=refund, poll_seconds=15)
    await stage.begin(f"refund/{refund.refund_id}", RefundWorkflow.run, start)
    return await refund_end(stage, refund)


SCENES: tuple[Scene, ...] = (
    Scene("refund", RefundWorkflow, REFUNDED, "succeeded, burnt", whole),
    Scene("refund, seats resold", RefundWorkflow, (*REFUNDED, "resell_seats"), "succeeded, burnt", resold, REFUNDED),
    Scene("refund, slow bank", RefundWorkflow, REFUNDED[:3], "succeeded", slow_bank, ("post_refund", "reverse_share")),
    Scene("refund, bought nothing", RefundWorkflow, REFUNDED[:3], "succeeded", bought_nothing, ("reverse_share",)),
)
