"""Shares of disputed sales, on fakes: a share stays with us until the decision, and no loss is charged twice."""

import pytest
from temporalio.client import Client

from activities.core.commands import DisputeRef
from activities.disputes.follow import DisputeActivities
from domain.core.transient import TransientError
from domain.payouts.payee import Payee
from tests.fakes.world import SagaWorld
from tests.workflows.test_payouts import SHARE, VENUE, account, run, sell, send

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md


@pytest.mark.parametrize("tried", [True, False], ids=["refused before", "never tried"])
@pytest.mark.parametrize(
    ("amount", "won", "left"),
    [(None, True, SHARE), (None, False, 0), (1104, False, SHARE // 2), (1, False, SHARE - 1)],
    ids=["won", "lost", "half of it lost", "a cent of it lost"],
)
async def test_a_share_is_not_sent_while_its_sale_is_disputed(
    world: SagaWorld, client: Client, amount: int | None, left: int, *, won: bool, tried: bool
) -> None:
    """A dispute before the transfer: the rest of the share is sent after the decision, and the venue owes nothing."""
    await world.open_show()
    (order,) = await sell(world, client, "a")
    await run(world, "connect_account", VENUE)
    if tried:
        world.connect.refuse("transfer", "balance_insufficient")
        assert (await send(client)).refused == 1
        world.connect.allow("transfer")
    intent_id = await world.intent_id("a")
    dispute = world.gateway.dispute(intent_id, amount)
    look = DisputeActivities(world.store, world.gateway).look_at_dispute
    ref = DisputeRef(purchase=order, dispute_id=dispute.dispute_id)
    await look(ref)
    assert (await send(client, "disputed")).refused == 1
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=won)
    await look(ref)
    payout_round = await send(client, "next")
    assert (payout_round.refused, payout_round.sent) == (0, {"eur": left})
    assert (await send(client, "again")).orders == 0
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert payee.owed_minor.get("eur", 0) == 0
    assert world.books()["venue:ve:payable", "eur"] == 0


async def test_a_loss_that_is_owed_is_not_taken_off_the_share_too(world: SagaWorld, client: Client) -> None:
    """Stripe did not answer, the dispute was lost meanwhile, and then the transfer turned out not to exist."""
    await world.open_show()
    (order,) = await sell(world, client, "a")
    await run(world, "connect_account", VENUE)
    world.connect.fail_before("transfer")
    with pytest.raises(TransientError):
        await run(world, "transfer_share", order)
    intent_id = await world.intent_id("a")
    dispute = world.gateway.dispute(intent_id)
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=False)
    ref = DisputeRef(purchase=order, dispute_id=dispute.dispute_id)
    await DisputeActivities(world.store, world.gateway).look_at_dispute(ref)
    world.connect.refuse("transfer", "balance_insufficient")
    assert (await send(client)).refused == 1
    world.connect.allow("transfer")
    assert (await send(client, "next")).sent == {"eur": SHARE}
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert payee.owed_minor["eur"] == -account(world, "pending") == SHARE
