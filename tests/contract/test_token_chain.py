"""Contract of the token chain, for the fake and Solana (on a dev chain)."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from adapters.solana.chain import SolanaTokenChain
from adapters.solana.keys import LOW_ORDER_Y
from domain.core.errors import InvalidWallet, WrongState
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction, TokenSpec, TransactionFate
from tests.devstack.chain.dev_chain import DevChain
from tests.fakes.token_chain import FakeTokenChain

_numbers = itertools.count(1)
_POLLS_MAX = 200


@dataclass
class ChainWorld:
    """A chain, with functions that expire its signed bytes and wait a moment."""

    chain: FakeTokenChain | SolanaTokenChain
    expire: Callable[[], None]
    pause_seconds: float

    async def settle(self, signed: SignedTransaction, wanted: TransactionFate = "finalized") -> list[TransactionFate]:
        """Poll until the fate is at least the wanted one; return every answer on the way."""
        seen: list[TransactionFate] = []
        for _ in range(_POLLS_MAX):
            seen.append(await self.chain.fate(signed.signature))
            if seen[-1] == wanted or (wanted, seen[-1]) == ("confirmed", "finalized"):
                return seen
            await asyncio.sleep(self.pause_seconds)
        raise AssertionError(f"never {wanted}: {seen[-1]}")

    async def make(self, spec: TokenSpec) -> str:
        """Mint a token until final and return its address."""
        signed = await self.chain.sign(spec)
        await self.chain.send(signed)
        await self.settle(signed, "confirmed")
        return signed.mint_address


@pytest.fixture(params=["fake", "solana"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[ChainWorld]:
    if request.param == "fake":
        fake = FakeTokenChain()
        yield ChainWorld(fake, fake.expire, 0)
        return
    dev_chain: DevChain = request.getfixturevalue("dev_chain")
    chain = SolanaTokenChain(dev_chain.url, bytes(Keypair()), b"a secret for tests", str(Keypair().pubkey()))
    dev_chain.fund(chain.payer_address)
    yield ChainWorld(chain, lambda: dev_chain.faults(jump_slots=200), 0.02)
    await chain.close()


def _venue() -> TokenSpec:
    number = next(_numbers)
    return TokenSpec(
        kind="venue", subject_id=f"v{number}", name="The Hall", symbol="HALL", uri="ipfs://venue", max_size=50
    )


def _show(venue: str, capacity: int = 3) -> TokenSpec:
    return TokenSpec(
        kind="show",
        subject_id=f"s{next(_numbers)}",
        name="Evening Show",
        symbol="SHOW",
        uri="ipfs://show",
        group_address=venue,
        max_size=capacity,
    )


def _ticket(show: str) -> TokenSpec:
    return TokenSpec(
        kind="ticket",
        subject_id=f"t{next(_numbers)}",
        name="Evening Show #1",
        symbol="TIX",
        uri="ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/ticket.json",
        group_address=show,
        owner_address=str(Keypair().pubkey()),
    )


async def _show_on_sale(world: ChainWorld, capacity: int = 3) -> str:
    venue = await world.make(_venue())
    return await world.make(_show(venue, capacity))


async def test_an_address_is_known_before_anything_is_sent(world: ChainWorld) -> None:
    """The signed transaction creates the mint at the subject's address."""
    spec = _venue()
    before = world.chain.address_of("venue", spec.subject_id)
    assert (await world.chain.sign(spec)).mint_address == before
    assert world.chain.address_of("show", spec.subject_id) != before
    assert await world.chain.read_token(before, spec) is None


async def test_venue_show_and_ticket_verify_without_problems(world: ChainWorld) -> None:
    """Each of the three matches its spec, and the groups count their members."""
    venue_spec = _venue()
    venue = await world.make(venue_spec)
    show_spec = _show(venue)
    show = await world.make(show_spec)
    ticket_spec = _ticket(show)
    ticket = await world.make(ticket_spec)

    state = await world.chain.read_token(ticket, ticket_spec)
    assert state is not None
    assert state.problems == ()
    assert (state.supply, state.decimals, state.uri) == (1, 0, ticket_spec.uri)
    assert (state.owner_address, state.group_address) == (ticket_spec.owner_address, show)
    read_show = await world.chain.read_token(show, show_spec)
    assert read_show is not None
    assert (read_show.problems, read_show.group_size, read_show.group_max_size) == ((), 1, 3)
    read_venue = await world.chain.read_token(venue, venue_spec)
    assert read_venue is not None
    assert (read_venue.problems, read_venue.group_size, read_venue.supply) == ((), 1, 0)


