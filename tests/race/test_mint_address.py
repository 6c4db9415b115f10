"""A predetermined mint address: without it a lost answer mints a second token for one ticket."""

from typing import cast

import pytest
from solders.keypair import Keypair

from activities.core.commands import MintTicket
from activities.core.ports import EventStore
from activities.tokens.mint import MintActivities
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.tickets.token import TokenKind, TokenSpec
from tests.fakes.store_world import StoreWorld
from tests.fakes.token_chain import FakeTokenChain

CUSTODY = str(Keypair.from_seed(bytes([9] * 32)).pubkey())
GROUP = TokenSpec(kind="show", subject_id="sh", name="Night", symbol="SHOW", uri="", max_size=10, owner_address=CUSTODY)


class Chain(FakeTokenChain):
    """A chain with the show's group on it."""

    def __init__(self) -> None:
        super().__init__()
        self._specs["mint"] = GROUP


class FreshAddresses(Chain):
    """Uses a new address for each signature, as a minter that generates key pairs."""

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        return super().address_of(kind, f"{subject_id} {self._signed}")


class Forgetful:
    """A store that keeps nothing, so that only the address shows an earlier mint."""

    def __init__(self, store: EventStore) -> None:
        self.read = store.read
        self.commit = store.read_with_position


class NoWallets:
    """Buyers without a wallet."""

    async def wallet_of(self, buyer_id: str) -> str | None:
        return None


async def tokens_after_a_lost_answer(shop: StoreWorld, chain: Chain) -> int:
    """Mint one ticket, lose the answer of the send, mint again; return the number of tokens."""
    purchase = await shop.bought(floor=1)
    await shop.sales.confirm_seats(purchase)
    await shop.capture(purchase)
    await shop.sales.confirm_order(purchase)
    (ticket_id,) = (await shop.sales.place_order(purchase)).ticket_ids
    steps = MintActivities(cast("EventStore", Forgetful(shop.store)), chain, NoWallets(), CUSTODY, CUSTODY)
    chain.fail_after("send")
    with pytest.raises(TransientError):
        await steps.mint_ticket(MintTicket(purchase=purchase, ticket_id=ticket_id))
    try:
        await steps.mint_ticket(MintTicket(purchase=purchase, ticket_id=ticket_id))
    except WrongState:
        assert not isinstance(chain, FreshAddresses)  # it found a token that it has no record of
    return sum(chain.landings.values())


async def test_without_a_known_address_there_are_two_tokens(shop: StoreWorld) -> None:
    """The retry cannot find the first one."""
    assert await tokens_after_a_lost_answer(shop, FreshAddresses()) == 2


async def test_with_a_known_address_there_is_one_token(shop: StoreWorld) -> None:
    """The retry finds the first one, and the chain has one account per address."""
    assert await tokens_after_a_lost_answer(shop, Chain()) == 1
