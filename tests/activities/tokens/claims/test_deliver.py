"""Deliver claims: exactly once, whatever is lost on the way, and together with refunds in any order."""

import asyncio
from collections.abc import Callable
from typing import Literal, NamedTuple

import pytest

from domain.core.aggregate import DomainEvent
from domain.core.errors import AlreadyClaimed, WrongState
from domain.core.transient import TransientError
from domain.money.books import MINT_DEBT, TICKET_UNIT, BooksTransaction, balances
from domain.tickets.claiming import ClaimDone, ClaimLapsed, ClaimSigned
from domain.tickets.has_token import TokenSigned
from domain.tickets.ticket import Ticket
from domain.tickets.token import Minting, SignedTransaction
from tests.activities.tokens.claims.claiming import ANN, BOB, Claims
from tests.fakes.token_chain import CUSTODY, FakeTokenChain, Verb

WALLET = str(ANN.pubkey())
SOULBOUND = {"transfer": "soulbound"}


class Kind(NamedTuple):
    """How a kind of minting delivers: what signs, what tells whether it is done, what a refund before it does."""

    minting: Minting
    signs: Literal["sign_transfer", "sign"]
    signed: type[DomainEvent]
    looks: Verb
    undone: str


KINDS = (
    Kind("each", "sign_transfer", ClaimSigned, "whereabouts", "burnt"),
    Kind("on_claim", "sign", TokenSigned, "supply_of", "nullified"),
)


@pytest.fixture(params=KINDS, ids=[kind.minting for kind in KINDS])
async def kind(request: pytest.FixtureRequest) -> Kind:
    """Return each kind of minting: the tests that take it, or `claims`, are the contract of both."""
    found: Kind = request.param
    return found


@pytest.fixture
async def claims(kind: Kind) -> Claims:
    sold = await Claims().sell(minting=kind.minting)
    await sold.mint()
    await sold.claim()
    return sold


@pytest.fixture
async def bound() -> Claims:
    return await Claims().sell(**SOULBOUND)


def events(claims: Claims, kind: type) -> list[object]:
    return [one for one in claims.shop.store.log if isinstance(one, kind)]


def signings(claims: Claims, kind: Kind) -> int:
    """Return how often the transaction that delivers the ticket was signed and stored."""
    stream = Ticket.stream(claims.ticket_id)
    return len([one for one in claims.shop.store.log if isinstance(one, kind.signed) and one.originator_id == stream])


async def holding(claims: Claims) -> tuple[str | None, str | None]:
    """Return where the token is, as a verification tells it."""
    _, token = await claims.reader.read_ticket(claims.ticket_id)
    return (None, None) if token is None else (token.holding, token.owner_address)


async def owed(claims: Claims) -> int:
    """Return the tokens that the books owe."""
    books = [claims.shop.store.load(name) for name in claims.shop.store.streams if name.startswith("books:")]
    postings = [posting for one in books if isinstance(one, BooksTransaction) for posting in one.postings]
    return balances(postings)[MINT_DEBT, TICKET_UNIT]


async def test_the_token_comes_to_the_wallet_and_verifies(claims: Claims, kind: Kind) -> None:
    """It is held by the wallet that claimed it; the ticket has a new holder, and is no leaf any more."""
    assert await holding(claims) == (("held", CUSTODY) if kind.minting == "each" else (None, None))
    assert await claims.deliver() == "done"
    ticket = await claims.ticket()
    assert (ticket.claim, ticket.generation, await holding(claims)) == ("done", 1, ("held", WALLET))
    assert (claims.brought(), claims.chain.landings.total(), ticket.is_leaf) == (1, 1, False)
    (done,) = events(claims, ClaimDone)
    assert isinstance(done, ClaimDone)
    signed = ticket.transfer or ticket.signed
    assert signed is not None
    assert done.signature == signed.signature


async def test_a_delivered_claim_is_delivered_once(claims: Claims) -> None:
    """Another try finds it done, and asks the chain nothing."""
    await claims.deliver()
    calls = claims.chain.calls.copy()
    assert await claims.deliver() == "done"
    assert claims.chain.calls == calls


