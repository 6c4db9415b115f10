"""Refunded seats on sale again, on fakes: the group on chain grows before the stock does."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.core.commands import RefundRef
from activities.refunds.cancel_show import CancelShow
from domain.core.transient import TransientError
from domain.stock.allocation import Allocation
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.world import SagaWorld
from tests.workflows.test_capacity import change, group
from tests.workflows.test_refund import begin, ended, sold

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md


async def sold_out(world: SagaWorld, client: Client) -> tuple[str, ...]:
    """Sell both tickets of a show that sells refunded seats again; return them."""
    world.capacity, world.show_terms = 2, {"resell_refunded": True}
    return await sold(world, client)


async def refunded(world: SagaWorld, client: Client, number: int, ticket_id: str) -> RefundRef:
    refund = await world.decide_refund(number=number, ticket_ids=(ticket_id,))
    assert await ended(world, await begin(client, refund)) == "refunded"
    return refund


async def resell(world: SagaWorld, refund: RefundRef) -> int:
    found: int = await ActivityEnvironment().run(world.resale.resell_seats, refund)
    return found


async def test_a_refunded_seat_is_bought_by_somebody_else(world: SagaWorld, client: Client) -> None:
    """The burnt token stays a member, so the group grows by one; a late repeat of the step changes nothing."""
    ids = await sold_out(world, client)
    refund = await refunded(world, client, 1, ids[0])
    assert (await world.stock(), await group(world)) == ((1, 0, 1), (2, 3))
    assert world.gates.ran.count("resell_seats") == 1  # it is not called before the token is burnt
    handle, answer = await world.buy(client, "other", 1)
    world.gateway.pay(await world.intent_id("other"))
    assert (await world.ended(handle)).outcome == "fulfilled"
    assert answer.order is not None
    assert (await world.stock(), await group(world)) == ((0, 0, 2), (3, 3))
    assert await resell(world, refund) == 1
    assert (await world.stock(), await group(world)) == ((0, 0, 2), (3, 3))


async def test_the_room_is_made_before_the_stock_has_the_seat(world: SagaWorld, client: Client) -> None:
    """While the group cannot grow, the seat that could not be minted is not on sale."""
    ids = await sold_out(world, client)
    gate = world.gates.close("resell_seats", "before")
    refund = await world.decide_refund(ticket_ids=ids[:1])
    handle = await begin(client, refund)
    await gate.reached.wait()
    world.chain.fail_before("send")
    with pytest.raises(TransientError):
        await resell(world, refund)
    assert (await world.stock(), await group(world)) == ((0, 0, 2), (2, 2))
    gate.open.set()
    assert await ended(world, handle) == "refunded"
    assert (await world.stock(), await group(world)) == ((1, 0, 1), (2, 3))


async def test_seats_do_not_wait_for_a_slow_bank(world: SagaWorld, client: Client) -> None:
    """They are on sale once the tokens are burnt; the refund is complete only when the buyer has the money."""
    ids = await sold_out(world, client)
    world.gateway.refunds_begin = "pending"
    handle = await begin(client, await world.decide_refund(ticket_ids=ids), poll_seconds=1)
    with world.server.auto_time_skipping_disabled():
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await world.stock() != (2, 0, 0):  # noqa: ASYNC110 - waits for the stock
                await asyncio.sleep(0.05)
    (made,) = world.gateway.refunds.values()
    assert made.status == "pending"
    world.gateway.finish_refund(made.refund_id)
    await handle.signal("look_again")
    assert await ended(world, handle) == "refunded"


async def test_a_change_of_the_capacity_knows_the_returned_seats(world: SagaWorld, client: Client) -> None:
    """In sequence or at once, the group has room for all sold and burnt tickets."""
    ids = await sold_out(world, client)
    await refunded(world, client, 1, ids[0])
    assert await change(world, client, 5) == "made"
    assert (await group(world)) == (2, 6)
    other = await world.decide_refund(number=2, ticket_ids=ids[1:])
    await asyncio.gather(ended(world, await begin(client, other)), change(world, client, 1))
    world.capacity = 1
    assert (await world.stock(), await group(world)) == ((1, 0, 0), (2, 3))


@pytest.mark.leaves_open(reason="a refund is requested here, and not paid")
async def test_a_cancelled_show_has_nothing_on_sale(world: SagaWorld, client: Client) -> None:
    """Neither its refunds put seats on sale again, nor one that was requested before."""
    ids = await sold_out(world, client)
    before = await world.decide_refund(ticket_ids=ids[:1])
    assert before.resells
    cancel = CancelShow(tenant_id="default", show_id="sh", body_digest="c", fees="venue", rate_per_second=20)
    await world.cancellations.cancel_show(cancel)
    assert not (await world.decide_refund(number=2)).resells
    assert await ended(world, await begin(client, before)) == "refunded"
    seats = await world.store.read(lambda uow: uow.get(Allocation, "tt"))
    assert (seats.available, seats.sold) == (0, 2)
    assert await group(world) == (2, 2)
