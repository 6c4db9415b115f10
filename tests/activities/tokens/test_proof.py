"""A ticket's leaf as it is told: not on chain yet, proved, ended but still under the root, and gone from it."""

from activities.tokens.trees.leaves import end_leaf
from activities.tokens.trees.proof import LeafReader
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.leaf import TreeRoot
from domain.tickets.merkle import root_by_path
from domain.tickets.ticket import Ticket
from domain.tickets.ticket_tree import TicketTree
from domain.views.minting import LeafState
from tests.activities.tokens.test_leaves import Leaves
from tests.fakes.samples import SIGNED
from tests.fakes.trees import write_sample_root

NOT_YET: LeafState = {"on_chain": False, "ended_by": None, "root_signature": None, "proof": None}


class Chain:
    """A chain that shows a root, and counts how often it was asked."""

    def __init__(self) -> None:
        self.root: TreeRoot | None = None
        self.asked = 0

    async def root_at(self, show_mint: str, since: int = 0) -> TreeRoot | None:
        self.asked += 1
        return self.root if show_mint == "mint" else None


async def read(world: Leaves, chain: Chain, ticket_id: str) -> tuple[LeafState | None, LeafState | None]:
    """Return a leaf against the root on chain, and against the recorded one, for which no chain was asked."""
    reader = LeafReader(world.store, chain)
    found, asked = await reader.read_leaf(ticket_id), chain.asked
    recorded = await reader.recorded_leaf(ticket_id)
    assert chain.asked == asked
    return found, recorded


async def test_a_leaf_is_told_from_its_sale_to_its_end() -> None:
    """Every proof leads to the root that it names, which the transaction that it names has written."""
    world, chain = await Leaves().sell(), Chain()
    first, second = world.ids
    assert await read(world, chain, first) == (None, None)
    assert chain.asked == 0
    await world.record()
    assert await read(world, chain, first) == (NOT_YET, NOT_YET)

    chain.root = await write_sample_root(world.store)
    for ticket_id in world.ids:
        found, recorded = await read(world, chain, ticket_id)
        assert found == recorded
        assert found is not None
        proof = found["proof"]
        assert (found["on_chain"], found["ended_by"], found["root_signature"]) == (True, None, "root-2")
        assert proof is not None
        path = [bytes.fromhex(node) for node in proof["path"]]
        root = root_by_path(bytes.fromhex(proof["leaf"]), proof["index"], proof["size"], path)
        assert (proof["root"], proof["size"]) == (root.hex() if root else "", 2) == (chain.root.root, chain.root.size)
        assert not {ticket_id, world.purchase.purchase_id, "sh", "default"} & set(map(str, proof.values()))

    await world.store.commit(lambda uow: end_leaf(uow, uow.get(Ticket, first), "claim"))
    ended: LeafState = {"on_chain": True, "ended_by": "claim", "root_signature": "root-2", "proof": None}
    assert await read(world, chain, first) == (ended, ended)
    chain.root = await write_sample_root(world.store)
    gone: LeafState = {**ended, "on_chain": False, "root_signature": None}
    assert await read(world, chain, first) == (gone, gone)
    found, _ = await read(world, chain, second)
    assert found is not None
    assert (found["proof"] is not None, found["root_signature"]) == (True, "root-3")


async def test_a_root_that_is_being_written_proves_too() -> None:
    """The chain may show it before the events say so; a root that the events do not know proves nothing."""
    world, chain = await Leaves().sell(), Chain()
    await world.record()

    def sign(uow: UnitOfWork) -> TreeRoot | None:
        tree = uow.get(TicketTree, "sh")
        tree.sign_root(SIGNED, tree.newest_version, None, uow.at)
        return tree.signed_root

    chain.root = (await world.store.commit(sign)).value
    found, recorded = await read(world, chain, world.ids[1])
    assert found is not None
    assert (found["on_chain"], found["root_signature"], recorded) == (True, SIGNED.signature, NOT_YET)
    chain.root = TreeRoot(2, "00" * 32)
    assert (await read(world, chain, world.ids[1]))[0] == NOT_YET
