"""The guarded signer: signatures of our keys, a budget a minute, an alarm for every refusal."""

from collections.abc import Sequence

import pytest
from solders.message import MessageV0
from solders.signature import Signature

from adapters.solana import instructions as make
from adapters.solana.signer.guard import GuardedSigner
from adapters.solana.signer.keys import KeyAddresses, LocalSigner, Signer, SignerKeyMissingError, addresses_of
from adapters.solana.signer.policy import SigningLimits, SigningRefusedError
from domain.core.transient import TransientError
from tests.adapters.solana.signer.messages import HOLDER, KEYS, MESSAGES, MINT, OURS, PAYER, STRANGER, compiled


class Guarded:
    """A guard with a clock that is moved by hand, and the alarms that it raised."""

    def __init__(self, per_minute: int = 600, signer: Signer | None = None, keys: KeyAddresses = KEYS) -> None:
        self.time = 0.0
        self.alarms: list[str] = []
        limits = SigningLimits(per_minute=per_minute)
        self.guard = GuardedSigner(keys, signer or LocalSigner(OURS), lambda: self.time, limits, self.alarms.append)


@pytest.mark.parametrize("name", sorted(MESSAGES))
async def test_each_message_gets_the_signatures_of_its_keys(name: str) -> None:
    """All of them verify, and the payer's comes first."""
    transaction = await Guarded().guard.sign(MESSAGES[name]())
    assert all(transaction.verify_with_results())
    assert transaction.message.account_keys[0] == PAYER.pubkey()


async def test_a_refused_message_is_an_alarm_and_reaches_no_key(caplog: pytest.LogCaptureFixture) -> None:
    """The signer, which may be a service, never sees it."""

    class NeverAsked:
        async def sign(self, message: MessageV0) -> Sequence[Signature]:
            raise AssertionError(message)

    guarded = Guarded(signer=NeverAsked())
    with pytest.raises(SigningRefusedError):
        await guarded.guard.sign(compiled(make.burn_one(MINT, HOLDER, KEYS.issuer)))
    assert guarded.alarms == ["policy"]
    assert "ALARM: nothing was signed (policy)" in caplog.text


async def test_the_budget_of_a_minute_is_spent_once(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond it there is one alarm, however many wait, and a pause until the first signature is a minute old."""
    guarded = Guarded(per_minute=2)
    for guarded.time in (0.0, 20.0):
        await guarded.guard.sign(MESSAGES["burn"]())
    guarded.time = 50.0
    for _ in range(3):
        with pytest.raises(TransientError, match="budget of 2 signatures") as raised:
            await guarded.guard.sign(MESSAGES["burn"]())
    assert raised.value.pause is not None
    assert raised.value.pause.total_seconds() == 10
    assert (guarded.alarms, caplog.text.count("ALARM")) == (["budget"], 1)
    guarded.time = 60.0
    await guarded.guard.sign(MESSAGES["burn"]())


async def test_a_refused_message_costs_no_budget() -> None:
    """Nobody can use up the budget by asking for what is never signed."""
    guarded = Guarded(per_minute=1)
    for _ in range(3):
        with pytest.raises(SigningRefusedError):
            await guarded.guard.sign(compiled(make.burn_one(MINT, HOLDER, STRANGER)))
    await guarded.guard.sign(MESSAGES["burn"]())


@pytest.mark.parametrize("answer", [[], [Signature.default()] * 2, [Signature.default()]])
async def test_a_wrong_answer_of_a_signer_is_an_alarm(answer: list[Signature]) -> None:
    """A service that signs something else, or too little, is not believed."""

    class Wrong:
        async def sign(self, message: MessageV0) -> Sequence[Signature]:
            del message
            return answer

    guarded = Guarded(signer=Wrong())
    with pytest.raises(SigningRefusedError, match="missing or a wrong signature"):
        await guarded.guard.sign(MESSAGES["burn"]())
    assert guarded.alarms == ["signer"]


async def test_a_key_that_is_not_here_is_named() -> None:
    """Custody may be a key that no process of ours has."""
    with pytest.raises(SignerKeyMissingError, match=str(KEYS.delegate)):
        await Guarded(signer=LocalSigner([PAYER])).guard.sign(MESSAGES["burn"]())


def test_a_role_without_a_key_has_the_issuers() -> None:
    """In development one key has every role; a given address comes before the seed's."""
    one = addresses_of({"issuer": "01" * 32}, {})
    assert one == KeyAddresses.of({"issuer": str(PAYER.pubkey())})
    assert one.all() == {PAYER.pubkey()}
    apart = addresses_of({"issuer": "01" * 32, "payer": "02" * 32}, {"custody": str(STRANGER)}, ["03" * 32])
    assert (apart.payer, apart.custody, apart.delegate) == (OURS[1].pubkey(), STRANGER, PAYER.pubkey())
    assert apart.retired == {OURS[2].pubkey()}
