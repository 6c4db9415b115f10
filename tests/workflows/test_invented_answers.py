"""An answer that somebody gives for an activity by hand is no evidence: what follows comes from the events."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.core.commands import EndedOrder, Minted, PaymentStatus
from tests.fakes.judged import judged_at_rest
from tests.fakes.world import SagaWorld
from tests.matrix.scenes import OPENED, SOLD, UNDONE
from tests.workflows.buyer import paid


class Invented(Interceptor):
    """Answers the first tries of one activity without doing it, as `temporal activity complete` does."""

    def __init__(self, name: str, answer: Any, times: int = 1) -> None:
        self.name, self.answer, self.times, self.given = name, answer, times, 0
        self.ran: list[str] = []

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Answering(next, self)


class _Answering(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, invented: Invented) -> None:  # noqa: A002
        super().__init__(next)
        self._invented = invented

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        invented, name = self._invented, activity.info().activity_type
        invented.ran.append(name)
        if name == invented.name and invented.given < invented.times:
            invented.given += 1
            return invented.answer
        return await self.next.execute_activity(input)


PAID = {
    "confirm_seats": None,
    "capture_payment": PaymentStatus(intent_id="pi_invented", status="succeeded"),
    "confirm_order": None,
    "mint_ticket": Minted(mint_address="invented", signature="invented"),
    "settle_mint": None,
    "settle_sale": None,
    "close_checkout": None,
}
UNPAID = {
    "create_intent": PaymentStatus(intent_id="pi_invented", status="requires_payment_method"),
    "look_at_intent": PaymentStatus(intent_id="pi_invented", status="requires_capture"),
    "cancel_payment": None,
}
ENDS = {"fulfil_order": None, "cancel_order": EndedOrder(outcome="cancelled")}
# Adopts what the request has placed; so does a step that stores no event of its own.
NOT_REPEATED = {"place_order"}
FILE = "tests/workflows/test_invented_answers.py"


@pytest.fixture
async def world(skipping: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[SagaWorld]:
    """A world without workers, whose invariants are checked at the end of the test."""
    async with judged_at_rest(SagaWorld(skipping), request) as made:
        yield made


def test_every_step_has_an_invented_answer() -> None:
    """A new step of the saga needs a case."""
    steps = {*OPENED, "confirm_seats", "capture_payment", *SOLD, *UNDONE}
    answered = PAID.keys() | UNPAID.keys() | ENDS.keys() | NOT_REPEATED
    assert steps - answered == set(), f"give each an invented answer in PAID, UNPAID or ENDS of {FILE}"
    assert answered - steps == set(), f"no step of a purchase; take it out of {FILE}"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAID)
async def test_a_step_of_a_paid_purchase_is_repeated(world: SagaWorld, client: Client, name: str) -> None:
    """It ends fulfilled, with every event, and with the tokens that are on chain."""
    await world.open_show()
    invented = Invented(name, PAID[name])
    async with world.running(invented):
        handle, _ = await world.buy(client)
        await paid(world, handle)
        result = await world.ended(handle)
    assert (invented.given, result.outcome, (await world.order()).state) == (1, "fulfilled", "fulfilled")
    assert "invented" not in result.ticket_addresses
    assert invented.ran.count(name) > 1 or name == "close_checkout"
    assert await world.stock() == (8, 0, 2)
    assert world.books()["venue:ve:payable", "eur"] == 2000


async def test_a_step_that_was_not_done_again_is_repeated_after_a_pause(world: SagaWorld, client: Client) -> None:
    """Two invented answers in a row: the seats are confirmed at the third try, and nothing is captured before."""
    await world.open_show()
    invented = Invented("confirm_seats", None, times=2)
    async with world.running(invented):
        handle, _ = await world.buy(client)
        await paid(world, handle)
        assert (await world.ended(handle)).outcome == "fulfilled"
    assert (invented.given, invented.ran.count("confirm_seats")) == (2, 3)
    assert world.gateway.effects["capture_intent"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", UNPAID)
async def test_an_unpaid_purchase_is_not_sold(world: SagaWorld, client: Client, name: str) -> None:
    """Whatever is said about its payment, it ends without a sale, and nobody can pay it."""
    await world.open_show(hold_seconds=60)
    async with world.running(Invented(name, UNPAID[name])):
        handle, _ = await world.buy(client)
        result = await world.ended(handle)
    assert (result.outcome, (await world.order()).state) == ("cancelled", "cancelled")
    assert (await world.gateway.retrieve_intent(await world.intent_id())).status == "canceled"
    assert await world.stock() == (10, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDS)
async def test_an_end_without_its_event_is_no_end(world: SagaWorld, client: Client, name: str) -> None:
    """The events say that the purchase is unfinished, so the relay begins it anew, and it ends."""
    await world.open_show(hold_seconds=60)
    sells = name == "fulfil_order"
    async with world.running(Invented(name, ENDS[name])):
        handle, _ = await world.buy(client)
        if sells:
            await paid(world, handle)
        await world.ended(handle)
        assert (await world.order()).state == ("confirmed" if sells else "awaiting-payment")
        handle, _ = await world.start(client, await world.ref())
        await world.ended(handle)
    assert (await world.order()).state == ("fulfilled" if sells else "cancelled")
