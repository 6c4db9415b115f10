"""A claim on fakes: delivered through an outage, begun anew without a second move, and lapsed by a refund."""

from temporalio.client import Client, WorkflowHandle

from activities.core.commands import MintTicket
from activities.core.task_queues import PURCHASES
from tests.fakes.world import SagaWorld
from workflows.core.search_attributes import NEEDS_OPERATOR
from workflows.tokens.claim import ClaimWorkflow


async def sold(world: SagaWorld, client: Client) -> MintTicket:
    await world.open_show()
    sale, _ = await world.buy(client)
    world.gateway.pay(await world.intent_id())
    assert (await world.ended(sale)).outcome == "fulfilled"
    return await world.claim()


async def begin(client: Client, claim: MintTicket) -> WorkflowHandle[ClaimWorkflow, str]:
    return await client.start_workflow(ClaimWorkflow.run, claim, id=f"claim/{claim.ticket_id}", task_queue=PURCHASES)


async def test_a_claim_survives_an_outage_and_is_delivered_once(world: SagaWorld, client: Client) -> None:
    """An operator is called while the chain is away; begun anew, the workflow finds the claim done."""
    claim = await sold(world, client)
    world.chain.fail_before("sign_transfer", 8)
    handle = await begin(client, claim)
    while not (await handle.describe()).typed_search_attributes.get(NEEDS_OPERATOR):
        await world.server.sleep(5)
    assert await handle.result() == "done"
    assert await (await begin(client, claim)).result() == "done"
    assert world.chain.moves.total() == 1


async def test_a_refunded_claim_lapses(world: SagaWorld, client: Client) -> None:
    """The refund burns the token in custody, and nothing is moved."""
    claim = await sold(world, client)
    await world.decide_refund()
    assert await world.give_back(client) == ["refunded"]
    assert await (await begin(client, claim)).result() == "lapsed"
    assert (world.chain.moves.total(), world.chain.burnt.total()) == (0, 2)


async def test_a_soulbound_ticket_is_sold_without_a_token(world: SagaWorld, client: Client) -> None:
    """The purchase ends; the token is minted when the ticket is claimed, and the other one stays owed."""
    world.show_terms = {"transfer": "soulbound"}
    claim = await sold(world, client)
    assert world.chain.landings.total() == 2  # the groups of venue and show
    assert await (await begin(client, claim)).result() == "done"
    assert (world.chain.landings.total(), world.books()["mint:debt", "TICKET"]) == (3, 1)


async def test_a_soulbound_ticket_that_nobody_claimed_is_refunded(world: SagaWorld, client: Client) -> None:
    """There is no token to burn, and no token is owed any more."""
    world.show_terms = {"transfer": "soulbound"}
    await sold(world, client)
    await world.decide_refund()
    assert await world.give_back(client) == ["refunded"]
    assert (world.chain.landings.total(), world.books()["mint:debt", "TICKET"]) == (2, 0)
