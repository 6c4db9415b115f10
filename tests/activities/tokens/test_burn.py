"""The burn step: waits for a mint in flight, and stores the signed burn before sending it."""

import asyncio

import pytest

from activities.core.commands import MintTicket
from activities.tokens.burn import BurnActivities
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction, TokenSpec
from tests.activities.tokens.test_mint import GROUP, Mint
from tests.fakes.token_chain import FakeTokenChain


class Burn(Mint):
    """One issued ticket, the chain, and the activities that burn its token."""

    def __init__(self) -> None:
        super().__init__()
        self.burning = BurnActivities(self.store.store, self.chain)

    async def void(self) -> None:
        await self.store.store.commit(
            lambda uow: uow.get(Ticket, self.chain.ticket_id).give_back(uow.at, even_redeemed=False)
        )

    async def sign(self, after: SignedTransaction | None = None) -> SignedTransaction:
        """Leave a mint in flight: signed and stored, but not sent."""
        spec = GROUP.model_copy(update={"kind": "ticket", "subject_id": self.chain.ticket_id, "group_address": "mint"})
        signed = await self.chain.sign(spec)

        def decide(uow: UnitOfWork) -> None:
            uow.get(Ticket, self.chain.ticket_id).sign_token(signed, uow.at, after)

        await self.store.store.commit(decide)
        return signed

    async def burn(self) -> str:
        return await self.burning.burn_ticket(MintTicket(purchase=self.purchase, ticket_id=self.chain.ticket_id))

    async def ticket(self) -> Ticket:
        return await self.store.see(Ticket, self.chain.ticket_id)


@pytest.fixture
async def burn() -> Burn:
    made = Burn()
    await made.issue()
    return made


async def test_a_minted_token_is_burnt_once(burn: Burn) -> None:
    """A repeat changes nothing, and a late mint makes no second token."""
    await burn.mint()
    await burn.void()
    assert [await burn.burn() for _ in range(2)] == ["burnt", "burnt"]
    assert await burn.mint() == ""
    ticket = await burn.ticket()
    assert (ticket.ended_as, burn.chain.burnt.total(), burn.chain.landings.total()) == ("burnt", 1, 1)


async def test_the_token_of_a_valid_ticket_is_not_burnt(burn: Burn) -> None:
    """Neither the activity nor the ticket allows it."""
    await burn.mint()
    with pytest.raises(WrongState):
        await burn.burn()
    ticket = await burn.ticket()
    assert ticket.signed is not None
    with pytest.raises(WrongState):
        ticket.sign_burn(ticket.signed, burn.store.now)


async def test_a_ticket_that_nothing_was_signed_for_has_no_token(burn: Burn) -> None:
    """It is void before its mint, so that nothing is ever signed."""
    await burn.void()
    assert await burn.burn() == "never made"
    assert await burn.mint() == ""
    assert ((await burn.ticket()).ended_as, burn.chain.landings.total()) == (None, 0)


async def test_a_mint_in_flight_that_lands_is_burnt(burn: Burn) -> None:
    """The burn waits until the bytes signed before have landed."""
    signed = await burn.sign()
    await burn.void()
    burning = asyncio.create_task(burn.burn())
    while burn.chain.calls["supply_of"] < 1:  # noqa: ASYNC110 - the fake counts without an event
        await asyncio.sleep(0.01)
    await FakeTokenChain.send(burn.chain, signed)
    assert await burning == "burnt"
    ticket = await burn.ticket()
    assert (ticket.mint_address, burn.chain.burnt.total()) == (signed.mint_address, 1)


async def test_a_mint_in_flight_that_can_no_longer_land_is_given_up(burn: Burn) -> None:
    """The mint has expired before the decision, and cannot land later."""
    await burn.sign()
    await burn.void()
    burn.chain.expire()
    assert [await burn.burn() for _ in range(2)] == ["never made", "never made"]
    assert (await burn.ticket()).ended_as == "forgone"


async def test_a_mint_that_was_signed_and_refunded_meanwhile_signs_nothing(
    burn: Burn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction that would store the signed bytes finds the ticket void and refuses."""
    sign = burn.chain.sign

    async def signing(spec: TokenSpec, *, again: SignedTransaction | None) -> SignedTransaction:
        signed = await sign(spec, again=again)
        await burn.void()
        return signed

    monkeypatch.setattr(burn.chain, "sign", signing)
    assert await burn.mint() == ""
    assert ((await burn.ticket()).signed, burn.chain.sends.total()) == (None, 0)


async def test_a_lost_answer_of_a_burn_is_no_second_burn(burn: Burn) -> None:
    """The stored bytes are sent again, or the supply is found to be 0."""
    await burn.mint()
    await burn.void()
    burn.chain.fail_after("send")
    with pytest.raises(TransientError):
        await burn.burn()
    assert (await burn.ticket()).burn is not None
    assert await burn.burn() == "burnt"
    assert burn.chain.burnt.total() == 1


async def test_what_its_owner_burnt_is_gone(burn: Burn) -> None:
    """There is nothing to sign; the ticket records that its token is burnt."""
    address = await burn.mint()
    await burn.void()
    burn.chain.burnt[address] = 1
    assert await burn.burn() == "burnt"
    assert (await burn.ticket()).burn is None


async def test_a_token_that_a_lagging_node_does_not_show_is_not_forgone(burn: Burn) -> None:
    """An earlier transaction made the token, so the stored one failed; its account is read at that slot or later."""
    earlier = await burn.sign()
    stored = await burn.sign(after=earlier)
    await FakeTokenChain.send(burn.chain, earlier)
    await FakeTokenChain.send(burn.chain, stored)
    await burn.void()
    burn.chain.expire()
    burn.chain.lag("supply_of")
    with pytest.raises(TransientError):
        await burn.burn()
    assert (await burn.ticket()).ended_as is None
    burn.chain.lag()
    assert await burn.burn() == "burnt"


async def test_a_minted_token_that_a_node_does_not_show_is_not_burnt(burn: Burn) -> None:
    """A recorded mint that is read as absent is no burnt one."""
    await burn.mint()
    await burn.void()
    burn.chain.lag("supply_of")
    with pytest.raises(TransientError, match="lags"):
        await burn.burn()
    burn.chain.lag()
    assert await burn.burn() == "burnt"
    assert burn.chain.burnt.total() == 1


async def test_a_token_held_elsewhere_is_burnt_there(burn: Burn) -> None:
    """The permanent delegate burns it in whatever account it is."""
    burn.chain.move(await burn.mint())
    await burn.void()
    assert await burn.burn() == "burnt"
    assert burn.chain.burnt.total() == 1