@pytest.mark.parametrize("field", ["uri", "name", "group_address"])
async def test_a_mint_that_differs_from_its_spec_is_reported(world: ChainWorld, field: str) -> None:
    """Every difference between the chain and the spec is a named problem."""
    spec = _ticket(await _show_on_sale(world))
    address = await world.make(spec)
    other = spec.model_copy(update={field: str(Keypair().pubkey())})
    state = await world.chain.read_token(address, other)
    assert state is not None
    assert state.problems


async def test_signed_bytes_say_which_token_they_make(world: ChainWorld) -> None:
    """Of each kind, the spec is read back from the bytes alone, but for the subject."""
    venue_spec = _venue()
    venue = await world.make(venue_spec)
    show_spec = _show(venue)
    show = await world.make(show_spec)
    for spec in (venue_spec, show_spec, _ticket(show)):
        again = spec.kind != "ticket"
        signed = await world.chain.sign(spec.model_copy(update={"subject_id": f"{spec.subject_id}x"} if again else {}))
        read = world.chain.signed_spec(signed)
        assert read.model_copy(update={"delegate_address": None}) == spec.model_copy(update={"subject_id": ""})


async def test_the_transaction_that_made_a_mint_is_found(world: ChainWorld) -> None:
    """For a ticket, and for a show, which its tickets' transactions name too; where there is no mint, there is none."""
    show = await _show_on_sale(world)
    spec = _ticket(show)
    signed = await world.chain.sign(spec)
    with pytest.raises(TransientError, match="no node knows"):
        await world.chain.minted_by(signed.mint_address)
    await world.chain.send(signed)
    await world.settle(signed)
    found = await world.chain.minted_by(signed.mint_address)
    assert found.model_copy(update={"last_valid_block_height": signed.last_valid_block_height}) == signed
    assert world.chain.signed_spec(await world.chain.minted_by(show)).name == "Evening Show"


async def test_a_token_that_another_wallet_holds_is_no_problem(world: ChainWorld) -> None:
    """It is the token that was minted; only its holding differs."""
    spec = _ticket(await _show_on_sale(world))
    address = await world.make(spec)
    held = await world.chain.read_token(address, spec)
    elsewhere = await world.chain.read_token(
        address, spec.model_copy(update={"owner_address": str(Keypair().pubkey())})
    )
    assert held is not None
    assert elsewhere is not None
    assert [(one.holding, one.problems, one.is_ours) for one in (held, elsewhere)] == [
        ("held", (), True),
        ("held-elsewhere", (), True),
    ]
    assert elsewhere.owner_address is None


async def test_the_same_bytes_land_once(world: ChainWorld) -> None:
    """Sending the stored bytes again is harmless."""
    spec = _ticket(await _show_on_sale(world))
    signed = await world.chain.sign(spec)
    for _ in range(3):
        await world.chain.send(signed)
    await world.settle(signed)
    await world.chain.send(signed)
    state = await world.chain.read_token(signed.mint_address, spec)
    assert state is not None
    assert (state.supply, state.problems) == (1, ())


async def test_a_second_transaction_for_one_address_fails(world: ChainWorld) -> None:
    """Two signed transactions for one ticket make one token: the second one fails on the chain."""
    spec = _ticket(await _show_on_sale(world))
    first = await world.chain.sign(spec)
    second = await world.chain.sign(spec)
    while second.signature == first.signature:
        await asyncio.sleep(world.pause_seconds)
        second = await world.chain.sign(spec)
    await world.chain.send(first)
    await world.settle(first, "confirmed")
    await world.chain.send(second)
    await world.settle(second, "failed")
    state = await world.chain.read_token(first.mint_address, spec)
    assert state is not None
    assert (state.supply, state.problems) == (1, ())


async def test_signing_for_an_existing_account_is_a_transient_error(world: ChainWorld) -> None:
    """The caller retries, and reads the token first."""
    spec = _ticket(await _show_on_sale(world))
    signed = await world.chain.sign(spec)
    await world.chain.send(signed)
    await world.settle(signed, "confirmed")
    with pytest.raises(TransientError, match="already exists"):
        await world.chain.sign(spec, again=signed)


async def test_a_full_group_refuses(world: ChainWorld) -> None:
    """The chain never mints more tickets than the show's group takes, signed before or after it is full."""
    show = await _show_on_sale(world, capacity=1)
    early = await world.chain.sign(_ticket(show))
    await world.make(_ticket(show))
    with pytest.raises(WrongState, match="full"):
        await world.chain.sign(_ticket(show), again=early)
    await world.chain.send(early)
    await world.settle(early, "failed")


async def test_a_signature_without_simulation_fails_on_the_chain(world: ChainWorld) -> None:
    """For a kind and group simulated before, the chain refuses after the send."""
    show = await _show_on_sale(world, capacity=1)
    await world.make(_ticket(show))
    late = await world.chain.sign(_ticket(show))
    await world.chain.send(late)
    await world.settle(late, "failed")


