"""The mint step: reads first, stores signed bytes before sending them, signs again only when those have expired."""

import asyncio
import re

import pytest
from solders.keypair import Keypair

from activities.core.commands import MintSubject, MintTicket
from activities.tokens.claims.wallets import WalletCheck
from activities.tokens.mint import MintActivities, TicketReader
from domain.catalog.show import Show
from domain.core.errors import InvalidWallet, WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.has_token import TokenSigned
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction, TokenSpec
from tests.fakes.store_world import SHOW, VENUE, StoreWorld
from tests.fakes.token_chain import FINALIZED_AFTER, FakeTokenChain, Verb

CUSTODY = str(Keypair.from_seed(bytes([9] * 32)).pubkey())
GROUP = TokenSpec(kind="show", subject_id="sh", name="Show", symbol="SHOW", uri="", max_size=10, owner_address=CUSTODY)


class NoWallets:
    """Wallets of buyers who gave none."""

    async def wallet_of(self, buyer_id: str) -> str | None:
        return None


class Chain(FakeTokenChain):
    """A chain that records whether the event store had the bytes when they were sent."""

    def __init__(self, store: StoreWorld) -> None:
        super().__init__()
        self._store = store
        self._specs["mint"] = GROUP
        self.ticket_id = ""
        self.known: list[bool] = []

    async def send(self, signed: SignedTransaction) -> None:
        self.known.append((await self._store.see(Ticket, self.ticket_id)).signed == signed)
        await super().send(signed)


class Mint:
    """One issued ticket, the chain, and the mint activities."""

    def __init__(self) -> None:
        self.store = StoreWorld()
        self.chain = Chain(self.store)
        self.steps = MintActivities(self.store.store, self.chain, NoWallets(), CUSTODY, CUSTODY)

    async def issue(self, nonce: str = "no") -> "Mint":
        await self.store.open()
        self.purchase = await self.store.bought(floor=1, nonce=nonce)
        await self.store.sales.confirm_seats(self.purchase)
        await self.store.capture(self.purchase)
        await self.store.sales.confirm_order(self.purchase)
        (self.chain.ticket_id,) = (await self.store.sales.place_order(self.purchase)).ticket_ids
        return self

    async def mint(self) -> str:
        step = MintTicket(purchase=self.purchase, ticket_id=self.chain.ticket_id)
        return (await self.steps.mint_ticket(step)).mint_address

    async def ticket(self) -> Ticket:
        return await self.store.see(Ticket, self.chain.ticket_id)


async def test_the_chain_tells_no_id_and_no_host(one: Mint) -> None:
    """The uri is the hash of a document that was stored before, which is the same for all tickets of a type."""
    spec, ticket = one.chain._specs[await one.mint()], await one.ticket()
    show = await one.store.see(Show, ticket.show_id)
    assert spec.uri == f"ipfs://{show.drawings[ticket.ticket_type_id]}"
    told = re.split(r"\W+", f"{spec.uri} {spec.name} {spec.symbol}")
    secrets = {ticket.identity, ticket.public_name, ticket.purchase_id, ticket.show_id, "http", "https"}
    assert secrets.isdisjoint(told)


