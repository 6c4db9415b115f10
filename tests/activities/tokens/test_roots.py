"""Roots: signed and stored before they are sent, one at a time, never an older one after a newer one."""

import pytest

from activities.core.commands import TreeRef
from activities.tokens.trees.leaves import add_leaves
from activities.tokens.trees.roots import RootActivities, RootReport
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.leaf import TreeRoot
from domain.tickets.ticket import Ticket, TicketReserved
from domain.tickets.ticket_tree import TicketTree
from domain.tickets.token import SignedTransaction, TokenSpec
from tests.fakes.store_world import StoreWorld
from tests.fakes.token_chain import FakeTokenChain, Verb
from tests.fakes.trees import open_sample_tree

TREE = TreeRef(tenant_id="default", show_id="sh")
SHOW = TokenSpec(kind="show", subject_id="sh", name="Night", symbol="SHOW", uri="ipfs://show", max_size=10)


class Chain(FakeTokenChain):
    """A chain that records whether the event store had the bytes when they were sent."""

    def __init__(self, world: "Roots") -> None:
        super().__init__()
        self._specs["mint"] = SHOW
        self._world = world
        self.known: list[bool] = []

    async def send(self, signed: SignedTransaction) -> None:
        self.known.append((await self._world.tree()).signed == signed)
        await super().send(signed)


class Roots(StoreWorld):
    """A show that mints on claim, tickets without purchases, and the chain."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = Chain(self)
        self.steps = RootActivities(self.store, self.chain)
        self.count = 0

    async def begin(self, leaves: int = 2) -> "Roots":
        await self.open(minting="on_claim")
        await open_sample_tree(self.store)
        await self.grow(leaves)
        return self

    async def grow(self, leaves: int) -> None:
        def decide(uow: UnitOfWork) -> None:
            for number in range(self.count, self.count + leaves):
                names = {"tenant_id": "default", "purchase_id": "pu", "show_id": "sh", "ticket_type_id": "floor"}
                ticket = Ticket.begin(TicketReserved, f"t{number}", uow.at, public_name=f"tk{number}", **names)
                uow.add(ticket).issue(uow.at)
            add_leaves(uow, [f"t{number}" for number in range(self.count, self.count + leaves)])

        await self.store.commit(decide)
        self.count += leaves

    async def write(self) -> RootReport:
        return await self.steps.write_root(TREE)

    async def tree(self) -> TicketTree:
        return await self.see(TicketTree, "sh")


async def test_a_root_is_written_once() -> None:
    """It is that of all leaves; with nothing new nothing is sent; the bytes were stored before."""
    world = await Roots().begin()
    assert await world.write() == RootReport(size=2, is_newest=True)
    tree = await world.tree()
    assert world.chain.roots() == {"mint": tree.root}
    assert tree.root == tree.root_of(2)
    sent = len(world.chain.known)
    assert await world.write() == RootReport(size=2, is_newest=True)
    assert len(world.chain.known) == sent
    assert all(world.chain.known)


async def test_a_tree_without_leaves_has_no_root() -> None:
    """Nothing is signed for it."""
    world = await Roots().begin(0)
    assert await world.write() == RootReport(size=0, is_newest=True)
    assert not world.chain.calls


async def test_what_comes_during_a_write_is_for_the_next_root() -> None:
    """The report says that there is more."""
    world = await Roots().begin()
    send = world.chain.send

    async def send_and_sell(signed: SignedTransaction) -> None:
        await send(signed)
        if world.count == 2:
            await world.grow(1)

    world.chain.send = send_and_sell  # type: ignore[method-assign]
    assert await world.write() == RootReport(size=2, is_newest=False)
    assert await world.write() == RootReport(size=3, is_newest=True)


@pytest.mark.parametrize("verb", ["root_at", "sign", "send", "fate", "dead_since"])
async def test_a_lost_answer_is_repeated(verb: Verb) -> None:
    """Whatever call fails before or after its effect, one root stands on chain and in the events."""
    for fail in (FakeTokenChain.fail_before, FakeTokenChain.fail_after):
        world = await Roots().begin()
        if verb == "dead_since":
            world.chain.drop_sends()
        fail(world.chain, verb)
        with pytest.raises(TransientError):
            await world.write()
        assert (await world.write()).is_newest
        assert world.chain.roots() == {"mint": (await world.tree()).root}


async def test_expired_bytes_are_signed_again_with_all_leaves() -> None:
    """The dropped root is signed anew, with what was sold since."""
    world = await Roots().begin()
    world.chain.drop_sends(100)
    send = world.chain.send

    async def send_then_expire(signed: SignedTransaction) -> None:
        await send(signed)
        if world.count == 2:
            await world.grow(1)
            world.chain.expire()
            world.chain.drop_sends(-99)

    world.chain.send = send_then_expire  # type: ignore[method-assign]
    assert await world.write() == RootReport(size=3, is_newest=True)
    assert world.chain.sends["mint"] > 1


async def test_a_root_that_landed_unnoticed_is_not_written_again() -> None:
    """The node has forgotten the transaction, and the root is there."""
    world = await Roots().begin()
    world.chain.fail_after("send")
    with pytest.raises(TransientError):
        await world.write()
    world.chain.expire()
    world.chain._landed.clear()
    world.chain.known.clear()
    assert (await world.write()).is_newest
    assert world.chain.known == []


async def test_a_second_worker_sends_nothing_of_its_own() -> None:
    """Another has stored a root since the look: that one is sent; another has written it: nothing is."""
    world = await Roots().begin()
    first = await world.chain.sign_root("mint", TreeRoot(1, "ab" * 32))
    second = RootActivities(world.store, world.chain)
    sign = world.chain.sign_root

    async def overtaken(show_mint: str, root: TreeRoot) -> SignedTransaction:
        world.chain.sign_root = sign  # type: ignore[method-assign]
        await second.write_root(TREE)
        return first

    world.chain.sign_root = overtaken  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="meanwhile"):
        await world.write()
    assert world.chain.roots() == {"mint": (await world.tree()).root}


async def test_a_root_that_is_not_shown_is_not_recorded() -> None:
    """A node that lags shows an older one: the bytes are final, and the record waits."""
    world = await Roots().begin()
    world.chain.lag("root_at")
    with pytest.raises(TransientError, match="lags"):
        await world.write()
    assert (await world.tree()).root is None
    world.chain.lag()
    assert (await world.write()).is_newest