async def test_a_missing_group_is_a_transient_error(world: ChainWorld) -> None:
    """A ticket waits for the group of its show."""
    missing = world.chain.address_of("show", "never made")
    with pytest.raises(TransientError, match="not on chain yet"):
        await world.chain.sign(_ticket(missing))


async def test_a_fate_goes_from_unknown_to_finalized(world: ChainWorld) -> None:
    """A signature is unknown before it is sent, and its fate only ever rises."""
    signed = await world.chain.sign(_venue())
    assert await world.chain.fate(signed.signature) == "unknown"
    await world.chain.send(signed)
    seen = await world.settle(signed)
    order: list[TransactionFate] = ["unknown", "processed", "confirmed", "finalized"]
    assert [order.index(fate) for fate in seen] == sorted(order.index(fate) for fate in seen)


async def test_expired_bytes_never_land(world: ChainWorld) -> None:
    """Once the block height has passed, the old bytes are dead and signing again is safe."""
    spec = _venue()
    old = await world.chain.sign(spec)
    assert await world.chain.dead_since(old) is None
    world.expire()
    for _ in range(_POLLS_MAX):
        if await world.chain.dead_since(old) is not None:
            break
        await asyncio.sleep(world.pause_seconds)
    since = await world.chain.dead_since(old)
    assert since is not None
    assert await world.chain.supply_of(old.mint_address, since) is None
    with suppress(TransientError):
        await world.chain.send(old)
    assert await world.chain.fate(old.signature) == "unknown"
    assert await world.chain.read_token(old.mint_address, spec) is None
    assert await world.make(spec) == old.mint_address


async def test_a_bad_wallet_is_refused(world: ChainWorld) -> None:
    """A ticket cannot be minted for an invalid wallet address."""
    show = await _show_on_sale(world)
    with pytest.raises(InvalidWallet):
        await world.chain.sign(_ticket(show).model_copy(update={"owner_address": "not a wallet"}))


async def test_a_group_takes_another_size(world: ChainWorld) -> None:
    """A group can grow and shrink, but not below its members; the size signed last applies."""
    show = await _show_on_sale(world, capacity=1)
    await world.make(_ticket(show))
    assert await world.chain.sizes_of(show) == (1, 1)
    for size in (3, 2):
        signed = await world.chain.sign_resize(show, size)
        await world.chain.send(signed)
        await world.settle(signed)
        assert await world.chain.sizes_of(show) == (1, size)
    await world.make(_ticket(show))
    with pytest.raises(TransientError, match="cannot be resized to 1"):
        await world.chain.sign_resize(show, 1)
    assert await world.chain.sizes_of(world.chain.address_of("show", "never made")) is None


VAULT, _ = Pubkey.find_program_address([b"vault"], Pubkey.from_string("SQDS4ep65T869zMMBKyuUq6aD6EgTu8psMjkvj52pCf"))
TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
LOW_ORDER = [str(Pubkey(y.to_bytes(32, "little"))) for y in sorted(LOW_ORDER_Y)] + [
    str(Pubkey(bytes([1, *[0] * 30, 0x80]))),  # the neutral point, spelt otherwise
    str(Pubkey(bytes([0xEE, *[0xFF] * 30, 0x7F]))),
]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0OIl", "not-an-address"),
        ("1" * 32, "program"),
        (TOKEN_2022, "program"),
        ("SysvarC1ock11111111111111111111111111111111", "program"),
        *((point, "low-order") for point in LOW_ORDER if point != "1" * 32),
        (str(VAULT), "off-curve"),
    ],
)
async def test_an_address_that_is_nobodys_is_no_wallet(world: ChainWorld, address: str, reason: str) -> None:
    """Programs, points of low order and addresses off the curve are refused, with the reason."""
    with pytest.raises(InvalidWallet) as refused:
        await world.chain.check_wallet(address, vault=False)
    assert refused.value.data["reason"] == reason


async def test_a_fresh_wallet_and_a_named_vault_are_wallets(world: ChainWorld) -> None:
    """An address without an account is fine, and one off the curve where it is said to be a vault."""
    await world.chain.check_wallet(str(Keypair().pubkey()), vault=False)
    await world.chain.check_wallet(str(VAULT), vault=True)
    spec = _ticket(await _show_on_sale(world)).model_copy(update={"owner_address": str(VAULT)})
    token = await world.chain.read_token(await world.make(spec), spec)
    assert token is not None
    assert (token.owner_address, token.problems) == (str(VAULT), ())


async def test_a_mint_is_no_wallet(world: ChainWorld) -> None:
    """Its account on chain says so, whether it is called a vault or not."""
    address = await world.make(_venue())
    for vault in (False, True):
        with pytest.raises(InvalidWallet) as refused:
            await world.chain.check_wallet(address, vault=vault or not Pubkey.from_string(address).is_on_curve())
        assert refused.value.data["reason"] == "token-account"