async def test_metadata_is_stored_before_anything_is_signed(one: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies after signing leaves nothing that points nowhere."""
    sign, show_id, seen = one.chain.sign, (await one.ticket()).show_id, []

    async def signing(spec: TokenSpec, *, again: SignedTransaction | None) -> SignedTransaction:
        drawings = (await one.store.see(Show, show_id)).drawings
        seen.append(spec.uri.removeprefix("ipfs://") in drawings.values())
        return await sign(spec, again=again)

    monkeypatch.setattr(one.chain, "sign", signing)
    await one.mint()
    assert seen == [True]


@pytest.fixture
async def one() -> Mint:
    return await Mint().issue()


async def test_bytes_are_stored_before_they_are_sent(one: Mint) -> None:
    """A process that dies after sending finds the same bytes again."""
    address = await one.mint()
    assert one.chain.known
    assert all(one.chain.known)
    assert one.chain.landings[address] == 1


async def test_stored_bytes_are_sent_again_and_nothing_is_signed_anew(one: Mint) -> None:
    """As long as the bytes can land, no others are signed."""
    one.chain.drop_sends(1)
    one.chain.fail_before("fate")
    with pytest.raises(TransientError):
        await one.mint()
    address = await one.mint()
    assert (one.chain.calls["sign"], one.chain.landings[address]) == (1, 1)


async def test_dead_bytes_are_replaced(one: Mint) -> None:
    """Bytes that can no longer land are signed again, and one token results."""
    one.chain.drop_sends(1)
    one.chain.fail_before("fate")
    with pytest.raises(TransientError):
        await one.mint()
    one.chain.expire()
    address = await one.mint()
    assert (one.chain.calls["sign"], one.chain.landings[address]) == (2, 1)


async def test_a_token_that_differs_is_not_counted(one: Mint) -> None:
    """The token on chain is verified before it is recorded as the ticket's."""
    one.chain.fail_after("send")
    with pytest.raises(TransientError):
        await one.mint()
    one.chain.spoil(one.chain.address_of("ticket", one.chain.ticket_id), "uri is another")
    with pytest.raises(WrongState):
        await one.mint()
    assert (await one.ticket()).mint_address is None


@pytest.mark.parametrize("deed", ["move", "burn"])
async def test_a_token_moved_or_burnt_before_it_was_verified_is_minted(one: Mint, deed: str) -> None:
    """Its transaction is final: what its holder did afterwards does not hold up the purchase."""
    address = one.chain.address_of("ticket", one.chain.ticket_id)
    one.chain.fail_after("send")
    with pytest.raises(TransientError):
        await one.mint()
    if deed == "move":
        one.chain.move(address)
    else:
        one.chain.burnt[address] = 1
    assert await one.mint() == address
    assert (one.chain.calls["sign"], one.chain.landings[address]) == (1, 1)
    _, token = await TicketReader(one.store.store, one.chain).read_ticket(one.chain.ticket_id)
    assert token is not None
    assert token.holding == {"move": "held-elsewhere", "burn": "burnt"}[deed]


async def test_a_mint_counts_only_when_its_transaction_is_final(one: Mint) -> None:
    """A token that is seen and not final yet may still vanish in a fork."""
    one.chain.fail_after("send")
    with pytest.raises(TransientError):
        await one.mint()
    signed = (await one.ticket()).signed
    assert signed is not None
    assert await one.chain.fate(signed.signature) != "finalized"
    await one.mint()
    assert one.chain.height - one.chain._landed[signed.signature].height >= FINALIZED_AFTER


async def test_a_mint_that_no_node_remembers_is_not_made_again(one: Mint) -> None:
    """Nodes forget old transactions; the token at the address, which only our bytes can have made, remains."""
    address = one.chain.address_of("ticket", one.chain.ticket_id)
    one.chain.fail_after("send")
    with pytest.raises(TransientError):
        await one.mint()
    one.chain._landed.clear()
    one.chain.expire()
    assert await one.mint() == address
    assert (one.chain.calls["sign"], one.chain.landings[address]) == (1, 1)


async def test_a_token_is_compared_with_what_was_signed(one: Mint) -> None:
    """Another creator, another name of the show, an erased buyer: old tokens still verify."""
    wallet = str(Keypair.from_seed(bytes([7] * 32)).pubkey())
    one.steps = MintActivities(one.store.store, one.chain, OneWallet(wallet), CUSTODY, CUSTODY)
    await one.mint()
    one.steps = MintActivities(one.store.store, one.chain, NoWallets(), CUSTODY, wallet)
    _, token = await TicketReader(one.store.store, one.chain).read_ticket(one.chain.ticket_id)
    assert token is not None
    assert (token.problems, token.holding, token.owner_address) == ((), "held", wallet)


async def test_a_token_is_minted_once(one: Mint) -> None:
    """A repeated step answers from the events."""
    address = await one.mint()
    assert await one.mint() == address
    assert (one.chain.calls["sign"], one.chain.landings[address]) == (1, 1)


async def test_what_the_chain_refuses_unseen_is_explained_when_it_is_signed_again(one: Mint) -> None:
    """A full group is reported as such, after one failed transaction."""
    one.chain._known.add(("ticket", "mint"))
    one.chain._members["mint"] = 10
    with pytest.raises(WrongState, match="the group is full"):
        await one.mint()
    assert (one.chain.calls["sign"], one.chain.landings.total()) == (2, 0)


async def test_signed_bytes_land_at_their_address_after_a_rotation(one: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The issuer's new key gives other addresses; a token that was signed before has the one that was signed."""
    address = await _signed_only(one)
    monkeypatch.setattr(one.chain, "address_of", lambda *_: "another address")
    assert await one.mint() == address
    assert dict(one.chain.landings) == {address: 1}


async def test_dead_bytes_are_replaced_at_the_new_address(one: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once they can never land, the ticket gets its token where the new key makes it."""
    address, address_of = await _signed_only(one), one.chain.address_of
    one.chain.expire()
    monkeypatch.setattr(one.chain, "address_of", lambda kind, subject_id: address_of(kind, f"{subject_id} rotated"))
    minted = await one.mint()
    assert minted != address
    assert dict(one.chain.landings) == {minted: 1}


async def test_a_mint_that_no_node_remembers_is_looked_for_at_its_own_address(
    one: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a rotation, too: looked for where the new key would make it, it would be made a second time there."""
    address, address_of = await _signed_only(one), one.chain.address_of
    await one.chain.send((await one.ticket()).signed or pytest.fail("nothing is signed"))
    one.chain.expire()
    monkeypatch.setattr(one.chain, "_landed", {})
    monkeypatch.setattr(one.chain, "address_of", lambda kind, subject_id: address_of(kind, f"{subject_id} rotated"))
    assert await one.mint() == address
    assert dict(one.chain.landings) == {address: 1}


async def _signed_only(one: Mint) -> str:
    """Sign and store a mint without sending it; return its address."""
    spec = TokenSpec(kind="ticket", subject_id=one.chain.ticket_id, name="Night", symbol="TICKET", uri="ipfs://cid")
    signed = await one.chain.sign(spec)
    await one.store.store.commit(lambda uow: uow.get(Ticket, one.chain.ticket_id).sign_token(signed, uow.at))
    return signed.mint_address


@pytest.mark.parametrize("verb", ["read_token", "supply_of"])
async def test_a_token_that_a_lagging_node_does_not_show_is_not_signed_again(verb: Verb) -> None:
    """The stored bytes failed because the token is there; nothing is signed while a node does not show it."""
    mint = await Mint().issue()
    spec = TokenSpec(kind="ticket", subject_id=mint.chain.ticket_id, name="Night", symbol="TICKET", uri="ipfs://cid")
    earlier, stored = await mint.chain.sign(spec), await mint.chain.sign(spec)

    def sign(uow: UnitOfWork) -> None:
        uow.get(Ticket, mint.chain.ticket_id).sign_token(stored, uow.at)

    await mint.store.store.commit(sign)
    for signed in (earlier, stored):
        await FakeTokenChain.send(mint.chain, signed)
    mint.chain.expire()
    mint.chain.lag(verb)
    with pytest.raises(TransientError, match="lags"):
        await mint.mint()
    assert mint.chain.calls["sign"] == 2


class OneWallet:
    """Every buyer named this wallet."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def wallet_of(self, buyer_id: str) -> str | None:
        return self._address


async def test_a_wallet_that_turns_out_to_be_nobodys_is_left_out(one: Mint) -> None:
    """The paid ticket is minted to custody, whether the node could be asked at the sale or not."""
    wallet = str(Keypair.from_seed(bytes([7] * 32)).pubkey())
    one.chain.token_accounts.add(wallet)
    one.steps = MintActivities(one.store.store, one.chain, OneWallet(wallet), CUSTODY, CUSTODY)
    assert one.chain._specs[await one.mint()].owner_address == CUSTODY


async def test_a_sale_does_not_wait_for_the_chain_to_check_a_wallet(one: Mint) -> None:
    """A node that is ill or slow refuses nobody; an address that is wrong by itself is refused all the same."""
    wallet = str(Keypair.from_seed(bytes([7] * 32)).pubkey())
    one.chain.token_accounts.add(wallet)
    with pytest.raises(InvalidWallet):
        await WalletCheck(one.chain).check(wallet, vault=False)
    one.chain.fail_before("check_wallet", times=2)
    await WalletCheck(one.chain).check(wallet, vault=False)
    with pytest.raises(InvalidWallet):
        await WalletCheck(one.chain).check("1" * 32, vault=False)


async def test_a_slow_node_is_waited_for_a_moment_only() -> None:
    """The check gives up after its time."""

    class Slow(FakeTokenChain):
        async def check_wallet(self, address: str, *, vault: bool) -> None:
            await asyncio.Event().wait()

    await WalletCheck(Slow(), seconds_max=0.01).check(str(Keypair().pubkey()), vault=False)


@pytest.mark.parametrize("lost", [None, "minted_by", "supply_of", "read_token"])
async def test_a_token_minted_before_a_restore_is_adopted(one: Mint, lost: Verb | None) -> None:
    """The events have forgotten it: its bytes are read back from the chain, and nothing is signed again."""
    store = one.store.store
    position = len(store.log)
    address = await one.mint()
    made = await one.ticket()
    store.forget(position)
    assert ((await one.ticket()).signed, (await one.ticket()).mint_address) == (None, None)
    if lost is not None:
        one.chain.fail_after(lost)
        with pytest.raises(TransientError):
            await one.mint()
    assert await one.mint() == address
    ticket = await one.ticket()
    assert (ticket.signed, ticket.mint_signature) == (made.signed, made.mint_signature)
    assert (one.chain.calls["sign"], one.chain.landings[address]) == (1, 1)
    assert [event.adopted for event in store.log if isinstance(event, TokenSigned)] == [True]


async def test_another_token_at_the_address_is_not_adopted(one: Mint) -> None:
    """It names what differs, and stores nothing."""
    spec = TokenSpec(kind="ticket", subject_id=one.chain.ticket_id, name="Other", symbol="TICKET", uri="ipfs://other")
    wrong = spec.model_copy(update={"group_address": "mint", "owner_address": CUSTODY})
    await FakeTokenChain.send(one.chain, await one.chain.sign(wrong))
    for _ in range(FINALIZED_AFTER):
        await one.chain.fate("")
    with pytest.raises(WrongState, match="not the one to be made: name, uri"):
        await one.mint()
    assert (await one.ticket()).signed is None


async def test_a_show_waits_in_line_for_its_venue() -> None:
    """Its group is made in the venue's, which another step mints meanwhile; after a while it asks to be tried again."""
    store, chain = StoreWorld(), FakeTokenChain()
    await store.catalog.register_venue(VENUE)
    await store.catalog.announce_show(SHOW)
    show = MintSubject(tenant_id="default", kind="show", subject_id=SHOW.show_id)
    venue = MintSubject(tenant_id="default", kind="venue", subject_id=VENUE.venue_id)
    impatient = MintActivities(store.store, chain, NoWallets(), CUSTODY, CUSTODY, venue_seconds=0)
    with pytest.raises(TransientError, match="the venue's group is not on chain yet"):
        await impatient.mint_group(show)
    steps = MintActivities(store.store, chain, NoWallets(), CUSTODY, CUSTODY)
    waiting = asyncio.create_task(steps.mint_group(show))
    await asyncio.sleep(0.05)
    group = await steps.mint_group(venue)
    minted = await waiting
    assert chain._specs[minted.mint_address].group_address == group.mint_address
