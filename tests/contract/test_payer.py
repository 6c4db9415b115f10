"""The payer on the dev chain: its figures, the pause below its mark, and the price of what is signed again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from solders.keypair import Keypair

from activities.tokens.submit import land
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.minting import Mark
from adapters.solana.signer.payer import PayerReader
from adapters.solana.transaction import signed_price
from domain.core.transient import PausedError
from tests.contract.key_worlds import SECRET, Keys, mint, on_sale, ticket, venue
from tests.devstack.chain.dev_chain import DevChain, balance, pay, send, sign_for

LOW = 1_000_000_000


@pytest.fixture
def keys(node: DevChain) -> Keys:
    made = Keys()
    node.fund(str(made.payer.pubkey()), 5 * LOW)
    return made


@pytest.fixture
async def chain(node: DevChain, keys: Keys) -> AsyncIterator[SolanaTokenChain]:
    made = SolanaTokenChain(node.url, keys.guard(), SECRET, priority_fees=(1_000, 5_000), mark=Mark(LOW, 7.0))
    yield made
    await made.close()


def empty(node: DevChain, payer: Keypair) -> None:
    """Leave the payer less than its mark."""
    send(node, sign_for(node, payer, pay(payer, Keypair().pubkey(), balance(node, payer.pubkey()) - LOW // 2)))


async def test_minting_pauses_below_the_mark_and_goes_on_by_itself(
    chain: SolanaTokenChain, node: DevChain, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Burns and resizes still have the money for their fees; nothing has to be restarted."""
    monkeypatch.setattr("adapters.solana.minting.BALANCE_SECONDS", 0.0)
    show = await on_sale(chain)
    minted = await mint(chain, ticket(show))
    empty(node, keys.payer)
    async with asyncio.timeout(10):
        while balance(node, keys.payer.pubkey()) > LOW:  # noqa: ASYNC110 - a block passes
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    with pytest.raises(PausedError, match="minting pauses: the payer") as paused:
        await chain.sign(ticket(show))
    assert paused.value.pause is not None
    assert paused.value.pause.total_seconds() == 7
    assert await land(chain, await chain.sign_resize(show, 60))
    assert await land(chain, await chain.sign_burn(minted.mint_address, minted))
    node.fund(str(keys.payer.pubkey()), LOW)
    await mint(chain, ticket(show))


async def test_the_figures_are_those_of_the_chain(chain: SolanaTokenChain, node: DevChain, keys: Keys) -> None:
    """A ticket costs what the reader says, or less: its name and its price of units are the highest."""
    reader = PayerReader(node.url, str(keys.payer.pubkey()), 5_000)
    show = await on_sale(chain)
    before = (await reader.look()).lamports
    await mint(chain, ticket(show, Keypair().pubkey()))
    state = await reader.look()
    cost = before - state.lamports
    assert 0 < cost <= state.ticket_lamports < cost * 1.1
    assert [one.trouble for one in state.nodes] == [""]
    await reader.close()


async def test_what_is_signed_again_offers_more(chain: SolanaTokenChain) -> None:
    """Twice the price of the expired bytes, up to the ceiling; of burns and resizes too."""
    spec = venue()
    first = await chain.sign(spec)
    second = await chain.sign(spec, again=first)
    third = await chain.sign(spec, again=second)
    fourth = await chain.sign(spec, again=third)
    assert [signed_price(one) for one in (first, second, third, fourth)] == [1_000, 2_000, 4_000, 5_000]
    show = await on_sale(chain)
    assert [signed_price(await chain.sign_resize(show, 60)) for _ in range(3)] == [1_000, 2_000, 4_000]
    assert signed_price(await chain.sign_resize(show, 61)) == 1_000
