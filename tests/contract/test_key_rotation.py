"""Rotating each key in the middle of a sale, on the dev chain."""

from collections.abc import AsyncIterator, Sequence

import pytest
from solders.keypair import Keypair

from activities.tokens.rotate import ChainKeyRotation, Rotated
from activities.tokens.submit import land
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.signer.keys import Role
from adapters.solana.signer.rotation import HandOver
from adapters.solana.signer.signing import SimulationError
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction
from tests.contract.key_worlds import Keys, mint, show, ticket, venue
from tests.devstack.chain.dev_chain import DevChain


class Sale:
    """A show with minted tickets, and one that is signed and not sent."""

    def __init__(self, node: DevChain) -> None:
        self.node = node
        self.keys = Keys()
        self.chains: list[SolanaTokenChain] = []
        self.said: list[int] = []

    def open(self, keys: Keys) -> SolanaTokenChain:
        """Return the chain with these keys, whose payer is funded."""
        self.keys = keys
        if not self.node.result("getBalance", str(keys.payer.pubkey()))["value"]:
            self.node.fund(str(keys.payer.pubkey()))
        self.chains.append(keys.chain(self.node))
        return self.chains[-1]

    async def begin(self) -> SolanaTokenChain:
        chain = self.open(self.keys)
        made = await mint(chain, venue())
        shown = await mint(chain, show(made.mint_address))
        self.show = shown.mint_address
        self.minted = await mint(chain, ticket(self.show))
        self.claimed = await mint(chain, ticket(self.show))
        self.flying = await chain.sign(ticket(self.show))
        self.signed = [made, shown, self.minted, self.claimed, self.flying]
        return chain

    @property
    def addresses(self) -> list[str]:
        return [one.mint_address for one in self.signed]

    async def rotate(self, chain: SolanaTokenChain, *, dry_run: bool = False) -> Rotated:
        return await ChainKeyRotation(chain, self.said.append).rotate(self.addresses, dry_run=dry_run)


@pytest.fixture
async def sale(node: DevChain) -> AsyncIterator[Sale]:
    made = Sale(node)
    yield made
    for chain in made.chains:
        await chain.close()


async def problems(chain: SolanaTokenChain, signed: SignedTransaction) -> tuple[str, ...]:
    read = await chain.read_token(signed.mint_address, chain.signed_spec(signed))
    assert read is not None
    assert read.holding == "held"
    return read.problems


@pytest.mark.parametrize("role", ["issuer", "delegate", "payer", "custody"])
async def test_a_key_is_rotated_in_the_middle_of_a_sale(sale: Sale, role: Role) -> None:
    """Before, during and after it tickets are minted, verified, claimed and burnt; the key before can do nothing."""
    await sale.begin()
    keys_before = sale.keys
    during = sale.open(sale.keys.rotated(role))
    assert await land(during, sale.flying)
    mixed = await mint(during, ticket(sale.show))
    sale.signed.append(mixed)
    assert await land(during, await during.sign_resize(sale.show, 60))
    for signed in (sale.minted, sale.flying, mixed):
        assert await problems(during, signed) == ()

    rotated = await sale.rotate(during)
    assert (rotated.left, rotated.absent) == (0, 0)
    assert (rotated.handed_over > 0) == (role in {"issuer", "delegate"})

    after = sale.open(sale.keys.settled())
    late = await mint(after, ticket(sale.show))
    for signed in (sale.minted, sale.flying, mixed, late):
        assert await problems(after, signed) == ()
    assert await land(after, await after.sign_resize(sale.show, 70))
    assert await land(after, await after.sign_transfer(sale.claimed, str(Keypair().pubkey())))
    for signed in (sale.minted, mixed):
        assert await land(after, await after.sign_burn(signed.mint_address, signed))
        assert await after.supply_of(signed.mint_address) == 0
    before = sale.open(keys_before)
    if role == "issuer":
        with pytest.raises(SimulationError):
            await before.sign(ticket(sale.show))
    if role == "delegate":
        with pytest.raises(SimulationError):
            await before.sign_burn(sale.flying.mint_address, sale.flying)


async def test_a_dry_run_changes_nothing(sale: Sale) -> None:
    """It tells what would be handed over."""
    await sale.begin()
    during = sale.open(sale.keys.rotated("issuer").rotated("delegate"))
    told = await sale.rotate(during, dry_run=True)
    assert (told.handed_over, told.left > 10, told.absent, sale.said) == (0, True, 1, [])
    assert await sale.rotate(during, dry_run=True) == told


async def test_an_interrupted_rotation_goes_on(sale: Sale, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the node fails in the middle, the rest is handed over by the next run, and nothing twice."""
    await sale.begin()
    during = sale.open(sale.keys.rotated("issuer"))
    whole = (await sale.rotate(during, dry_run=True)).left
    send, sent = during.send, list[str]()

    async def failing(signed: SignedTransaction) -> None:
        if signed.signature not in sent and len(sent) == 1:
            raise TransientError("the node is gone")
        sent.append(signed.signature)
        await send(signed)

    monkeypatch.setattr(during, "send", failing)
    monkeypatch.setattr("adapters.solana.signer.rotation.MOVES_MAX", 3)
    with pytest.raises(TransientError, match="the node is gone"):
        await sale.rotate(during)
    monkeypatch.undo()
    rotated = await sale.rotate(during)
    assert rotated.left == 0
    assert 0 < rotated.handed_over <= whole


async def test_what_landed_since_it_was_read_is_no_outage(sale: Sale, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction of an interrupted run may land between the read of the next run and its signing."""
    await sale.begin()
    during = sale.open(sale.keys.rotated("issuer"))
    read = during.retired_authorities
    before = await read(sale.addresses, final=False)
    await sale.rotate(during)
    answers = [before]

    async def stale(addresses: Sequence[str], *, final: bool) -> tuple[list[HandOver], list[str]]:
        return answers.pop() if answers else await read(addresses, final=final)

    monkeypatch.setattr(during, "retired_authorities", stale)
    assert await sale.rotate(during) == Rotated(len(before[0]), 0, 1)


async def test_two_rotations_one_after_another(sale: Sale) -> None:
    """A ticket that no run has reached yet is handed over from the first key to the third."""
    await sale.begin()
    during = sale.open(sale.keys.rotated("delegate").rotated("delegate"))
    assert (await sale.rotate(during)).left == 0
    after = sale.open(sale.keys.settled())
    assert await problems(after, sale.minted) == ()
    assert await land(after, await after.sign_burn(sale.minted.mint_address, sale.minted))


async def test_a_new_sale_needs_no_rotation(sale: Sale) -> None:
    """With no retired key there is nothing to find."""
    chain = sale.open(sale.keys)
    sale.signed = [await mint(chain, venue())]
    assert await sale.rotate(chain) == Rotated(0, 0, 0)
