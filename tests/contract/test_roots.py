"""Contract of roots in the mints of shows, for the fake chain and Solana (on a dev chain)."""

from domain.tickets.leaf import TreeRoot
from domain.tickets.token import SignedTransaction
from tests.contract.test_token_chain import ChainWorld, _show, _venue, world

__all__ = ["world"]
FIRST, SECOND = TreeRoot(3, "ab" * 32), TreeRoot(50_000, "cd" * 32)


async def written(chains: ChainWorld, show: str, root: TreeRoot) -> SignedTransaction:
    signed = await chains.chain.sign_root(show, root)
    await chains.chain.send(signed)
    await chains.settle(signed)
    return signed


async def test_the_newest_root_stands_in_the_mint(world: ChainWorld) -> None:
    """There is none before the first; each one takes the place of the one before; the mint is as ever."""
    spec = _show(await world.make(_venue()))
    show = await world.make(spec)
    assert await world.chain.root_at(show) is None
    await written(world, show, FIRST)
    assert await world.chain.root_at(show) == FIRST
    await written(world, show, SECOND)
    assert await world.chain.root_at(show) == SECOND
    state = await world.chain.read_token(show, spec)
    assert state is not None
    assert state.problems == ()


async def test_the_same_bytes_write_once(world: ChainWorld) -> None:
    """Bytes of an older root that are sent again after a newer one has landed change nothing."""
    show = await world.make(_show(await world.make(_venue())))
    older = await written(world, show, FIRST)
    await written(world, show, SECOND)
    await world.chain.send(older)
    assert await world.chain.fate(older.signature) == "finalized"
    assert await world.chain.root_at(show) == SECOND


async def test_a_chain_is_named_by_its_genesis(world: ChainWorld) -> None:
    """The name stays the same."""
    assert await world.chain.cluster() == await world.chain.cluster() != ""
