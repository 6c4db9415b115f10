"""Tickets of a show that mints on claim: one leaf each, in the place of a token, until a refund or a claim ends it."""

import pytest

from activities.core.commands import MintTicket, TreeRef
from activities.tokens.burn import BurnActivities
from activities.tokens.mint import MintActivities
from activities.tokens.minter import NO_TOKEN
from activities.tokens.trees.leaves import end_leaf, open_tree
from activities.tokens.trees.owed import LeafActivities, RecordLeaves
from domain.core.errors import WrongState
from domain.money.books import MINT_DEBT, TICKET_UNIT, BooksTransaction, balances
from domain.tickets.leaf import NULLIFIED, leaf_of
from domain.tickets.ticket import Ticket
from domain.tickets.ticket_tree import TicketTree
from tests.activities.tokens.test_mint import CUSTODY, NoWallets
from tests.fakes.samples import AT, SIGNED
from tests.fakes.store_world import StoreWorld
from tests.fakes.token_chain import FakeTokenChain
from tests.fakes.trees import open_sample_tree, write_sample_root


class Leaves(StoreWorld):
    """A show that mints on claim, and a paid purchase of two tickets."""

    async def sell(self, *, drawn: bool = True) -> "Leaves":
        await self.open(minting="on_claim")
        await (open_sample_tree(self.store) if drawn else open_tree(self.store, "sh", "mint", "genesis"))
        self.purchase = await self.bought(floor=2, nonce="no")
        await self.sales.confirm_seats(self.purchase)
        await self.capture(self.purchase)
        await self.sales.confirm_order(self.purchase)
        placed = await self.sales.place_order(self.purchase)
        assert placed.minting == "on_claim"
        self.ids = placed.ticket_ids
        self.leaves, self.burns = LeafActivities(self.store), BurnActivities(self.store, FakeTokenChain())
        return self

    async def record(self) -> None:
        await self.leaves.record_leaves(RecordLeaves(purchase=self.purchase, ticket_ids=self.ids))

    async def tree(self) -> TicketTree:
        return await self.see(TicketTree, "sh")

    async def void(self, ticket_id: str) -> None:
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).give_back(uow.at, even_redeemed=False))

    async def take_back(self, ticket_id: str) -> str:
        return await self.burns.burn_ticket(MintTicket(purchase=self.purchase, ticket_id=ticket_id))

    async def debt(self) -> int:
        """Return the tickets that the books owe."""
        streams = [name for name in self.store.streams if name.startswith("books:")]
        found = [await self.see(BooksTransaction, name.partition(":")[2]) for name in streams]
        return balances(posting for one in found for posting in one.postings).get((MINT_DEBT, TICKET_UNIT), 0)


async def test_each_ticket_is_one_leaf() -> None:
    """The leaves have the next places, are bound to the names of their tickets, and a repeat adds none."""
    world = await Leaves().sell()
    await world.lost_and_repeated(world.record)
    tree, tickets = await world.tree(), [await world.see(Ticket, name) for name in world.ids]
    assert (tree.size, tree.owed) == (2, list(world.ids))
    for index, ticket in enumerate(tickets):
        assert ticket.leaf == leaf_of(tree.grounds, index, ticket.public_name, "cid-floor")
        assert ticket.leaf is not None
        assert tree.pending[index] == (index, bytes.fromhex(ticket.leaf.hash))


async def test_nothing_is_signed_for_a_leaf() -> None:
    """A leaf and a token never prove the same ticket; a ticket with a token becomes no leaf."""
    world = await Leaves().sell()
    first, second = world.ids
    await world.store.commit(lambda uow: uow.get(Ticket, second).sign_token(SIGNED, uow.at))
    with pytest.raises(WrongState, match="has a token"):
        await world.record()
    assert (await world.tree()).size == 0
    world.ids = (first,)
    await world.record()
    with pytest.raises(WrongState, match="is a leaf"):
        (await world.see(Ticket, first)).sign_token(SIGNED, AT)


async def test_a_ticket_without_metadata_becomes_no_leaf() -> None:
    """What the leaf is bound to must be drawn before."""
    world = await Leaves().sell(drawn=False)
    with pytest.raises(WrongState, match="not drawn"):
        await world.record()


async def test_a_ticket_that_was_refunded_first_becomes_no_leaf() -> None:
    """The books owe it no more; there is nothing to burn."""
    world = await Leaves().sell()
    await world.books.settle_sale(world.purchase)
    await world.void(world.ids[1])
    await world.lost_and_repeated(world.record)
    assert await world.debt() == 1
    assert (await world.tree()).owed == [world.ids[0]]
    assert await world.take_back(world.ids[1]) == "never made"


async def test_a_refund_ends_the_leaf() -> None:
    """The place stays, with nothing in it; a repeat ends it no second time, and the ticket gets no other."""
    world = await Leaves().sell()
    await world.record()
    await world.void(world.ids[0])
    assert not (await world.see(Ticket, world.ids[0])).token_is_over
    assert await world.lost_and_repeated(lambda: world.take_back(world.ids[0])) == "nullified"
    assert (await world.see(Ticket, world.ids[0])).token_is_over
    assert (await world.tree()).pending[-1] == (0, NULLIFIED)
    await world.record()
    assert (await world.tree()).size == 2


async def test_a_leaf_ends_once_and_for_its_reason() -> None:
    """A claim needs a valid ticket, a refund a void one; a claimed ticket may be signed for."""
    world = await Leaves().sell()
    await world.record()
    with pytest.raises(WrongState):
        (await world.see(Ticket, world.ids[0])).end_leaf("refund", AT)

    async def claim() -> None:
        await world.store.commit(lambda uow: end_leaf(uow, uow.get(Ticket, world.ids[0]), "claim"))

    await world.lost_and_repeated(claim)
    ticket = await world.see(Ticket, world.ids[0])
    ticket.sign_token(SIGNED, AT)
    with pytest.raises(WrongState):
        ticket.end_leaf("claim", AT)
    await world.void(world.ids[1])
    with pytest.raises(WrongState):
        (await world.see(Ticket, world.ids[1])).end_leaf("claim", AT)


async def test_a_leaf_is_owed_until_its_root_is_on_chain() -> None:
    """The posting of a single mint is not made for a leaf; the page is, once, with its own word for a refunded one."""
    world = await Leaves().sell()
    await world.books.settle_sale(world.purchase)
    await world.record()
    mint = MintTicket(purchase=world.purchase, ticket_id=world.ids[0])
    await world.books.settle_mint(mint)
    show = TreeRef(tenant_id="default", show_id="sh")
    assert await world.leaves.settle_leaves(show) == 0
    assert await world.debt() == 2
    await world.void(world.ids[1])
    await write_sample_root(world.store)
    assert await world.lost_and_repeated(lambda: world.leaves.settle_leaves(show)) == 0
    assert await world.debt() == 0
    kinds = [(await world.see(BooksTransaction, f"{name}:minted")).kind for name in world.ids]
    assert kinds == ["minted", "voided"]


async def test_the_minting_way_of_an_older_build_records_a_leaf() -> None:
    """A purchase that knows nothing of leaves asks for a mint: it gets none, and the ticket is a leaf."""
    world = await Leaves().sell()
    mints = MintActivities(world.store, FakeTokenChain(), NoWallets(), CUSTODY, CUSTODY)
    assert await mints.mint_ticket(MintTicket(purchase=world.purchase, ticket_id=world.ids[0])) == NO_TOKEN
    assert (await world.see(Ticket, world.ids[0])).is_leaf
