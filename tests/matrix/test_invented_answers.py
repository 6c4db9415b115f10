"""An answer that somebody invents for an activity is no evidence, in any kind of workflow."""

from typing import Any

import pytest
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.access.webhooks.deliver import Delivery, DueList
from activities.core.commands import Minted, RefundStatus
from activities.payouts.ports import AccountStatus, Reversed, Sent
from activities.refunds.cancel_show import OrderFate, OrdersLeft
from activities.sales.letters.send import DueLetters, LetterSent
from activities.tokens.pin import PinPage, PinReport
from activities.tokens.trees.roots import RootReport
from adapters.postgres.connections import Pool
from tests.contract.conftest import pool, store_server, tables_url
from tests.fakes.engines import skipping_server
from tests.fakes.evidence import external_state, findings_of, require_invariants
from tests.matrix.every_scene import SCENES
from tests.matrix.relayed import Force, RelayedStage
from tests.matrix.scenes import SALE, Scene
from tests.matrix.scenes_payouts import ROUND
from workflows.core.task_queue import RESTARTED_BY, SCHEDULE
from workflows.payouts import TransfersWorkflow
from workflows.purchase import PurchaseWorkflow
from workflows.registry import declared_workflows
from workflows.stock.ticket_api_hold import HoldWorkflow
from workflows.tokens.pinning import PinningWorkflow

__all__ = ["pool", "store_server", "tables_url"]
READY = AccountStatus(account_id="acct_invented", may_receive=True, may_pay_out=True, asked_for=0)
# The best that anybody could say of each activity, so that the workflow goes on as if it were done.
ANSWERS: dict[str, Any] = {
    "extend_hold": None,
    "resolve_late_payment": "sold",
    "deliver_claim": "done",
    "post_refund": 1,
    "pay_refund": RefundStatus(status="succeeded", turn=1),
    "reverse_share": Reversed(reversed_minor=0, short_minor=0),
    "burn_ticket": "burnt",
    "resell_seats": 2,
    "decide_order": OrderFate(kind="ended"),
    "end_open_holds": 0,
    "list_orders_left": OrdersLeft(orders=(), is_paused=False, rate_per_second=1),
    "finish_cancellation": 0,
    "mint_group": Minted(mint_address="invented", signature="invented"),
    "open_sale": None,
    "lower_stock": True,
    "fit_group": None,
    "raise_stock": None,
    "look_at_dispute": "won",
    "record_operator_act": "",
    "expire_reservation": "released",
    "connect_account": READY,
    "look_at_account": READY,
    "list_due_transfers": [],
    "transfer_share": Sent(amount_minor=2000, currency="eur"),
    "pin_files": PinReport(pinned=4, failed=0, last=""),
    "follow_payout": "paid",
    "record_leaves": None,
    "write_root": RootReport(size=2, is_newest=True),
    "settle_leaves": 0,
    "list_due_events": DueList(state="on"),
    "deliver_event": Delivery(outcome="taken"),
    "list_due_letters": DueLetters(letters=()),
    "send_letter": LetterSent(outcome="sent"),
}
ELSEWHERE = {  # tests/workflows/test_invented_answers.py has those of a purchase
    *SALE, "cancel_payment", "cancel_order",
}  # fmt: skip
OF_THE_CALLER = {"extend_hold", "record_operator_act"}  # no step follows them, and no event is missed
SEEN = ANSWERS.keys() - OF_THE_CALLER
CASES = [(scene, name) for scene in SCENES for name in scene.row.reaches if name in SEEN]


class Inventing(Force):
    """Answers the first call of one activity without doing it, as `temporal activity complete` does."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Answered(next, self)


class _Answered(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, force: Inventing) -> None:  # noqa: A002
        super().__init__(next)
        self._force = force

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        force, name = self._force, activity.info().activity_type
        force.ran.append(name)
        if name == force.name and not force.is_over:
            force.is_over = True
            return ANSWERS[name]
        force.busy += 1
        try:
            return await self.next.execute_activity(input)
        finally:
            force.busy -= 1


class Rested(RelayedStage):
    """A stage whose workflow ends once the relay has nothing left to begin: what was left out is done by then."""

    async def end(self) -> Any:
        """Wait for the workflow's result, and for everything that it left."""
        result = await super().end()
        if self._force.is_over:
            await self.rest()
        return result


@pytest.mark.parametrize(("scene", "name"), CASES, ids=lambda one: getattr(one, "name", one))
async def test_an_invented_answer_is_no_end(scene: Scene, name: str, pool: Pool) -> None:
    """Whatever the workflow made of it, in the end nothing is left to do, and every invariant holds."""
    force = Inventing(name)
    server = await skipping_server()
    async with server:
        with server.auto_time_skipping_disabled():
            async with Rested(server, force, pool, scene.workflow) as stage:
                await scene.play(stage)
                assert force.is_over, "the answer was never given"
                await next_round(stage, scene.workflow)
                await stage.give_back()
                await stage.rest()
                assert await stage.left() == {}
                assert {row.state for row in stage.world.letters.rows.values()} <= {"sent"}
                assert len({event["position"] for event in stage.world.receiver.taken}) == len(stage.world.told)
                outside = external_state(stage.world.gateway, stage.world.chain, stage.world.connect)
                require_invariants(findings_of(stage.world.store.log, outside))
                if scene.workflow is not HoldWorkflow:  # sold without a purchase; its scenes count them
                    await stage.world.check_invariants()


async def next_round(stage: RelayedStage, kind: type) -> None:
    """Play the next round of a schedule, which does what an invented answer left out."""
    if not getattr(kind, RESTARTED_BY).startswith(SCHEDULE):
        return
    if kind is TransfersWorkflow:
        await stage.begin("transfers/next", TransfersWorkflow.run, ROUND)
        await stage.end()
        assert stage.world.connect.net_by_charge().total() == -2000
    else:
        assert kind is PinningWorkflow
        await stage.begin("pinning/next", PinningWorkflow.run, PinPage())
        await stage.end()
        assert len(stage.world.ipfs.pins) == 4


def test_every_activity_of_every_kind_has_an_invented_answer() -> None:
    """A new activity needs one."""
    assert {name for scene in SCENES for name in scene.reaches} == ANSWERS.keys() | ELSEWHERE
    kinds = {scene.workflow for scene, _ in CASES} | {PurchaseWorkflow}
    assert kinds == set(declared_workflows())
