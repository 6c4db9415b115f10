"""Idempotency keys after stored server errors: a look before each next key, growing pauses, and no last key."""

from datetime import timedelta

import pytest

from adapters.stripe import idempotency
from adapters.stripe.errors import ServerError, StoredServerError
from adapters.stripe.idempotency import PAUSE_MAX, StuckKeys, pause_before, write_under_keys
from domain.core.transient import TransientError


class Stripe:
    """Answers 500 while it is broken, and stores each under its key; `log` has every key and look."""

    def __init__(self) -> None:
        self.broken = True
        self.stored: set[str] = set()
        self.log: list[str] = []
        self.done: str | None = None

    async def call(self, key: str) -> str:
        self.log.append(key)
        if key in self.stored:
            raise StoredServerError("stored", unknown=True)
        if self.broken:
            self.stored.add(key)
            raise ServerError("fresh", unknown=True)
        return "made"

    async def find(self) -> str | None:
        self.log.append("look")
        return self.done


async def tried(stripe: Stripe, stuck: StuckKeys, times: int) -> list[timedelta | None]:
    """Return the pauses that failed tries ask for."""
    pauses = []
    for _ in range(times):
        with pytest.raises(TransientError) as caught:
            await write_under_keys(stuck, stripe.call, "k", stripe.find)
        assert caught.value.unknown
        pauses.append(caught.value.pause)
    return pauses


async def test_each_next_key_follows_a_look_and_a_longer_pause() -> None:
    """The first key is retried at the caller's pace; the 20th key works as the first one."""
    stripe, stuck = Stripe(), StuckKeys()
    pauses = await tried(stripe, stuck, 20)
    assert pauses[:5] == [None, *(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8))]
    assert pauses[-1] == PAUSE_MAX == timedelta(hours=1)
    assert stripe.log[:7] == ["k", "k", "look", "k:2", "look", "k:2", "k:3"]
    stripe.broken = False
    assert await write_under_keys(stuck, stripe.call, "k", stripe.find) == "made"
    assert stripe.log[-1] == "k:21"


async def test_thirty_hours_of_stored_errors_use_few_keys() -> None:
    """Pauses grow to an hour, so that the number of keys is about the hours and ten."""
    number, passed = 1, timedelta()
    while passed < timedelta(hours=30):
        number += 1
        passed += pause_before(number) or timedelta(seconds=1)
    assert number < 30 + 15


async def test_a_new_process_asks_stripe_which_keys_are_stuck() -> None:
    """The keys' answers are stored at Stripe: none of them has an effect again, and one look is made."""
    stripe = Stripe()
    await tried(stripe, StuckKeys(), 4)
    assert stripe.stored == {"k", "k:2", "k:3", "k:4"}
    stripe.log.clear()
    await tried(stripe, StuckKeys(), 1)
    assert stripe.log == ["k", "look", "k:2", "k:3", "k:4", "k:5"]


async def test_what_the_failed_call_did_is_found() -> None:
    """A 500 may have had its effect: no next key is used."""
    stripe, stuck = Stripe(), StuckKeys()
    await tried(stripe, stuck, 1)
    stripe.broken, stripe.done = False, "made before"
    assert await write_under_keys(stuck, stripe.call, "k", stripe.find) == "made before"
    assert stripe.log == ["k", "k", "look"]


async def test_an_effect_that_stripe_could_make_twice_is_looked_for_first() -> None:
    """Stripe forgets a key after a day: the first key may be a new one again."""
    stripe = Stripe()
    stripe.done = "made before"
    assert await write_under_keys(StuckKeys(), stripe.call, "k", stripe.find, looks_first=True) == "made before"
    assert stripe.log == ["look"]


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest call is forgotten."""
    monkeypatch.setattr(idempotency, "CALLS_MAX", 2)
    stuck = StuckKeys()
    for key in ("a", "b", "c"):
        stuck.add(key)
    assert [stuck.of(key) for key in ("a", "b", "c")] == [0, 1, 1]
