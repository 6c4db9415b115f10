"""Registration of venues and shows on chain, and the expiry of internal holds, on fakes."""

from temporalio.client import Client

from activities.core.commands import HoldRef, MintSubject
from activities.core.task_queues import PURCHASES
from activities.sales.ticket_api_holds import MakeReservation, ReservationView
from domain.catalog.line import Line
from domain.catalog.show import Show
from tests.fakes.world import SagaWorld
from workflows.stock.ticket_api_hold import HoldWorkflow
from workflows.tokens.registration import RegisterInput, ShowWorkflow, VenueWorkflow


def register(kind: str, subject_id: str) -> RegisterInput:
    return RegisterInput(subject=MintSubject(tenant_id="default", kind=kind, subject_id=subject_id))


async def test_a_show_that_comes_before_its_venue_waits_for_it(world: SagaWorld, client: Client) -> None:
    """The show's registration waits for the venue's group, and opens the sale once its own group is minted."""
    await world.announce()
    show = await client.start_workflow(ShowWorkflow.run, register("show", "sh"), id="show/sh", task_queue=PURCHASES)
    assert not (await world.store.read(lambda uow: uow.get(Show, "sh"))).on_sale
    await client.execute_workflow(VenueWorkflow.run, register("venue", "ve"), id="venue/ve", task_queue=PURCHASES)
    minted = await show.result()
    seen = await world.store.read(lambda uow: uow.get(Show, "sh"))
    assert (seen.on_sale, seen.mint_address) == (True, minted.mint_address)
    assert world.chain.landings[minted.mint_address] == 1


async def reserve(world: SagaWorld) -> ReservationView:
    return await world.holds.reserve(
        MakeReservation(
            tenant_id="default",
            reservation_id="re",
            show_id="sh",
            lines=[Line(ticket_type_id="tt", quantity=3)],
            hold_seconds=60,
        )
    )


async def test_an_internal_hold_expires_by_itself(world: SagaWorld, client: Client) -> None:
    """After its deadline the hold is released, and its seats are free."""
    await world.open_show()
    view = await reserve(world)
    assert await world.stock() == (7, 3, 0)
    hold = HoldRef(tenant_id="default", reservation_id="re", until=view.until)
    state = await client.execute_workflow(HoldWorkflow.run, hold, id="hold/re", task_queue=PURCHASES)
    assert state == "released"
    assert await world.stock() == (10, 0, 0)


async def test_a_confirmed_internal_hold_does_not_expire(world: SagaWorld, client: Client) -> None:
    """The signal of the confirmation ends the wait, and the seats stay sold."""
    await world.open_show()
    view = await reserve(world)
    hold = HoldRef(tenant_id="default", reservation_id="re", until=view.until)
    handle = await client.start_workflow(HoldWorkflow.run, hold, id="hold/re", task_queue=PURCHASES)
    await world.holds.confirm("re")
    await handle.signal(HoldWorkflow.hold_ended)
    assert await handle.result() == "confirmed"
    assert await world.stock() == (7, 0, 3)


async def test_an_internal_hold_without_a_deadline_ends_at_once(world: SagaWorld, client: Client) -> None:
    """Without a deadline the hold is released immediately."""
    await world.open_show()
    await reserve(world)
    hold = HoldRef(tenant_id="default", reservation_id="re")
    assert await client.execute_workflow(HoldWorkflow.run, hold, id="hold/re", task_queue=PURCHASES) == "released"