async def test_a_ticket_that_was_not_claimed_is_left_alone() -> None:
    """A late start finds nothing to do."""
    sold = await Claims().sell()
    await sold.mint()
    assert await sold.deliver() == "lapsed"
    assert events(sold, ClaimLapsed) == []


async def test_bytes_are_stored_before_they_are_sent(claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies after sending finds the same bytes again."""
    send, known = claims.chain.send, []

    async def sending(signed: SignedTransaction) -> None:
        ticket = await claims.ticket()
        known.append(signed in {ticket.transfer, ticket.signed})
        await send(signed)

    monkeypatch.setattr(claims.chain, "send", sending)
    await claims.deliver()
    assert known
    assert all(known)


LOST = [(kind, verb) for kind in KINDS for verb in ("send", "fate", kind.looks, kind.signs, "check_wallet")]


@pytest.mark.parametrize(("kind", "verb"), LOST, indirect=["kind"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_brings_nothing_twice(claims: Claims, kind: Kind, verb: Verb, when: str) -> None:
    """The same bytes are sent again, and other ones only when these are dead."""
    asked = claims.chain.calls[verb]
    if when == "before":
        claims.chain.fail_before(verb)
    else:
        claims.chain.fail_after(verb)
    for _ in range(2):
        try:
            outcome = await claims.deliver()
        except TransientError:
            continue
        assert outcome == "done"
        break
    assert claims.chain.calls[verb] > asked
    assert (claims.brought(), signings(claims, kind)) == (1, 1)


async def test_dead_bytes_are_replaced(claims: Claims, kind: Kind) -> None:
    """A dropped transaction that can no longer land is signed again."""
    claims.chain.drop_sends(1)
    claims.chain.fail_before("fate")
    with pytest.raises(TransientError):
        await claims.deliver()
    claims.chain.expire()
    assert await claims.deliver() == "done"
    assert (signings(claims, kind), claims.brought()) == (2, 1)


async def test_a_delivery_that_no_node_remembers_is_not_made_again(
    claims: Claims, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wallet has had the token, so the stored bytes have landed, though their status is gone."""
    claims.chain.fail_after("send")
    with pytest.raises(TransientError):
        await claims.deliver()
    claims.chain.expire()
    monkeypatch.setattr(claims.chain, "_landed", {})
    assert await claims.deliver() == "done"
    assert (signings(claims, kind), claims.brought()) == (1, 1)


async def test_a_lagging_node_lets_nothing_be_signed_again(claims: Claims, kind: Kind) -> None:
    """The bytes are dead for one node; whether it is done, is read at that slot or later, or not at all."""
    claims.chain.drop_sends(1)
    claims.chain.fail_before("fate")
    with pytest.raises(TransientError):
        await claims.deliver()
    claims.chain.expire()
    claims.chain.lag(kind.looks)
    with pytest.raises(TransientError, match="lags"):
        await claims.deliver()
    assert signings(claims, kind) == 1


async def test_two_workers_at_once_bring_it_once(claims: Claims) -> None:
    """Only the bytes that are stored may be sent, so the second worker sends those of the first."""
    found = await asyncio.gather(claims.deliver(), claims.deliver())
    assert set(found) == {"done"}
    assert (claims.brought(), len(events(claims, ClaimDone))) == (1, 1)


async def test_a_claim_before_the_mint_is_minted_to_its_wallet() -> None:
    """Purchase and claim may both ask for the mint: there is one, and nothing is left to move."""
    sold = await Claims().sell()
    await sold.claim()
    found = await asyncio.gather(sold.mint(), sold.deliver())
    assert found[1] == "done"
    assert (sold.chain.landings.total(), sold.chain.moves.total(), await holding(sold)) == (1, 0, ("held", WALLET))


async def moved_away(claims: Claims) -> None:
    claims.chain.move(str((await claims.ticket()).mint_address))


async def erased(claims: Claims) -> None:
    await claims.buyers.forget(str((await claims.ticket()).holder_id))


async def a_token_account(claims: Claims) -> None:
    claims.chain.token_accounts.add(WALLET)


LAPSING = [(kind, deed, "no-wallet") for kind in KINDS for deed in (erased, a_token_account)]


@pytest.mark.parametrize(
    ("kind", "deed", "reason"), [(KINDS[0], moved_away, "not-in-custody"), *LAPSING], indirect=["kind"]
)
async def test_a_claim_that_cannot_be_met_lapses(claims: Claims, deed: Callable[[Claims], object], reason: str) -> None:
    """The ticket stays as it is, a leaf remains one, and it can be claimed anew."""
    before = (await claims.ticket()).is_leaf
    await deed(claims)  # type: ignore[misc]
    assert await claims.deliver() == "lapsed"
    (lapsed,) = events(claims, ClaimLapsed)
    assert isinstance(lapsed, ClaimLapsed)
    assert lapsed.reason == reason
    ticket = await claims.ticket()
    assert (ticket.claim, ticket.is_leaf) == ("none", before)
    claims.chain.token_accounts.clear()
    assert (await claims.claim(BOB)).state == "requested"


async def test_a_signed_delivery_goes_on_after_an_erasure(claims: Claims) -> None:
    """The bytes tell the wallet that they were signed for; nothing else is signed."""
    claims.chain.fail_before("send")
    with pytest.raises(TransientError):
        await claims.deliver()
    await erased(claims)
    assert await claims.deliver() == "done"
    assert await holding(claims) == ("held", WALLET)


async def test_a_refund_before_the_delivery_ends_the_claim(claims: Claims, kind: Kind) -> None:
    """The token is burnt in custody, or the leaf nullified; the claim lapses."""
    assert await claims.refund() == kind.undone
    assert await claims.deliver() == "lapsed"
    (lapsed,) = events(claims, ClaimLapsed)
    assert isinstance(lapsed, ClaimLapsed)
    assert (lapsed.reason, claims.chain.supplies().total()) == ("refunded", 0)


async def test_a_refund_between_signing_and_sending_ends_the_claim(claims: Claims) -> None:
    """The signed move finds no token any more; the signed mint is waited for until it can no longer land."""
    claims.chain.fail_before("send")
    with pytest.raises(TransientError):
        await claims.deliver()
    await claims.refund()
    assert await claims.deliver() == "lapsed"
    assert (claims.brought(), claims.chain.supplies().total()) == (0, 0)


async def test_a_refund_after_the_delivery_burns_the_token_in_its_wallet(claims: Claims) -> None:
    """The claim stays done, and nothing is claimed again."""
    await claims.deliver()
    assert await claims.refund() == "burnt"
    assert (await holding(claims), await claims.deliver()) == (("burnt", None), "done")
    with pytest.raises(AlreadyClaimed):
        await claims.claim(BOB)


async def test_a_refund_while_it_is_signed_lapses(claims: Claims, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision that would store the bytes refuses a void ticket."""
    sign = getattr(claims.chain, kind.signs)

    async def void_first(*args: object, **more: object) -> SignedTransaction:
        signed: SignedTransaction = await sign(*args, **more)
        await claims.refund()
        return signed

    monkeypatch.setattr(claims.chain, kind.signs, void_first)
    assert await claims.deliver() == "lapsed"
    assert signings(claims, kind) == 0


async def test_any_other_refusal_waits_for_an_operator(
    claims: Claims, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A paid ticket's claim never lapses because of a fault of ours, and it stays what it was."""
    before = (await claims.ticket()).is_leaf

    async def refuse(*args: object, **more: object) -> SignedTransaction:
        raise WrongState("these signed bytes mint no token")

    monkeypatch.setattr(claims.chain, kind.signs, refuse)
    with pytest.raises(WrongState):
        await claims.deliver()
    ticket = await claims.ticket()
    assert (ticket.claim, ticket.is_leaf) == ("requested", before)


async def test_a_soulbound_token_is_minted_to_its_wallet_when_it_is_claimed(bound: Claims) -> None:
    """Until then there is none, in custody least of all, and the books owe it."""
    assert await bound.mint() == ""
    assert (bound.chain.landings.total(), await owed(bound)) == (0, 2)
    await bound.claim()
    assert await bound.deliver() == "done"
    ticket = await bound.ticket()
    assert (bound.chain.moves.total(), await holding(bound), await owed(bound)) == (0, ("held", WALLET), 1)
    assert (ticket.transfer, ticket.generation) == (None, 1)
    assert ticket.signed is not None
    assert bound.chain.signed_spec(ticket.signed).transfer == "soulbound"


@pytest.mark.parametrize("verb", ["send", "fate", "sign", "read_token"])
async def test_a_soulbound_token_is_minted_once(bound: Claims, verb: Verb) -> None:
    """A lost answer at any step leaves one token, and the claim done."""
    await bound.claim()
    bound.chain.fail_after(verb)
    with pytest.raises(TransientError):
        await bound.deliver()
    assert await bound.deliver() == "done"
    assert (bound.chain.landings.total(), await owed(bound)) == (1, 1)


async def test_a_soulbound_token_that_is_signed_goes_to_its_wallet(bound: Claims) -> None:
    """Its bytes may land at any time, so an erased row does not end the claim."""
    await bound.claim()
    bound.chain.fail_before("send")
    with pytest.raises(TransientError):
        await bound.deliver()
    await erased(bound)
    assert await bound.deliver() == "done"
    assert await holding(bound) == ("held", WALLET)


async def test_a_soulbound_ticket_refunded_before_its_claim_never_gets_a_token(bound: Claims) -> None:
    """Nothing is to be burnt, and a late delivery makes nothing."""
    await bound.claim()
    assert await bound.refund() == "never made"
    assert await bound.deliver() == "lapsed"
    assert bound.chain.landings.total() == 0


async def test_a_soulbound_token_is_burnt_by_a_refund(bound: Claims) -> None:
    """The permanent delegate cannot move it, but burn it."""
    await bound.claim()
    await bound.deliver()
    assert await bound.refund() == "burnt"
    assert bound.chain.supplies().total() == 0


async def test_a_soulbound_ticket_refunded_while_it_is_signed_lapses(
    bound: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision that would store the mint's bytes refuses a void ticket."""
    await bound.claim()
    sign = FakeTokenChain.sign

    async def void_first(chain: FakeTokenChain, *args: object, **more: object) -> SignedTransaction:
        signed = await sign(chain, *args, **more)  # type: ignore[arg-type]
        await bound.shop.store.commit(
            lambda uow: uow.get(Ticket, bound.ticket_id).give_back(uow.at, even_redeemed=True)
        )
        return signed

    monkeypatch.setattr(FakeTokenChain, "sign", void_first)
    assert await bound.deliver() == "lapsed"
    assert bound.chain.landings.total() == 0


@pytest.fixture
async def leaf() -> Claims:
    return await Claims().sell(minting="on_claim")


async def test_a_claim_delivered_before_a_restore_is_delivered(leaf: Claims) -> None:
    """The token is in its wallet already: the claim adopts it and ends the leaf."""
    await leaf.claim()
    position = len(leaf.shop.store.log)
    await leaf.deliver()
    leaf.shop.store.forget(position)
    assert (await leaf.ticket()).is_leaf
    assert await leaf.deliver() == "done"
    assert (leaf.brought(), await holding(leaf), (await leaf.ticket()).is_leaf) == (1, ("held", WALLET), False)


async def test_a_token_that_another_wallet_got_before_a_restore_is_not_adopted(leaf: Claims) -> None:
    """The claim waits for an operator, and the ticket stays the leaf that it was."""
    position = len(leaf.shop.store.log)
    await leaf.claim()
    await leaf.deliver()
    leaf.shop.store.forget(position)
    await leaf.claim(BOB)
    with pytest.raises(WrongState, match="owner_address"):
        await leaf.deliver()
    ticket = await leaf.ticket()
    assert (ticket.claim, ticket.is_leaf, ticket.signed) == ("requested", True, None)
