"""Claims are recorded once, for a wallet that has signed our text for this ticket in time."""

from collections.abc import Callable

import pytest
from solders.pubkey import Pubkey

from activities.tokens.claims.request import ClaimTicket, RecordedClaim
from adapters.solana.instructions import TOKEN_2022
from domain.core.errors import (
    AlreadyClaimed,
    ChallengeExpired,
    InvalidWallet,
    NotInCustody,
    Refusal,
    SignatureInvalid,
    WrongState,
)
from domain.orders.order import Order
from domain.orders.personal_data import PersonalData
from domain.tickets.claiming import TicketClaimed
from domain.tickets.ticket import Ticket
from tests.activities.tokens.claims.claiming import ANN, BOB, Claims
from tests.fakes.identity import IDENTITY


@pytest.fixture
async def claims() -> Claims:
    sold = await Claims().sell()
    await sold.mint()
    return sold


async def test_a_claim_names_a_row_and_no_wallet(claims: Claims) -> None:
    """The event has the row's id; the row has the wallet, with the purchase that it belongs to."""
    claim = await claims.claim()
    assert (claim.state, claim.ticket) == ("requested", claims.step)
    (event,) = (one for one in claims.shop.store.log if isinstance(one, TicketClaimed))
    assert await claims.buyers.wallet_of(event.holder_id) == str(ANN.pubkey())
    assert [one.buyer_id for one in await claims.buyers.of_purchase("pu")] == [event.holder_id]
    assert not [one for one in claims.shop.store.log if str(ANN.pubkey()) in repr(vars(one))]


async def test_the_text_tells_what_is_signed(claims: Claims) -> None:
    """A person reads it in a wallet: the ticket by its public name, the wallet, the deployment, the end."""
    made, ticket = await claims.commands.challenge(claims.ticket_id, str(ANN.pubkey())), await claims.ticket()
    for told in (
        ticket.public_name,
        str(ANN.pubkey()),
        IDENTITY.deployment_id,
        made.nonce,
        made.expires_at.isoformat(),
    ):
        assert told in made.message
    assert ticket.purchase_id not in made.message.split()
    assert made.message.isascii()


async def test_a_repeat_by_the_same_wallet_is_the_same_claim(claims: Claims) -> None:
    """A lost answer is asked for again, before and after the delivery; no second row is left."""
    command = await claims.signed()
    first = await claims.commands.claim(command)
    again = await claims.commands.claim(command)
    await claims.deliver()
    done = await claims.commands.claim(command)
    assert (first.ticket, first.state) == (again.ticket, again.state)
    assert done.state == "done"
    assert len(await claims.buyers.of_purchase("pu")) == 1


@pytest.mark.parametrize("delivered", [False, True])
async def test_another_wallet_cannot_claim_it_too(claims: Claims, delivered: bool) -> None:  # noqa: FBT001
    """A ticket is claimed once; the second wallet gets no text to sign, and leaves no row."""
    late = await claims.signed(BOB)
    await claims.claim()
    if delivered:
        await claims.deliver()
    with pytest.raises(AlreadyClaimed):
        await claims.commands.challenge(claims.ticket_id, str(BOB.pubkey()))
    with pytest.raises(AlreadyClaimed):
        await claims.commands.claim(late)
    assert len(await claims.buyers.of_purchase("pu")) == 1


async def overtaken(claims: Claims, monkeypatch: pytest.MonkeyPatch, late: ClaimTicket, first: ClaimTicket) -> object:
    """Let a claim be overtaken by another one between its checks and its decision; return its answer or its refusal."""
    keep = claims.buyers.keep_holder

    async def overtake(*values: str) -> None:
        monkeypatch.undo()
        await keep(*values)
        await claims.commands.claim(first)

    monkeypatch.setattr(claims.buyers, "keep_holder", overtake)
    try:
        return await claims.commands.claim(late)
    except AlreadyClaimed as refusal:
        return refusal


