"""Refunds and the venue's transfer: a sent share is reversed, and only the remaining share is sent."""

import pytest
from temporalio.client import Client

from activities.sales.order import ticket_ids_of
from tests.fakes.world import SagaWorld
from tests.workflows.test_payouts import SHARE, VENUE, account, run, sell
from tests.workflows.test_refund import begin, ended

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md


async def test_a_sent_share_is_reversed(world: SagaWorld, client: Client) -> None:
    """The venue's part is reversed out of its account, once; its balances are those before the sale."""
    await world.open_show()
    (sold,) = await sell(world, client, "key")
    await run(world, "connect_account", VENUE)
    await run(world, "transfer_share", sold)
    assert (account(world, "pending"), account(world, "available")) == (0, SHARE)
    refund = await world.decide_refund()
    await ended(world, await begin(client, refund))
    assert (account(world, "pending"), account(world, "available")) == (0, 0)
    assert world.connect.effects["reverse_transfer"] == 1


@pytest.mark.parametrize(("fees", "left"), [("platform", SHARE // 2), ("venue", SHARE // 2 - 104)])
async def test_only_the_remaining_share_is_sent(world: SagaWorld, client: Client, fees: str, left: int) -> None:
    """The share excludes a ticket refunded before, and the fees that the venue bears."""
    await world.open_show()
    (sold,) = await sell(world, client, "key")
    await run(world, "connect_account", VENUE)
    whole = await world.decide_refund(fees=fees, ticket_ids=ticket_ids_of(await world.order())[:1])
    await ended(world, await begin(client, whole))
    sent = await run(world, "transfer_share", sold)
    assert sent.amount_minor == left
    assert (account(world, "pending"), account(world, "available")) == (0, left)
