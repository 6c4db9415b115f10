"""Contract of claims on chain, for the fake and Solana (on a dev chain): moves out of custody, and soulbound tokens."""

import pytest
from solders.keypair import Keypair

from domain.core.errors import InvalidWallet
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction, TokenSpec
from tests.contract.key_worlds import Keys
from tests.contract.test_token_chain import ChainWorld, _show_on_sale, _ticket, world
from tests.devstack.chain.dev_chain import DevChain

__all__ = ["world"]


async def _made(world: ChainWorld, **more: object) -> tuple[SignedTransaction, TokenSpec]:
    spec = _ticket(await _show_on_sale(world)).model_copy(update=more)
    signed = await world.chain.sign(spec)
    await world.chain.send(signed)
    await world.settle(signed)
    return signed, spec


async def test_a_token_moves_from_custody_to_a_wallet_once(world: ChainWorld) -> None:
    """The delegate needs no signature of custody, the wallet needs no account; the same bytes again change nothing."""
    minted, spec = await _made(world)
    wallet = str(Keypair().pubkey())
    assert await world.chain.whereabouts(minted, wallet) == "custody"
    moved = await world.chain.sign_transfer(minted, wallet)
    assert world.chain.signed_spec(moved).owner_address == wallet
    for _ in range(2):
        await world.chain.send(moved)
        await world.settle(moved)
    assert await world.chain.whereabouts(minted, wallet) == "claimed"
    assert await world.chain.whereabouts(minted, str(Keypair().pubkey())) == "elsewhere"
    token = await world.chain.read_token(minted.mint_address, spec.model_copy(update={"owner_address": wallet}))
    assert token is not None
    assert (token.problems, token.supply, token.holding, token.owner_address) == ((), 1, "held", wallet)
    with pytest.raises(TransientError):
        await world.chain.sign_transfer(minted, str(Keypair().pubkey()))


async def test_two_moves_of_one_token_cannot_both_land(world: ChainWorld) -> None:
    """Custody has one token: a move that was signed while another could land fails."""
    minted, _ = await _made(world)
    one, two = (str(Keypair().pubkey()) for _ in range(2))
    moves = [await world.chain.sign_transfer(minted, wallet) for wallet in (one, two)]
    for move in moves:
        await world.chain.send(move)
    await world.settle(moves[0])
    await world.settle(moves[1], "failed")
    assert await world.chain.whereabouts(minted, one) == "claimed"
    assert await world.chain.whereabouts(minted, two) == "elsewhere"


async def test_a_wallet_that_cannot_sign_gets_no_token(world: ChainWorld) -> None:
    """Programs, and addresses off the curve, are refused before anything is signed."""
    minted, _ = await _made(world)
    with pytest.raises(InvalidWallet):
        await world.chain.sign_transfer(minted, "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


async def test_a_claimed_token_is_burnt_where_it_is(world: ChainWorld) -> None:
    """A refund after the claim: the delegate burns the token in the wallet's account."""
    minted, _ = await _made(world)
    wallet = str(Keypair().pubkey())
    moved = await world.chain.sign_transfer(minted, wallet)
    await world.chain.send(moved)
    await world.settle(moved)
    burn = await world.chain.sign_burn(minted.mint_address, minted)
    await world.chain.send(burn)
    await world.settle(burn)
    assert await world.chain.supply_of(minted.mint_address) == 0
    assert await world.chain.whereabouts(minted, wallet) == "claimed"


async def test_a_soulbound_token_verifies_and_nobody_can_move_it(world: ChainWorld) -> None:
    """Neither its permanent delegate can, so it is minted to its wallet; it is told apart from one that is free."""
    minted, spec = await _made(world, transfer="soulbound")
    token = await world.chain.read_token(minted.mint_address, world.chain.signed_spec(minted))
    assert token is not None
    assert (token.problems, token.holding) == ((), "held")
    other = await world.chain.read_token(minted.mint_address, spec.model_copy(update={"transfer": "free"}))
    assert other is not None
    assert other.problems
    with pytest.raises(Exception, match=r"InstructionErrorCustom\(37\)|soulbound"):
        await world.chain.sign_transfer(minted, str(Keypair().pubkey()))


async def test_a_soulbound_token_is_burnt_by_its_delegate(world: ChainWorld) -> None:
    """A refund needs nothing of its holder."""
    minted, _ = await _made(world, transfer="soulbound")
    burn = await world.chain.sign_burn(minted.mint_address, minted)
    await world.chain.send(burn)
    await world.settle(burn)
    assert await world.chain.supply_of(minted.mint_address) == 0


async def test_a_custody_before_a_rotation_is_still_one(dev_chain: DevChain) -> None:
    """What it holds can be claimed; an address of anybody else is none."""
    before = Keys()
    chain = before.rotated("custody").chain(dev_chain)
    assert chain.is_custody(str(before.custody.pubkey()))
    assert chain.is_custody(chain.custody_owner)
    assert not chain.is_custody(str(Keypair().pubkey()))
    await chain.close()
