"""Each role has its own key on the dev chain: the payer pays, the issuer makes, the delegate burns, custody keeps."""

import base64
from collections.abc import AsyncIterator

import pytest
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from activities.tokens.submit import land
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.signer.guard import GuardedSigner
from domain.tickets.token import SignedTransaction
from tests.contract.key_worlds import Keys, mint, on_sale, ticket, venue
from tests.devstack.chain.dev_chain import DevChain, balance


@pytest.fixture
async def keys(node: DevChain) -> Keys:
    made = Keys()
    node.fund(str(made.payer.pubkey()))
    return made


@pytest.fixture
async def chain(node: DevChain, keys: Keys) -> AsyncIterator[SolanaTokenChain]:
    made = keys.chain(node)
    yield made
    await made.close()


def signers_of(signed: SignedTransaction) -> list[Pubkey]:
    message = VersionedTransaction.from_bytes(base64.b64decode(signed.wire_base64)).message
    assert isinstance(message, MessageV0)
    return message.account_keys[: message.header.num_required_signatures]


async def test_each_transaction_is_signed_by_the_keys_that_it_needs(chain: SolanaTokenChain, keys: Keys) -> None:
    """The payer signs everything, the issuer mints and resizes, the delegate alone burns."""
    show = await on_sale(chain)
    minted = await mint(chain, ticket(show, Keypair().pubkey()))
    resized = await chain.sign_resize(show, 60)
    burnt = await chain.sign_burn(minted.mint_address, minted)
    payer, issuer, delegate = (one.pubkey() for one in (keys.payer, keys.issuer, keys.delegate))
    assert [signers_of(one) for one in (minted, resized, burnt)] == [
        [payer, issuer],
        [payer, issuer],
        [payer, delegate],
    ]
    for signed in (resized, burnt):
        assert await land(chain, signed)
    assert await chain.supply_of(minted.mint_address) == 0
    assert await chain.sizes_of(show) == (1, 60)


async def test_a_ticket_without_a_wallet_is_held_by_custody(chain: SolanaTokenChain, keys: Keys) -> None:
    """It verifies with its own delegate, and so does a reader that knows addresses alone."""
    spec = ticket(await on_sale(chain))
    signed = await mint(chain, spec)
    read = await chain.read_token(signed.mint_address, chain.signed_spec(signed))
    assert read is not None
    assert (read.problems, read.holding) == ((), "held")
    assert read.owner_address == str(keys.custody.pubkey())


async def test_only_the_payer_has_lamports(chain: SolanaTokenChain, node: DevChain, keys: Keys) -> None:
    """The other keys need none, and get none."""
    before = balance(node, keys.payer.pubkey())
    await mint(chain, ticket(await on_sale(chain)))
    assert [balance(node, one.pubkey()) for one in (keys.issuer, keys.delegate, keys.custody)] == [0, 0, 0]
    assert balance(node, keys.payer.pubkey()) < before


async def test_another_delegate_is_a_problem(chain: SolanaTokenChain, node: DevChain, keys: Keys) -> None:
    """A token that neither the signed bytes nor our present keys explain is not ours."""
    spec = ticket(await on_sale(chain))
    signed = await mint(chain, spec)
    other = Keys(keys.payer, keys.issuer, custody=keys.custody).chain(node)
    read = await other.read_token(signed.mint_address, spec)
    assert read is not None
    assert [problem.partition(" is ")[0] for problem in read.problems] == ["permanent delegate"]
    await other.close()


async def test_a_simulation_needs_no_signature(chain: SolanaTokenChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """One signature for one transaction, so that the budget counts what may be sent."""
    asked: list[object] = []
    sign = GuardedSigner.sign

    async def counting(self: GuardedSigner, message: MessageV0) -> VersionedTransaction:
        asked.append(message)
        return await sign(self, message)

    monkeypatch.setattr(GuardedSigner, "sign", counting)
    await chain.sign(venue())
    assert len(asked) == 1
