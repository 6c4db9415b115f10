"""Idempotency keys of calls that change something: a key is used until its answer is known, then the next one."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from adapters.stripe.errors import ServerError, StoredServerError
from domain.core.transient import TransientError

T = TypeVar("T")
Find = Callable[[], Awaitable[T | None]]
FIRST_PAUSE = timedelta(seconds=1)
PAUSE_MAX = timedelta(hours=1)
CALLS_MAX = 1_000


class StuckKeys:
    """How many keys of each call are known to return a stored server error.

    A memory only: a process that has lost it asks Stripe under the first key again, and is told.
    """

    def __init__(self) -> None:
        self._stuck: dict[str, int] = {}

    def of(self, key: str) -> int:
        """Return the number of stuck keys of a call."""
        return self._stuck.get(key, 0)

    def add(self, key: str) -> None:
        """Remember that one more key of a call is stuck; forget the oldest call of too many."""
        self._stuck[key] = self.of(key) + 1
        if len(self._stuck) > CALLS_MAX:
            del self._stuck[next(iter(self._stuck))]

    def forget(self, key: str) -> None:
        """Forget a call that has its answer."""
        self._stuck.pop(key, None)


def pause_before(number: int) -> timedelta | None:
    """Return the pause before a call's key of this number; the second follows at the caller's own pace (None)."""
    doublings = number - 3
    return None if doublings < 0 else min(FIRST_PAUSE * 2 ** min(doublings, 12), PAUSE_MAX)


async def write_under_keys(
    stuck: StuckKeys, call: Callable[[str], Awaitable[T]], key: str, find: Find[T], *, looks_first: bool = False
) -> T:
    """Call under the first key that is not stuck: `key`, then `{key}:2` and so on, without a last one.

    Stripe stores a server error under its key for a day or more, so that a repeat returns it again: only then is the
    next key used, and only after `find` has not found the effect. A server error under a later key asks the caller for
    a growing pause. One call executes at most: the others return what is stored. With `looks_first` no call is made
    without a look, for effects that Stripe would make twice once it has forgotten a key.
    """
    has_looked = False
    while True:
        number = stuck.of(key) + 1
        if (looks_first or number > 1) and not has_looked:
            found, has_looked = await find(), True
            if found is not None:
                stuck.forget(key)
                return found
        try:
            answer = await call(key if number == 1 else f"{key}:{number}")
        except StoredServerError:
            stuck.add(key)
        except ServerError as error:
            raise TransientError(str(error), unknown=True, pause=pause_before(number + 1)) from error
        else:
            stuck.forget(key)
            return answer
