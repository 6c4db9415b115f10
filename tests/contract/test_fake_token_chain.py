"""The failure switches of the fake chain."""

import pytest

from domain.core.transient import TransientError
from domain.tickets.token import TokenSpec
from tests.fakes.token_chain import FakeTokenChain

_VENUE = TokenSpec(kind="venue", subject_id="v1", name="The Hall", symbol="HALL", uri="ipfs://venue", max_size=5)


async def test_a_failure_before_has_no_effect() -> None:
    """The send fails, nothing has landed, and the repeat lands."""
    chain = FakeTokenChain()
    signed = await chain.sign(_VENUE)
    chain.fail_before("send")
    with pytest.raises(TransientError) as caught:
        await chain.send(signed)
    assert not caught.value.unknown
    assert chain.landings[signed.mint_address] == 0
    await chain.send(signed)
    assert chain.landings[signed.mint_address] == 1


async def test_a_failure_after_leaves_the_effect() -> None:
    """The send has landed although it raised."""
    chain = FakeTokenChain()
    signed = await chain.sign(_VENUE)
    chain.fail_after("send", times=2)
    for _ in range(2):
        with pytest.raises(TransientError) as caught:
            await chain.send(signed)
        assert caught.value.unknown
    assert chain.landings[signed.mint_address] == 1


async def test_a_dropped_send_never_lands_by_itself() -> None:
    """The send is accepted and its fate stays unknown until the bytes are sent again."""
    chain = FakeTokenChain()
    signed = await chain.sign(_VENUE)
    chain.drop_sends()
    await chain.send(signed)
    assert await chain.fate(signed.signature) == "unknown"
    await chain.send(signed)
    assert await chain.fate(signed.signature) == "confirmed"


async def test_a_poor_payer_cannot_sign() -> None:
    """Signing fails with the missing amount, until the payer is funded."""
    chain = FakeTokenChain()
    chain.lack_lamports(7)
    with pytest.raises(TransientError, match="lacks 7 lamports"):
        await chain.sign(_VENUE)
    chain.lack_lamports(0)
    assert await chain.sign(_VENUE)


async def test_a_spoilt_mint_has_problems() -> None:
    """A spoilt mint is reported at the next read."""
    chain = FakeTokenChain()
    signed = await chain.sign(_VENUE)
    await chain.send(signed)
    chain.spoil(signed.mint_address, "supply is 2")
    state = await chain.read_token(signed.mint_address, _VENUE)
    assert state is not None
    assert state.problems == ("supply is 2",)