async def test_of_two_claims_at_once_one_counts(claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both wallets have signed, both were checked: the events decide, and the loser's row goes."""
    late, first = await claims.signed(BOB), await claims.signed(ANN)
    assert isinstance(await overtaken(claims, monkeypatch, late, first), AlreadyClaimed)
    (row,) = await claims.buyers.of_purchase("pu")
    assert row.personal.wallet == str(ANN.pubkey())


async def test_of_two_equal_claims_at_once_both_are_answered(claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    """A buyer who clicks twice has one claim, and one row."""
    command = await claims.signed()
    assert isinstance(await overtaken(claims, monkeypatch, command, command), RecordedClaim)
    assert len(await claims.buyers.of_purchase("pu")) == 1


FOREIGN: dict[str, Callable[[ClaimTicket], ClaimTicket]] = {
    "of another wallet": lambda one: one._replace(signature=str(BOB.sign_message(b"text"))),
    "over another text": lambda one: one._replace(signature=str(ANN.sign_message(b"text"))),
    "no signature": lambda one: one._replace(signature="1" * 64),
    "no base58": lambda one: one._replace(signature="0" * 64),
    "another wallet's nonce": lambda one: one._replace(wallet=str(BOB.pubkey())),
    "a nonce of nobody": lambda one: one._replace(nonce="nonce"),
    "a later end": lambda one: one._replace(nonce=one.nonce.replace(one.nonce[:10], "9999999999", 1)),
    "an end that is no moment": lambda one: one._replace(nonce=f"{10**30}.nc"),
}


@pytest.mark.parametrize("kind", FOREIGN)
async def test_what_the_wallet_has_not_signed_is_no_claim(claims: Claims, kind: str) -> None:
    """A signature counts for its wallet, its text, and the nonce that was made for both."""
    with pytest.raises(SignatureInvalid):
        await claims.commands.claim(FOREIGN[kind](await claims.signed()))
    assert (await claims.state(), await claims.buyers.of_purchase("pu")) == ("none", [])


async def test_a_text_has_an_end(claims: Claims) -> None:
    """Ten minutes after it was made it is worth nothing."""
    command = await claims.signed()
    claims.wait(minutes=10)
    with pytest.raises(ChallengeExpired):
        await claims.commands.claim(command)
    await claims.claim()


async def test_a_nonce_counts_for_one_claim(claims: Claims) -> None:
    """A claim that has lapsed is made anew with a new signature."""
    used = await claims.signed()
    await claims.commands.claim(used)
    await claims.shop.store.commit(lambda uow: uow.get(Ticket, claims.ticket_id).lapse_claim("no-wallet", uow.at))
    with pytest.raises(SignatureInvalid):
        await claims.commands.claim(used)
    assert (await claims.claim()).state == "requested"


async def test_a_nonce_counts_for_one_ticket(claims: Claims) -> None:
    """The text that was signed for another ticket is refused, also where the wallet is the same."""
    with pytest.raises(SignatureInvalid):
        await claims.commands.claim((await claims.signed())._replace(ticket_id=claims.other_id))


@pytest.mark.parametrize(
    "wallet",
    [
        str(TOKEN_2022),
        "11111111111111111111111111111111",
        str(Pubkey(bytes(32))),
        str(Pubkey.find_program_address([b"vault"], TOKEN_2022)[0]),
        "no address",
    ],
)
async def test_an_address_that_cannot_sign_gets_no_text(claims: Claims, wallet: str) -> None:
    """Programs, points of low order, and addresses off the curve: a vault is named at the purchase."""
    with pytest.raises(InvalidWallet):
        await claims.commands.challenge(claims.ticket_id, wallet)


async def test_a_token_account_gets_no_text(claims: Claims) -> None:
    """The account of a token is no wallet, though its address may be on the curve."""
    claims.chain.token_accounts.add(str(BOB.pubkey()))
    with pytest.raises(InvalidWallet):
        await claims.commands.challenge(claims.ticket_id, str(BOB.pubkey()))


async def test_a_token_that_never_was_in_custody_is_not_claimed() -> None:
    """The purchase named a wallet: its holder moves the token on chain."""
    sold = await Claims().sell()
    buyer_id = (await sold.shop.see(Order, "pu")).buyer_id
    await sold.buyers.keep(buyer_id, "default", "pu", PersonalData(wallet=str(BOB.pubkey())), ["al"])
    await sold.mint()
    with pytest.raises(NotInCustody):
        await sold.claim()


async def unpaid(claims: Claims) -> None:
    await claims.shop.open()
    claims.purchase = await claims.shop.bought(floor=1)
    (claims.ticket_id,) = (await claims.shop.sales.place_order(claims.purchase)).ticket_ids


async def refunded(claims: Claims) -> None:
    await claims.sell()
    await claims.refund()


async def disputed(claims: Claims) -> None:
    await claims.sell()
    await claims.shop.store.commit(lambda uow: uow.get(Ticket, claims.ticket_id).block("dp", uow.at))


@pytest.mark.parametrize("way", [unpaid, refunded, disputed])
async def test_a_ticket_that_is_not_paid_or_disputed_is_not_claimed(way: Callable[[Claims], object]) -> None:
    """There is no token for it, or none to be moved now."""
    claims = Claims()
    await way(claims)  # type: ignore[misc]
    with pytest.raises(WrongState):
        await claims.claim()


async def test_a_refusal_of_the_store_leaves_no_row(claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ticket was refunded between the check and the decision."""
    command, commit = await claims.signed(), claims.shop.store.commit

    async def void_first(*args: object) -> object:
        monkeypatch.undo()
        await claims.refund()
        return await commit(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(claims.shop.store, "commit", void_first)
    with pytest.raises(Refusal):
        await claims.commands.claim(command)
    assert await claims.buyers.of_purchase("pu") == []
