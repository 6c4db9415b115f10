"""Every kind of workflow is ended by force at each of its waits, comes back by its rule, and ends as it should."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from activities.refunds.cancel_show import CancelledOrder
from adapters.postgres.connections import Pool
from domain.catalog.show_cancellation import ShowCancellation
from domain.core.unit_of_work import UnitOfWork
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds
from domain.tickets.token import SignedTransaction
from domain.views.outgoing.endpoint import ReceiverAnswer
from tests.contract.conftest import pool, store_server, tables_url
from tests.fakes.engines import skipping_server
from tests.fakes.evidence import external_state, findings_of, require_invariants
from tests.matrix.every_scene import SCENES
from tests.matrix.relayed import Force, Moment, RelayedStage
from tests.matrix.scenes import Scene, another_sale, buy, checkout, pay, purchase_end, sale
from tests.matrix.scenes_dispute import won_dispute
from tests.matrix.scenes_late import late_money_that_buys
from tests.matrix.scenes_leaves import root
from tests.matrix.scenes_payouts import onboarding
from tests.matrix.scenes_refunds import whole
from tests.matrix.scenes_show_cancellations import call_off, called_off, given_back
from tests.matrix.scenes_webhooks import webhooks
from tests.matrix.stage import Stage
from tests.matrix.waits import every_timer
from workflows.refund import RefundInput, RefundWorkflow
from workflows.registry import declared_workflows
from workflows.show_cancellation import ShowCancellationInput, ShowCancellationWorkflow
from workflows.stock.ticket_api_hold import HoldWorkflow

__all__ = ["pool", "store_server", "tables_url"]
BY_NAME = {scene.name: scene for scene in SCENES}
ROUND = "before the next round of"
# A failed delivery waits in its lane, and a failed letter with all others, without a round.
TRIED_AGAIN = dict.fromkeys(("deliver_event", "send_letter"), "before the next try")
MOMENTS: tuple[Moment, ...] = ("before", "after", "waiting")
# A share that fails is set aside for the schedule's next round; its workflow does not wait.
NO_WAIT = {("transfers", "transfer_share", "waiting")}
EVERY = [
    (scene, name, moment)
    for scene in SCENES
    for name in scene.row.reaches
    for moment in MOMENTS
    if (scene.name, name, moment) not in NO_WAIT
]
BESIDE = {"record_operator_act"}  # in an update: the workflow goes on meanwhile, and may have come to its end
# The first activity of every kind, once; the rest is nightly.
FIRSTS = {scene.workflow: (scene, scene.row.reaches[0]) for scene in reversed(SCENES)}
QUICK: list[tuple[Scene, str, Moment]] = [
    *((*first, MOMENTS[number % 3]) for number, first in enumerate(FIRSTS.values())),
    (BY_NAME["free"], "confirm_seats", "after"),  # in the middle of a workflow task, and back after ten minutes
]
LONG = [one for one in EVERY if one not in QUICK]


async def played(scene: Scene, force: Force, pool: Pool, site: str = "") -> tuple[str, RelayedStage]:
    """Play a scene whose workflow is ended by force; assert that nothing is left to do, and the invariants."""
    server = await skipping_server()
    async with server:
        with server.auto_time_skipping_disabled():
            async with RelayedStage(server, force, pool, scene.workflow, site) as stage:
                end = await scene.play(stage)
                await stage.give_back()
                assert stage.ended is not None, "it was never ended by force"
                await stage.rest()  # the world has work besides: the show of a venue that is registered
                assert await stage.left() == {}
                outside = external_state(stage.world.gateway, stage.world.chain, stage.world.connect)
                require_invariants(findings_of(stage.world.store.log, outside))
                if scene.workflow is not HoldWorkflow:  # sold without a purchase; its scenes count them
                    await stage.world.check_invariants()
    return end, stage


async def slow_venue(stage: Stage) -> str:
    """The venue has told Stripe everything only after the workflow was ended."""
    connect = stage.world.connect
    connect.ready = False

    def complete() -> None:
        connect.ready = True
        for account_id in connect.accounts:
            connect.onboard(account_id)

    _then(stage, complete)
    return await onboarding(stage)


async def paid_later(stage: Stage) -> str:
    """The buyer pays only after the workflow was ended."""
    await buy(stage)
    await checkout(stage)
    await stage.until(lambda: _is_ended(stage))
    await pay(stage)
    return await purchase_end(stage)


async def decided_later(stage: Stage) -> str:
    """The bank decides only after the workflow was ended."""
    await sale(stage)
    return await won_dispute(stage, once=lambda: _is_ended(stage))


async def slow_capture(stage: Stage) -> str:
    """The purchase that the late payment buys waits for Stripe, and its case for the purchase."""
    stage.world.gateway.fail_before("capture_intent", 12)
    return await late_money_that_buys(stage)


async def one_a_minute(stage: Stage) -> str:
    return await called_off(stage, rate_per_second=1 / 60)


async def slow_banks(stage: Stage) -> str:
    """The bank confirms the refund only after the cancellation was ended."""
    gateway = stage.world.gateway
    gateway.refunds_begin = "pending"

    def confirm() -> None:
        gateway.refunds_begin = "succeeded"
        for made in list(gateway.refunds.values()):
            gateway.finish_refund(made.refund_id)

    _then(stage, confirm)
    return await called_off(stage)


async def uncovered(stage: Stage) -> str:
    """Our balance covers the refund only after the workflow was ended."""
    gateway = stage.world.gateway
    gateway.refuse("refund_intent", "insufficient_funds")
    _then(stage, lambda: gateway.allow("refund_intent"))
    return await whole(stage)


async def failed(stage: Stage) -> str:
    """The refund fails, and a person makes it in the dashboard after the workflow was ended."""
    gateway = stage.world.gateway
    gateway.refuse("refund_intent", "charge_for_pending_refund_disputed")

    def make_it() -> None:
        gateway.allow("refund_intent")
        gateway.refund_in_dashboard(next(iter(gateway.intents)), gateway.captured_minor)

    _then(stage, make_it)
    return await whole(stage)


async def stuck_refund(stage: Stage) -> str:
    """The only place is taken by a refund that Stripe does not take; it does once the cancellation was ended."""
    gateway = stage.world.gateway
    gateway.fail_before("refund_intent", 10_000)
    _then(stage, lambda: gateway.mend("refund_intent"))
    assert await sale(stage) == "fulfilled"
    second = await another_sale(stage)
    await call_off(stage)
    start = ShowCancellationInput(tenant_id="default", show_id="sh", window=1, poll_seconds=15, residue_seconds=10)
    await stage.begin("show-cancellation/sh", ShowCancellationWorkflow.run, start)
    await stage.end()
    await given_back(stage, "key")
    await given_back(stage, "two")
    books = [
        await stage.world.store.read(partial(_refunds, purchase_id))
        for purchase_id in (second, (await stage.world.ref()).purchase_id)
    ]
    ended = await stage.world.store.read(lambda uow: uow.get(ShowCancellation, "sh").state)
    return ", ".join([ended, *(refund.state for book in books for refund in book)])


async def unended_purchase(stage: Stage) -> str:
    """The show is cancelled while a buyer could still pay: the refund waits until that purchase has ended."""
    await buy(stage)
    await checkout(stage)
    await call_off(stage)
    order = CancelledOrder(purchase=await stage.world.ref(), show_id="sh")
    start = RefundInput(refund=None, order=order, poll_seconds=15)
    await stage.begin(f"refund/{await stage.world.show_refund_id()}", RefundWorkflow.run, start)
    await stage.end()
    ended = await stage.world.order()
    return f"{ended.state}: {ended.end_reason}"


async def late_leaves(stage: Stage) -> str:
    """Another order is sold while the root is on its way, so that a second root has to follow."""
    stage.world.show_terms["minting"] = "on_claim"
    chain = stage.world.chain
    send = chain.send

    async def once(signed: SignedTransaction) -> None:
        if "write_root" in stage.faults.ran:
            chain.send = send  # type: ignore[method-assign]  # the first root only
            await another_sale(stage)
        await send(signed)

    chain.send = once  # type: ignore[method-assign]  # this chain only
    return await root(stage)


async def failing_receiver(stage: Stage) -> str:
    """The receiver takes events only after the workflow was ended."""
    receiver = stage.world.receiver
    receiver.answers = lambda _, __: ReceiverAnswer(503)

    def mend() -> None:
        receiver.answers = lambda _, __: ReceiverAnswer(200)

    _then(stage, mend)
    return await webhooks(stage)


def _refunds(purchase_id: str, uow: UnitOfWork) -> list[Refund]:
    return list(uow.get(Refunds, purchase_id).refunds.values())


def _is_ended(stage: Stage) -> bool:
    assert isinstance(stage, RelayedStage)
    return stage.ended is not None


def _then(stage: Stage, happens: Callable[[], object]) -> None:
    assert isinstance(stage, RelayedStage)
    stage.then = happens


def like(name: str, play: Callable[[Stage], Awaitable[str]]) -> Scene:
    """Return a scene that is played in another way, with the same end."""
    return BY_NAME[name]._replace(play=play)


# Every timer in the source of the workflows, with a scene whose workflow waits there.
WAITS = {
    "next look at the payment, or the hold's end": like("sale", paid_later),
    "the hold's time": BY_NAME["internal hold, expires"],
    "the next look without news": like("dispute", decided_later),
    "next look at the refund": BY_NAME["refund, slow bank"],
    "until our balance may cover it": like("refund", uncovered),
    "next look whether it was made elsewhere": like("refund", failed),
    "before the next look at what is left": like("show cancelled", slow_banks),
    "the rate": like("show cancelled", one_a_minute),
    "until the purchase is decided": like("late money, buys", slow_capture),
    "before the next try": like("webhooks", failing_receiver),
    "before Stripe is asked again": like("onboarding", slow_venue),
    "before stuck refunds make room": like("show cancelled", stuck_refund)._replace(
        ends="finished, succeeded, succeeded"
    ),
    "until the purchase has ended": like("order of a cancelled show", unended_purchase)._replace(
        ends="cancelled: purchase-cancelled"
    ),
    "until the next root": like("root", late_leaves)._replace(ends="4 on chain"),
}
OF_A_STEP = "a pause of a step: `test_at_an_activity` ends every kind in the one before the next round"
ELSEWHERE = {
    "before the next round of": OF_A_STEP,
    "before the step before": OF_A_STEP,
    "the pause that": OF_A_STEP,
}


@pytest.mark.parametrize("wait", WAITS)
async def test_at_a_timer(wait: str, pool: Pool) -> None:
    """While it waits for news, for a time or for a person."""
    scene = WAITS[wait]
    end, _ = await played(scene, Force(), pool, wait)
    assert end == scene.ends


@pytest.mark.parametrize(("scene", "name", "moment"), QUICK, ids=lambda one: getattr(one, "name", one))
async def test_at_an_activity(scene: Scene, name: str, moment: Moment, pool: Pool) -> None:
    """Before its effect, after its effect, and while the workflow waits for the next round."""
    await ended_at(scene, name, moment, pool)


@pytest.mark.nightly
@pytest.mark.parametrize(("scene", "name", "moment"), LONG, ids=lambda one: getattr(one, "name", one))
async def test_at_every_activity(scene: Scene, name: str, moment: Moment, pool: Pool) -> None:
    """All others of every path of every workflow."""
    await ended_at(scene, name, moment, pool)


async def ended_at(scene: Scene, name: str, moment: Moment, pool: Pool) -> None:
    site = TRIED_AGAIN.get(name, ROUND) if moment == "waiting" else ""
    end, stage = await played(scene, Force(name, moment), pool, site)
    is_done = (moment == "after" or name in BESIDE) and stage.handle is not None and stage.handle is not stage.ended
    assert end == scene.ends or (is_done and end.startswith("None"))


def test_every_kind_and_every_wait_is_ended() -> None:
    """A new kind of workflow, activity or timer is red until a scene has it."""
    assert {scene.workflow for scene, _, _ in QUICK} == set(declared_workflows())
    assert every_timer() == WAITS.keys() | ELSEWHERE.keys()
    assert len(ELSEWHERE) <= 3
    assert {name for scene in SCENES for name in scene.reaches} == {name for _, name, _ in EVERY}
