"""Nodes that lag, limit, fork or refuse an index: played by the dev chain, against the adapter and the token steps."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from activities.core.commands import MintTicket
from activities.tokens.burn import BurnActivities
from activities.tokens.submit import land
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.instructions import TOKEN_2022, associated_account, create_associated
from adapters.solana.rpc.node import NodeConfig, NodeLimits
from adapters.solana.rpc.pool import NodePool
from adapters.solana.supplies import ChainSupplies
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction, TokenSpec
from tests.devstack.chain.dev_chain import DevChain, send, sign_for, status
from tests.fakes.store_world import StoreWorld

READS = ["getAccountInfo", "getMultipleAccounts", "getSignatureStatuses"]
WORDS = {"name": "N", "symbol": "S", "uri": "u"}
FINALIZED_SLOTS = 4
FORK_SLOTS = 100


@pytest.fixture(scope="module")
def dev_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    with DevChain(tmp_path_factory.mktemp("chain") / "chain.sqlite", finalized_slots=FINALIZED_SLOTS) as chain:
        yield chain


@dataclass
class IllWorld:
    """A show on a dev chain, and the adapter."""

    node: DevChain
    chain: SolanaTokenChain
    show: str

    def ticket(self, number: int = 1, owner: str | None = None) -> TokenSpec:
        return TokenSpec(kind="ticket", subject_id=f"t{number}", group_address=self.show, owner_address=owner, **WORDS)

    async def mint(self, number: int = 1, owner: str | None = None) -> SignedTransaction:
        signed = await self.chain.sign(self.ticket(number, owner))
        assert await land(self.chain, signed)
        return signed


async def on_sale(node: DevChain, nodes: NodePool | str) -> IllWorld:
    """Mint a venue and a show with a new issuer."""
    chain = SolanaTokenChain(nodes, bytes(Keypair()), b"a secret for tests")
    node.fund(chain.payer_address)
    venue = TokenSpec(kind="venue", subject_id="v", max_size=5, **WORDS)
    show = TokenSpec(kind="show", subject_id="s", max_size=50, group_address=chain.address_of("venue", "v"), **WORDS)
    for spec in (venue, show):
        signed = await chain.sign(spec)
        await chain.send(signed)
        node.faults(jump_slots=FORK_SLOTS)
        assert await land(chain, signed)
    return IllWorld(node, chain, signed.mint_address)


@pytest.fixture
async def world(dev_chain: DevChain) -> AsyncIterator[IllWorld]:
    dev_chain.faults()
    made = await on_sale(dev_chain, dev_chain.url)
    yield made
    dev_chain.faults()
    await made.chain.close()


class Refund:
    """A void ticket whose mint was signed, and its burn."""

    def __init__(self, chain: SolanaTokenChain) -> None:
        self.store = StoreWorld()
        self.steps = BurnActivities(self.store.store, chain)

    async def void(self, signed: SignedTransaction) -> None:
        await self.store.open()
        self.purchase = await self.store.bought(floor=1)
        await self.store.sales.confirm_seats(self.purchase)
        await self.store.capture(self.purchase)
        await self.store.sales.confirm_order(self.purchase)
        (self.ticket_id,) = (await self.store.sales.place_order(self.purchase)).ticket_ids

        def sign(uow: UnitOfWork) -> None:
            uow.get(Ticket, self.ticket_id).sign_token(signed, uow.at)

        await self.store.store.commit(sign)
        await self.store.store.commit(
            lambda uow: uow.get(Ticket, self.ticket_id).give_back(uow.at, even_redeemed=False)
        )

    async def burn(self) -> str:
        return await self.steps.burn_ticket(MintTicket(purchase=self.purchase, ticket_id=self.ticket_id))

    async def ended_as(self) -> str | None:
        return (await self.store.see(Ticket, self.ticket_id)).ended_as


async def test_a_mint_that_a_lagging_node_does_not_show_is_not_forgone(world: IllWorld) -> None:
    """The mint has landed; null from a node that lags, at a later height, ends no refund and frees no seat."""
    signed = await world.chain.sign(world.ticket())
    assert await land(world.chain, signed)
    refund = Refund(world.chain)
    await refund.void(signed)
    world.node.faults(jump_slots=200)
    await asyncio.sleep(0.3)
    world.node.faults(lag_slots=300, lag_methods=READS)
    with pytest.raises(TransientError):
        await refund.burn()
    assert await refund.ended_as() is None
    world.node.faults()
    assert await refund.burn() == "burnt"
    assert await world.chain.supply_of(signed.mint_address) == 0


async def test_a_minted_token_that_a_lagging_node_does_not_show_is_not_burnt(world: IllWorld) -> None:
    """A recorded mint that is read as absent is no burnt one, and is burnt once the node has caught up."""
    signed = await world.mint()
    refund = Refund(world.chain)
    await refund.void(signed)
    address = signed.mint_address

    def record(uow: UnitOfWork) -> None:
        uow.get(Ticket, refund.ticket_id).mint_token(address, signed.signature, uow.at)

    await refund.store.store.commit(record)
    world.node.faults(lag_slots=300)
    with pytest.raises(TransientError):
        await refund.burn()
    assert await refund.ended_as() != "burnt"
    world.node.faults()
    assert await refund.burn() == "burnt"


async def test_a_mint_that_never_landed_is_forgone(world: IllWorld) -> None:
    """Height, status and account agree: it does not exist, and never will."""
    signed = await world.chain.sign(world.ticket())
    refund = Refund(world.chain)
    await refund.void(signed)
    world.node.faults(jump_slots=200)
    assert await refund.burn() == "never made"


async def test_no_absence_is_concluded_from_nodes_of_different_slots(world: IllWorld) -> None:
    """A status older than the height proves nothing, and neither does an account older than the proof."""
    signed = await world.mint()
    other = await world.chain.sign(world.ticket(2))
    world.node.faults(jump_slots=200)
    await asyncio.sleep(0.3)
    since = await world.chain.dead_since(other)
    assert since is not None
    world.node.faults(lag_slots=300, lag_methods=["getSignatureStatuses"])
    with pytest.raises(TransientError, match="lags"):
        await world.chain.dead_since(signed)
    world.node.faults(lag_slots=300, lag_methods=["getMultipleAccounts"])
    with pytest.raises(TransientError):
        await world.chain.supply_of(signed.mint_address, since)


async def test_reconcile_does_not_believe_a_node_that_lags(world: IllWorld) -> None:
    """It reads at the newest finalized slot that it knows, or not at all."""
    signed = await world.mint()
    supplies = ChainSupplies(world.node.url)
    assert await supplies.of([signed.mint_address]) == {signed.mint_address: 1}
    world.node.faults(lag_slots=300, lag_methods=READS)
    with pytest.raises(TransientError):
        await supplies.of([signed.mint_address])
    await supplies.close()


async def test_skipped_slots_expire_no_bytes(world: IllWorld) -> None:
    """Bytes expire by the block height: many slots without a block leave them alive, and they land."""
    signed = await world.chain.sign(world.ticket())
    world.node.faults(skip_slots=400)
    await asyncio.sleep(0.3)
    assert await world.chain.dead_since(signed) is None
    assert await land(world.chain, signed)


async def test_a_failure_on_an_abandoned_fork_is_no_failure(tmp_path: Path) -> None:
    """A transaction that failed in a slot that is not final may succeed in another one."""
    with DevChain(tmp_path / "chain.sqlite", finalized_slots=FORK_SLOTS) as node:
        world = await on_sale(node, node.url)
        tickets = [await world.chain.sign(world.ticket()) for _ in range(2)]
        while tickets[0].signature == tickets[1].signature:
            await asyncio.sleep(0.05)
            tickets[1] = await world.chain.sign(world.ticket())
        first, second = tickets
        await world.chain.send(first)
        await world.chain.send(second)
        assert await world.chain.fate(second.signature) in {"processed", "confirmed"}
        assert await world.chain.dead_since(second) is None
        node.faults(fork_slots=FORK_SLOTS)
        assert await world.chain.fate(first.signature) == "unknown"
        await world.chain.send(second)
        node.faults(jump_slots=FORK_SLOTS)
        assert await land(world.chain, second)
        assert await world.chain.supply_of(second.mint_address) == 1
        await world.chain.close()


def _move(mint: Pubkey, owner: Keypair, to: Pubkey) -> list[Instruction]:
    """Make the receiver's account and move the one token there, as a wallet does."""
    at, target = associated_account(owner.pubkey(), mint), associated_account(to, mint)
    accounts = [
        AccountMeta(at, is_signer=False, is_writable=True),
        AccountMeta(mint, is_signer=False, is_writable=False),
        AccountMeta(target, is_signer=False, is_writable=True),
        AccountMeta(owner.pubkey(), is_signer=True, is_writable=False),
    ]
    checked = Instruction(TOKEN_2022, bytes([12]) + (1).to_bytes(8, "little") + b"\0", accounts)
    return [create_associated(owner.pubkey(), to, mint), checked]


