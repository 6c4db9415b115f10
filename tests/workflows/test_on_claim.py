"""Purchases of a show that mints on claim: one step records the leaves, nothing waits for the chain."""

from collections.abc import Sequence

import pytest
from temporalio.client import Client

from activities.core.commands import TreeRef
from activities.core.task_queues import PURCHASES
from activities.tokens.trees import owed
from activities.tokens.trees.leaves import end_leaf
from domain.catalog.show import Show
from domain.money.books import MINT_DEBT, TICKET_UNIT
from domain.tickets.leaf import TreeRoot
from domain.tickets.ticket import Ticket
from domain.tickets.ticket_tree import TicketTree
from domain.tickets.token import SignedTransaction
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid
from workflows.tokens.roots import RootsInput, RootsWorkflow


async def sold(world: SagaWorld, client: Client) -> Sequence[str]:
    """Sell two tickets of a show that mints on claim; return them."""
    world.show_terms["minting"] = "on_claim"
    await world.open_show()
    handle, answer = await world.buy(client)
    await paid(world, handle)
    result = await world.ended(handle)
    assert (result.outcome, result.ticket_addresses) == ("fulfilled", ())
    assert answer.order is not None
    return answer.order.ticket_ids


async def tree(world: SagaWorld) -> TicketTree:
    return await world.store.read(lambda uow: uow.get(TicketTree, "sh"))


async def test_a_sold_ticket_is_a_leaf(world: SagaWorld, client: Client) -> None:
    """The purchase is fulfilled and settled without one call of the chain; the books owe the tickets."""
    world.show_terms["minting"] = "on_claim"
    await world.open_show()
    world.chain.calls.clear()
    handle, _ = await world.buy(client)
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"
    assert world.gates.ran.count("record_leaves") == 1
    assert "mint_ticket" not in world.gates.ran
    assert not world.chain.calls
    assert ((await tree(world)).size, len((await tree(world)).owed)) == (2, 2)
    assert world.books()[MINT_DEBT, TICKET_UNIT] == 2
    assert world.books()["venue:ve:payable", "eur"] == 2000


async def test_a_refund_ends_the_leaves(world: SagaWorld, client: Client) -> None:
    """Nothing is burnt; the tickets are void, their places are empty, and their seats return to a group of one size."""
    world.show_terms["resell_refunded"] = True
    ids = await sold(world, client)
    refund = await world.decide_refund()
    assert await world.give_back(client) == ["refunded"]
    assert not world.chain.burnt
    assert sorted(change[0] for change in (await tree(world)).pending[2:]) == [0, 1]
    assert await world.resale.resell_seats(refund) == 2
    assert await world.stock() == (10, 0, 0)
    assert (await world.store.read(lambda uow: uow.get(Show, "sh"))).group_size == 10
    tickets = await world.store.read(lambda uow: [uow.get(Ticket, name) for name in ids])
    assert all(ticket.token_is_over and ticket.leaf_end == "refund" for ticket in tickets)


async def test_a_ticket_refunded_before_it_is_a_leaf(world: SagaWorld, client: Client) -> None:
    """It never becomes one, and the books owe it no more."""
    world.show_terms["minting"] = "on_claim"
    await world.open_show()
    gate = world.gates.close("record_leaves", "before")
    handle, answer = await world.buy(client)
    await paid(world, handle)
    await gate.reached.wait()
    assert answer.order is not None
    await world.decide_refund(ticket_ids=answer.order.ticket_ids[:1])
    gate.open.set()
    assert (await world.ended(handle)).outcome == "fulfilled"
    await world.give_back(client)
    assert (await tree(world)).size == 1
    assert world.books()[MINT_DEBT, TICKET_UNIT] == 1


async def write_roots(client: Client, roots_per_run: int = 50) -> int:
    start = RootsInput(tree=TreeRef(tenant_id="default", show_id="sh"), roots_per_run=roots_per_run)
    size = await client.execute_workflow(RootsWorkflow.run, start, id="roots/sh", task_queue=PURCHASES)
    return int(size)


async def test_a_root_ends_the_debt(world: SagaWorld, client: Client) -> None:
    """The leaves are on chain, and the books owe nothing more; a refund afterwards is in the next root."""
    await sold(world, client)
    assert await write_roots(client) == 2
    assert world.books()[MINT_DEBT, TICKET_UNIT] == 0
    before = (await tree(world)).root
    await world.decide_refund()
    await world.give_back(client)
    assert await write_roots(client) == 2
    after = await tree(world)
    assert after.is_written
    assert world.chain.roots() == {after.grounds.show_mint: after.root} != {after.grounds.show_mint: before}


async def test_the_debt_ends_page_by_page(world: SagaWorld, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sale of more leaves than one commit takes is settled by several."""
    monkeypatch.setattr(owed, "LEAVES_PER_PAGE", 1)
    await sold(world, client)
    assert await write_roots(client) == 2
    assert world.gates.ran.count("settle_leaves") == 2
    assert world.books()[MINT_DEBT, TICKET_UNIT] == 0


@pytest.mark.leaves_open(reason="a claim ends the leaf, and nobody mints its token")
async def test_roots_go_on_while_leaves_change(world: SagaWorld, client: Client) -> None:
    """What changes during a write comes into the next root after the pause, and in time into a new history."""
    ids = await sold(world, client)
    sign = world.chain.sign_root

    async def sign_and_claim(show_mint: str, root: TreeRoot) -> SignedTransaction:
        signed = await sign(show_mint, root)
        await world.store.commit(lambda uow: end_leaf(uow, uow.get(Ticket, ids[0]), "claim"))
        return signed

    world.chain.sign_root = sign_and_claim  # type: ignore[method-assign]
    assert await write_roots(client, roots_per_run=1) == 2
    assert (await tree(world)).is_written
    assert len(world.chain._roots[(await tree(world)).grounds.show_mint]) == 2
