"""What the API asks of the workflow engine: Temporal's client, and the fakes that do the same at once."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.core.commands import HoldRef, MintSubject
from activities.payouts.ports import VenueRef
from activities.sales.ticket_api_holds import MakeReservation
from api.ports import Engine, PayoutAccounts
from domain.catalog.line import Line
from domain.orders.order import Order
from relay.payouts_client import PayoutsClient
from relay.workflow_client import Timeouts, WorkflowClient
from tests.fakes.connect import ConnectingVenues
from tests.fakes.judged import judged
from tests.fakes.shop_world import SellingEngine
from tests.fakes.world import SagaWorld
from tests.workflows.conftest import skipping

__all__ = ["skipping"]

TIMEBOX_SECONDS = 20.0


class Asked(NamedTuple):
    """A world with a show on sale, and who is asked to work on it."""

    world: SagaWorld
    engine: Engine
    payouts: PayoutAccounts


@pytest.fixture(params=["fake", "temporal"])
async def asked(request: pytest.FixtureRequest, skipping: WorkflowEnvironment) -> AsyncIterator[Asked]:
    with judged(SagaWorld(skipping), request) as world:
        await world.open_show()
        world.connect.ready = False
        if request.param == "fake":
            yield Asked(world, SellingEngine(world.store, world.checkouts), ConnectingVenues())
            return
        pacing = Timeouts(TIMEBOX_SECONDS, world.poll_seconds, world.processing_extension_seconds)
        async with world.running():
            yield Asked(
                world,
                WorkflowClient(skipping.client, pacing),
                PayoutsClient(skipping.client, TIMEBOX_SECONDS, world.poll_seconds),
            )


async def test_a_purchase_opens_its_checkout(asked: Asked) -> None:
    """The answer has the order; the secret waits for the buyer, and the same purchase is not begun twice."""
    purchase = await asked.world.request()
    answers = [await asked.engine.open_purchase(purchase, "sh", "ve") for _ in range(2)]
    assert answers[0] == answers[1]
    answer = answers[0]
    assert answer is not None
    assert answer.order is not None
    assert (answer.state, answer.refusal_code, answer.order.price.subtotal_minor) == ("open", None, 2000)
    assert len(answer.order.ticket_ids) == 2
    assert await asked.world.checkouts.get(purchase.purchase_id)
    assert (await asked.world.order()).state == "placed"
    assert await asked.world.stock() == (8, 2, 0)


async def test_a_purchase_without_seats_ends(asked: Asked) -> None:
    """The answer says why, and nothing is held."""
    purchase = await asked.world.only_requested(quantity=11)
    answer = await asked.engine.open_purchase(purchase, "sh", "ve")
    assert answer is not None
    assert (answer.state, answer.refusal_code, answer.order) == ("ended", "sold-out", None)
    order = await asked.world.store.read(lambda uow: uow.get(Order, purchase.purchase_id))
    assert (order.state, order.end_reason) == ("refused", "sold-out")
    assert await asked.world.stock() == (10, 0, 0)


async def test_who_is_at_work_is_told(asked: Asked) -> None:
    """An open purchase hears of its payment, and of its buyer's cancel."""
    purchase = await asked.world.request()
    await asked.engine.open_purchase(purchase, "sh", "ve")
    assert await asked.engine.look_again(purchase.purchase_id)
    assert await asked.engine.buyer_cancelled(purchase.purchase_id)


async def test_work_is_started(asked: Asked) -> None:
    """A repeat is as good as the first time."""
    subject = MintSubject(tenant_id="default", kind="venue", subject_id="ve")
    assert [await asked.engine.register(subject) for _ in range(2)] == [True, True]
    lines = [Line(ticket_type_id="tt", quantity=1)]
    await asked.world.holds.reserve(
        MakeReservation(tenant_id="default", reservation_id="re", show_id="sh", lines=lines, hold_seconds=600)
    )
    hold = HoldRef(tenant_id="default", reservation_id="re")
    assert [await asked.engine.watch_hold(hold) for _ in range(2)] == [True, True]
    assert await asked.engine.hold_ended("re")


async def test_a_venue_is_told_where_to_go_on(asked: Asked) -> None:
    """While Stripe misses something, the answer has a fresh link."""
    seen = await asked.payouts.onboard(VenueRef(tenant_id="default", venue_id="ve"))
    assert seen is not None
    assert not seen.is_ready
    assert seen.asked_for > 0
    assert seen.url is not None
    assert seen.url.startswith("https://")
