"""The Solana adapter, beyond the contract of token chains."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import CreateAccountParams, create_account
from solders.transaction import VersionedTransaction

from adapters.solana.chain import SolanaTokenChain
from adapters.solana.instructions import associated_account
from devstack.supervisor.ports import free_port
from domain.core.errors import InvalidWallet, WrongState
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction, TokenSpec
from tests.adapters.solana.odd_node import OddNode, error, odd_node
from tests.contract.token_gift import give
from tests.devstack.chain.dev_chain import DevChain, send

STAKE = Pubkey.from_string("Stake11111111111111111111111111111111111111")
_VENUE = TokenSpec(kind="venue", subject_id="v1", name="The Hall", symbol="HALL", uri="ipfs://venue", max_size=5)
_SHOW = _VENUE.model_copy(update={"kind": "show", "subject_id": "s1", "symbol": "SHOW"})
_TICKET = _VENUE.model_copy(update={"kind": "ticket", "subject_id": "t1", "symbol": "TICKET", "max_size": None})


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
    signed = await chain.sign(_VENUE)
    await chain.send(signed)
    await _confirmed(chain, signed.signature)
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


async def test_a_token_account_and_an_account_of_a_program_are_no_wallets(
    chain: SolanaTokenChain, dev_chain: DevChain
) -> None:
    """The account on chain says whose it is; a wallet that has only lamports is one."""
    dev_chain.fund(chain.payer_address)
    wallet, owned = Keypair(), Keypair()
    dev_chain.fund(str(wallet.pubkey()))
    await chain.check_wallet(str(wallet.pubkey()), vault=False)
    make = create_account(
        CreateAccountParams(from_pubkey=wallet.pubkey(), to_pubkey=owned.pubkey(), lamports=10**9, space=8, owner=STAKE)
    )
    latest = dev_chain.result("getLatestBlockhash", {"commitment": "processed"})["value"]["blockhash"]
    message = Message.new_with_blockhash([make], wallet.pubkey(), Hash.from_string(latest))
    made = VersionedTransaction(message, [wallet, owned])
    send(dev_chain, made)
    await _confirmed(chain, str(made.signatures[0]))
    with pytest.raises(InvalidWallet) as refused:
        await chain.check_wallet(str(owned.pubkey()), vault=False)
    assert refused.value.data["reason"] == "owned"
    held = await _ticket_of(chain, str(wallet.pubkey()))
    with pytest.raises(InvalidWallet) as refused:
        await chain.check_wallet(str(associated_account(wallet.pubkey(), held)), vault=True)
    assert refused.value.data["reason"] == "token-account"


async def test_a_token_that_its_holder_moved_or_burnt_keeps_its_mint(
    chain: SolanaTokenChain, dev_chain: DevChain
) -> None:
    """It stays the token that was signed for; the permanent delegate burns it wherever it is."""
    dev_chain.fund(chain.payer_address)
    ann, bob = Keypair(), Keypair()
    dev_chain.fund(str(ann.pubkey()))
    minted = await _minted_to(chain, str(ann.pubkey()))
    mint = Pubkey.from_string(minted.mint_address)
    spec = _TICKET.model_copy(update={"owner_address": str(ann.pubkey()), "group_address": _group_of(chain)})
    gift = give(dev_chain, ann, bob.pubkey(), mint)
    await _confirmed(chain, str(gift.signatures[0]))
    moved = await chain.read_token(str(mint), spec)
    assert moved is not None
    assert (moved.holding, moved.problems, moved.supply) == ("held-elsewhere", (), 1)
    await chain.send(await chain.sign_burn(str(mint), minted))
    while await chain.supply_of(str(mint)):  # noqa: ASYNC110 - a node tells of nothing
        await asyncio.sleep(0.02)
    burnt = await chain.read_token(str(mint), spec)
    assert burnt is not None
    assert (burnt.holding, burnt.problems, burnt.is_ours) == ("burnt", (), False)


async def _confirmed(chain: SolanaTokenChain, signature: str) -> None:
    """Wait until a transaction that was sent has succeeded at "confirmed", where tokens and wallets are read."""
    while (fate := await chain.fate(signature)) not in {"confirmed", "finalized"}:
        assert fate != "failed"
        await asyncio.sleep(0.02)


def _group_of(chain: SolanaTokenChain) -> str:
    return chain.address_of("show", _SHOW.subject_id)


async def _ticket_of(chain: SolanaTokenChain, owner: str) -> Pubkey:
    """Mint a ticket to an owner and return its mint."""
    return Pubkey.from_string((await _minted_to(chain, owner)).mint_address)


async def _minted_to(chain: SolanaTokenChain, owner: str) -> SignedTransaction:
    """Mint a ticket to an owner, with its venue and show, and return its transaction."""
    venue = await _landed(chain, _VENUE)
    show = await _landed(chain, _SHOW.model_copy(update={"group_address": venue.mint_address}))
    ticket = _TICKET.model_copy(update={"owner_address": owner, "group_address": show.mint_address})
    return await _landed(chain, ticket)


async def _landed(chain: SolanaTokenChain, spec: TokenSpec) -> SignedTransaction:
    signed = await chain.sign(spec)
    await chain.send(signed)
    while await chain.supply_of(signed.mint_address) is None:  # noqa: ASYNC110 - a node tells of nothing
        await asyncio.sleep(0.02)
    return signed


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
