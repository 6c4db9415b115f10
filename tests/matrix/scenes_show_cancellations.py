"""The scenes of a cancelled show."""

import asyncio

from activities.refunds.cancel_show import CancelledOrder, CancelShow
from domain.catalog.show_cancellation import ShowCancellation
from domain.payments.refunds import Refunds
from tests.matrix.scenes import Scene, sale
from tests.matrix.scenes_refunds import REFUNDED
from tests.matrix.stage import Stage
from workflows.refund import RefundInput, RefundWorkflow
from workflows.show_cancellation import ShowCancellationInput, ShowCancellationWorkflow

STEPS = ("end_open_holds", "list_orders_left", "decide_order", "finish_cancellation")


async def called_off(stage: Stage, rate_per_second: float = 100) -> str:
    """A show with one sold order is cancelled."""
    assert await sale(stage) == "fulfilled"
    await call_off(stage, rate_per_second)
    start = ShowCancellationInput(tenant_id="default", show_id="sh", poll_seconds=15, residue_seconds=10)
    await stage.begin("show-cancellation/sh", ShowCancellationWorkflow.run, start)
    await stage.end()
    await given_back(stage)
    ended = await stage.world.store.read(lambda uow: uow.get(ShowCancellation, "sh").state)
    return f"{ended}, {await refund_of(stage)}"


async def given_back(stage: Stage, key: str = "key") -> None:
    """Wait for the refund's own workflow: it may still burn tokens when the cancellation is finished."""
    refund = stage.client.get_workflow_handle(f"refund/{await stage.world.show_refund_id(key)}")
    refunding = asyncio.create_task(refund.result())
    await stage.until(refunding.done)


async def cancelled_order(stage: Stage) -> str:
    """One order of a cancelled show is refunded by its own workflow."""
    assert await sale(stage) == "fulfilled"
    await call_off(stage)
    order = CancelledOrder(purchase=await stage.world.ref(), show_id="sh")
    start = RefundInput(refund=None, order=order, poll_seconds=15)
    await stage.begin(f"refund/{await stage.world.show_refund_id()}", RefundWorkflow.run, start)
    await stage.end()
    return await refund_of(stage)


async def refund_of(stage: Stage) -> str:
    purchase = await stage.world.ref()
    (refund,) = (await stage.world.store.read(lambda uow: uow.get(Refunds, purchase.purchase_id))).refunds.values()
    return str(refund.state)


async def call_off(stage: Stage, rate_per_second: float = 100) -> None:
    terms = CancelShow(
        tenant_id="default", show_id="sh", body_digest="c", fees="venue", rate_per_second=rate_per_second
    )
    await stage.world.cancellations.cancel_show(terms)


SCENES: tuple[Scene, ...] = (
    Scene(
        "show cancelled",
        ShowCancellationWorkflow,
        (*STEPS, *REFUNDED),
        "finished, succeeded",
        called_off,
        (*REFUNDED, "decide_order"),
    ),
    Scene(
        "order of a cancelled show", RefundWorkflow, ("decide_order", *REFUNDED), "succeeded", cancelled_order, REFUNDED
    ),
)
