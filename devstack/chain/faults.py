"""Fault switches of the dev chain, for tests."""

from collections import deque
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from devstack.chain.executor import LAG_SLOTS_MAX

SEND = "sendTransaction"
# What a node, or the balancer before it, may say instead of a good answer: status and body.
ODD = (
    (200, '{"jsonrpc":"2.0","id":0,"result":null}'),
    (200, '{"jsonrpc":"2.0","id":0,"result":{"context":{"slot":1},"value":[]}}'),
    (200, '{"jsonrpc":"2.0","id":0,"result":7}'),
    (200, '{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"Node is unhealthy"}}'),
    (200, '{"jsonrpc":"2.0","id":0,"error":{"code":429,"message":"Too many requests"}}'),
    (200, '{"jsonrpc":"2.0","id":0,"error":"internal error"}'),
    (200, '{"jsonrpc":"2.0","id":0,"res'),
    (200, ""),
    (502, "<html><h1>502 Bad Gateway</h1></html>"),
)
_INDEXES = frozenset({"getTokenLargestAccounts", "getProgramAccounts"})


class Faults(BaseModel):
    """The switches: counts of next calls that go wrong, lag and limits of the node, and what takes effect at once.

    `jump_slots`, `skip_slots` and `fork_slots` take effect at once and are not kept.
    """

    model_config = ConfigDict(extra="forbid")

    drop_sends: NonNegativeInt = 0
    lose_answers: NonNegativeInt = 0
    reject_sends: NonNegativeInt = 0
    odd_answers: NonNegativeInt = 0
    jump_slots: NonNegativeInt = 0
    skip_slots: NonNegativeInt = 0
    fork_slots: NonNegativeInt = 0
    lag_slots: int = Field(0, ge=0, le=LAG_SLOTS_MAX)
    lag_methods: frozenset[str] = frozenset()
    calls_per_second: NonNegativeInt = 0
    sends_per_second: NonNegativeInt = 0
    pause_seconds: NonNegativeFloat = 0
    refuse_indexes: bool = False

    def take(self, name: str) -> bool:
        """Consume one fault of this name; return whether one was set."""
        left: int = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return left > 0

    def odd_answer(self) -> tuple[int, str] | None:
        """Consume one odd answer, each kind in turn; None when none is set."""
        left = self.odd_answers
        return ODD[left % len(ODD)] if self.take("odd_answers") else None

    def lag_of(self, method: str) -> int:
        """Return the slots that the node is behind which answers a method; a send reaches the leader all the same."""
        lags = method != SEND and (not self.lag_methods or method in self.lag_methods)
        return self.lag_slots if lags else 0

    def refuses(self, method: str) -> bool:
        """Return whether the node has no index for a method."""
        return self.refuse_indexes and method in _INDEXES


class Limiter:
    """Refuses the calls of a method that are too many in a second; a refused call counts, and prolongs the pause."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._calls: dict[str, deque[float]] = {}
        self._paused_until: dict[str, float] = {}

    def refuses(self, method: str, faults: Faults) -> bool:
        """Count a call; return whether it is refused."""
        most = faults.sends_per_second if method == SEND else faults.calls_per_second
        if not most:
            return False
        now, calls = self._now(), self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - 1:
            calls.popleft()
        refused = len(calls) >= most or now < self._paused_until.get(method, 0.0)
        calls.append(now)
        if refused:
            self._paused_until[method] = now + faults.pause_seconds
        return refused


class AnswerLost(Exception):  # noqa: N818 - the transaction succeeded, only its response is lost
    """The transaction landed, but its sender gets no response."""


class LimitReached(Exception):  # noqa: N818 - an answer of the node
    """The node refuses the call for its limit."""