async def test_a_moved_token_is_burnt_without_an_index_of_holders(world: IllWorld) -> None:
    """Its buyer moved it twice; the node refuses the lists of holders, as public nodes do."""
    world.node.faults(refuse_indexes=True)
    owners = [Keypair() for _ in range(3)]
    signed = await world.mint(owner=str(owners[0].pubkey()))
    mint = Pubkey.from_string(signed.mint_address)
    for owner, to in itertools.pairwise(owners):
        world.node.fund(str(owner.pubkey()))
        moved = sign_for(world.node, owner, *_move(mint, owner, to.pubkey()))
        send(world.node, moved)
        while await world.chain.fate(str(moved.signatures[0])) == "processed":
            pass  # each answer of the adapter takes a moment
        assert (status(world.node, moved) or {})["err"] is None
    for minted in (signed, None):
        burn = await world.chain.sign_burn(signed.mint_address, minted)
    assert await land(world.chain, burn)
    assert await world.chain.supply_of(signed.mint_address) == 0


async def _minted(world: IllWorld, number: int) -> str:
    for _ in range(20):
        try:
            signed = await world.chain.sign(world.ticket(number))
            if await land(world.chain, signed):
                return signed.mint_address
        except TransientError:
            await asyncio.sleep(0.5)
    raise AssertionError(f"ticket {number} was not minted")


async def test_many_mints_keep_to_the_limits_of_their_node(world: IllWorld) -> None:
    """Under a limit that counts refused calls and then pauses, twenty mints take little more than their sends."""
    pool = NodePool([NodeConfig(world.node.url)], NodeLimits(calls_per_second=9, sends_per_second=9))
    here = await on_sale(world.node, pool)
    world.node.faults(calls_per_second=10, sends_per_second=10, pause_seconds=5)
    async with asyncio.timeout(30):
        addresses = await asyncio.gather(*(_minted(here, number) for number in range(20)))
    await here.chain.close()
    assert len(set(addresses)) == 20
    assert pool.health()[0].limited == 0
