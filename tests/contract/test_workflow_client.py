"""Contract of the API's workflow engine, for Temporal's client and the fakes."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.core.about import About
from activities.core.commands import HoldRef, MintSubject, PurchaseRef
from activities.payouts.ports import VenueRef
from activities.sales.ticket_api_holds import MakeReservation
from api.ports import Engine, PayoutAccounts
from domain.catalog.line import Line
from domain.orders.order import Order
from relay.payouts_client import PayoutsClient
from relay.workflow_client import Timeouts, WorkflowClient
from tests.fakes.connect import ConnectingVenues
from tests.fakes.judged import judged
from tests.fakes.selling_engine import SellingEngine
from tests.fakes.world import SagaWorld
from tests.workflows.conftest import kept_server, skipping

__all__ = ["kept_server", "skipping"]

TIMEBOX_SECONDS = 20.0


class Subject(NamedTuple):
    """A world with a show on sale, and the engine under test."""

    world: SagaWorld
    engine: Engine
    payouts: PayoutAccounts


@pytest.fixture(params=["fake", "temporal"])
async def subject(request: pytest.FixtureRequest, skipping: WorkflowEnvironment) -> AsyncIterator[Subject]:
    with judged(SagaWorld(skipping), request) as world:
        await world.open_show()
        world.connect.ready = False
        if request.param == "fake":
            yield Subject(world, SellingEngine(world.store, world.checkouts), ConnectingVenues())
            return
        pacing = Timeouts(TIMEBOX_SECONDS, world.poll_seconds, world.processing_extension_seconds)
        async with world.running():
            yield Subject(
                world,
                WorkflowClient(skipping.client, pacing),
                PayoutsClient(skipping.client, TIMEBOX_SECONDS, world.poll_seconds),
            )


def about(purchase: PurchaseRef) -> About:
    """Return a purchase of the world's show."""
    return About(purchase.purchase_id, "sh", "ve")


async def test_a_purchase_opens_its_checkout(subject: Subject) -> None:
    """The answer has the order, the client secret is stored, and the same purchase is not started twice."""
    purchase = await subject.world.request()
    answers = [await subject.engine.open_purchase(purchase, about(purchase)) for _ in range(2)]
    assert answers[0] == answers[1]
    answer = answers[0]
    assert answer is not None
    assert answer.order is not None
    assert (answer.state, answer.refusal_code, answer.order.price.subtotal_minor) == ("open", None, 2000)
    assert len(answer.order.ticket_ids) == 2
    assert await subject.world.checkouts.get(purchase.purchase_id)
    assert (await subject.world.order()).state == "awaiting-payment"
    assert await subject.world.stock() == (8, 2, 0)


async def test_a_purchase_without_seats_ends(subject: Subject) -> None:
    """The answer has the refusal code, and nothing is held."""
    purchase = await subject.world.only_requested(quantity=11)
    answer = await subject.engine.open_purchase(purchase, about(purchase))
    assert answer is not None
    assert (answer.state, answer.refusal_code, answer.order) == ("ended", "sold-out", None)
    order = await subject.world.store.read(lambda uow: uow.get(Order, purchase.purchase_id))
    assert (order.state, order.end_reason) == ("refused", "sold-out")
    assert await subject.world.stock() == (10, 0, 0)


async def test_a_running_purchase_is_signalled(subject: Subject) -> None:
    """An open purchase receives the signals of its payment and of its buyer's cancel."""
    purchase = await subject.world.request()
    await subject.engine.open_purchase(purchase, about(purchase))
    assert await subject.engine.look_again(purchase.purchase_id)
    assert await subject.engine.buyer_cancelled(purchase.purchase_id)


async def test_work_is_started(subject: Subject) -> None:
    """A repeat succeeds like the first call."""
    venue = MintSubject(tenant_id="default", kind="venue", subject_id="ve")
    assert [await subject.engine.register(venue, About(venue_id="ve")) for _ in range(2)] == [True, True]
    lines = [Line(ticket_type_id="tt", quantity=1)]
    await subject.world.holds.reserve(
        MakeReservation(tenant_id="default", reservation_id="re", show_id="sh", lines=lines, hold_seconds=600)
    )
    hold = HoldRef(tenant_id="default", reservation_id="re")
    assert [await subject.engine.watch_hold(hold, About(show_id="sh", venue_id="ve")) for _ in range(2)] == [True, True]
    assert await subject.engine.hold_ended("re")


async def test_a_venue_gets_an_onboarding_link(subject: Subject) -> None:
    """While Stripe needs more details, the answer has a fresh link."""
    seen = await subject.payouts.onboard(VenueRef(tenant_id="default", venue_id="ve"))
    assert seen is not None
    assert not seen.is_ready
    assert seen.asked_for > 0
    assert seen.url is not None
    assert seen.url.startswith("https://")
