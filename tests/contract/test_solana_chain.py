"""The Solana adapter, beyond the contract of token chains."""

from collections.abc import AsyncIterator, Iterator

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

from adapters.solana.chain import SolanaTokenChain
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction, TokenSpec
from tests.adapters.solana.odd_node import OddNode, error, odd_node
from tests.devstack.chain.dev_chain import DevChain, free_port

_VENUE = TokenSpec(kind="venue", subject_id="v1", name="The Hall", symbol="HALL", uri="ipfs://venue", max_size=5)


@pytest.fixture(scope="module")
def dev_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    chain = DevChain(tmp_path_factory.mktemp("chain") / "chain.sqlite")
    chain.start()
    yield chain
    chain.close()


@pytest.fixture
async def chain(dev_chain: DevChain) -> AsyncIterator[SolanaTokenChain]:
    solana = SolanaTokenChain(dev_chain.url, bytes(Keypair()), b"secret", str(Keypair().pubkey()))
    yield solana
    await solana.close()


@pytest.fixture
async def stub_node() -> AsyncIterator[OddNode]:
    async with odd_node() as node:
        yield node


def _preflight_error(err: str, reason: str) -> tuple[int, str]:
    details: dict[str, object] = {"err": err, "logs": [], "accounts": None, "unitsConsumed": 0, "returnData": None}
    return error(-32002, f"Transaction simulation failed: {reason}", data=details)


async def test_a_poor_payer_is_named_with_what_is_missing(chain: SolanaTokenChain, dev_chain: DevChain) -> None:
    """Too little money is a transient error that names the payer and the missing amount."""
    with pytest.raises(TransientError, match=rf"payer {chain.payer_address} lacks \d+ lamports"):
        await chain.sign(_VENUE)
    dev_chain.fund(chain.payer_address)
    assert (await chain.sign(_VENUE)).mint_address


async def test_a_stranger_cannot_block_an_address(chain: SolanaTokenChain, dev_chain: DevChain) -> None:
    """Lamports sent to an address beforehand neither look like a mint nor prevent one."""
    dev_chain.fund(chain.payer_address)
    address = chain.address_of("venue", "v1")
    dev_chain.fund(address, 5)
    assert await chain.read_token(address, _VENUE) is None
    await chain.send(await chain.sign(_VENUE))
    state = await chain.read_token(address, _VENUE)
    assert state is not None
    assert state.problems == ()


async def test_a_token_too_large_for_one_packet_is_refused(chain: SolanaTokenChain, dev_chain: DevChain) -> None:
    """The size is checked before sending."""
    dev_chain.fund(chain.payer_address)
    with pytest.raises(WrongState, match="does not fit"):
        await chain.sign(_VENUE.model_copy(update={"uri": "ipfs://" + "x" * 1_200}))


async def test_an_unreachable_node_is_a_transient_error() -> None:
    """A refused connection is a transient error; its effect is unknown only for a send."""
    solana = SolanaTokenChain(f"http://127.0.0.1:{free_port()}", bytes(Keypair()), b"secret", str(Keypair().pubkey()))
    with pytest.raises(TransientError) as caught:
        await solana.fate(str(Signature.default()))
    assert not caught.value.unknown
    await solana.close()


async def test_a_lost_answer_is_an_unknown_effect_and_can_be_repeated(
    chain: SolanaTokenChain, dev_chain: DevChain
) -> None:
    """A send whose answer is lost may have landed; the same bytes can be sent again."""
    dev_chain.fund(chain.payer_address)
    signed = await chain.sign(_VENUE)
    dev_chain.faults(lose_answers=1)
    with pytest.raises(TransientError) as caught:
        await chain.send(signed)
    assert caught.value.unknown
    await chain.send(signed)
    assert await chain.fate(signed.signature) != "unknown"


async def test_only_addresses_on_the_curve_are_wallets(chain: SolanaTokenChain) -> None:
    """A derived address has no key, so it is no wallet."""
    derived, _ = Pubkey.find_program_address([b"x"], Pubkey.default())
    assert chain.is_wallet(str(Keypair().pubkey()))
    assert not chain.is_wallet(str(derived))
    assert not chain.is_wallet("0OIl")


async def test_an_error_does_not_contain_the_nodes_address() -> None:
    """The address of a node may hold an access key, so no message and no cause shows it."""
    url = f"http://127.0.0.1:{free_port()}/?key=hush"
    solana = SolanaTokenChain(url, bytes(Keypair()), b"s", str(Keypair().pubkey()))
    with pytest.raises(TransientError) as caught:
        await solana.fate(str(Signature.default()))
    await solana.close()
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_node_that_already_has_the_transaction_counts_as_success(stub_node: OddNode) -> None:
    """The node's error "already processed" is success; every other error is a transient error."""
    chain = SolanaTokenChain(stub_node.url, bytes(Keypair()), b"s", str(Keypair().pubkey()))
    signed = SignedTransaction(mint_address="m", signature="s", wire_base64="AAAA", last_valid_block_height=1)
    stub_node.answers["sendTransaction"] = _preflight_error(
        "AlreadyProcessed", "This transaction has already been processed"
    )
    await chain.send(signed)
    stub_node.answers["sendTransaction"] = _preflight_error("BlockhashNotFound", "Blockhash not found")
    with pytest.raises(TransientError, match="Blockhash"):
        await chain.send(signed)
    stub_node.answers["sendTransaction"] = error(-32005, "Node is behind by 151 slots", data={"numSlotsBehind": 151})
    with pytest.raises(TransientError, match="behind"):
        await chain.send(signed)
    await chain.close()
