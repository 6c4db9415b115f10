"""One Solana node: its pace per method, its circuit breaker, its chain, and its health."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from solders.rpc.requests import GetGenesisHash, GetMultipleAccounts, GetSignatureStatuses
from solders.rpc.responses import GetGenesisHashResp

from adapters.solana.rpc.answers import BadAnswerError, HttpAnswer, LimitedError, RefusedError, parse
from adapters.solana.rpc.pace import Pace
from domain.core.transient import TransientError

log = logging.getLogger("solana")
JSON = {"Content-Type": "application/json"}
SEND = "sendTransaction"
CHECK = "getGenesisHash"
FAILURES_MAX = 3  # failures in a row that open the circuit
OPEN_SECONDS = 1.0
OPEN_SECONDS_MAX = 16.0

PinChain = Callable[[str], Awaitable[str]]
"""Pin the genesis hash of the deployment's chain, unless one is pinned; return the pinned one."""


Observe = Callable[["NodeHealth"], None]
"""Is told the health of a node after each call."""


class WrongChainError(RuntimeError):
    """The configured node belongs to another chain than the one that this database's tokens are on."""


@dataclass(frozen=True)
class NodeConfig:
    """A node's URL and its weight: its share of the calls beside the other nodes."""

    url: str
    weight: int = 1


@dataclass(frozen=True)
class NodeLimits:
    """The most calls a second of each method at each node, and sends; and the seconds that a call may take."""

    calls_per_second: float = 4.0
    sends_per_second: float = 1.0
    timeout_seconds: float = 10.0


@dataclass
class NodeHealth:
    """A node as operators see it; `name` is its host, without path, query and password."""

    name: str
    calls: int = 0
    failures: int = 0
    limited: int = 0
    trouble: str = ""


class Node:
    """Calls one node in turn. Its circuit opens after failures in a row; then one call at a time tries it again."""

    def __init__(self, config: NodeConfig, limits: NodeLimits, pin: PinChain, observe: Observe) -> None:
        self.weight = config.weight
        split = urlsplit(config.url)
        self.health = NodeHealth(split.netloc.rpartition("@")[2])
        self.is_of_wrong_chain = False
        self._url = config.url
        self._limits = limits
        self._pin = pin
        self._observe = observe
        self._paces: dict[str, Pace] = {}
        self._session: aiohttp.ClientSession | None = None
        self._checking = asyncio.Lock()
        self._is_checked = False
        self._failures = 0
        self._open_until = 0.0

    def wait(self, method: str) -> float | None:
        """Return the seconds until a call of the method may be made; None while the circuit is open."""
        return None if now() < self._open_until else self._pace(method).wait()

    def opens_in(self) -> float:
        """Return the seconds until an open circuit lets a call through."""
        return max(0.0, self._open_until - now())

    def take(self, method: str) -> float:
        """Take the next turn of a method; return the seconds until it."""
        if self._failures >= FAILURES_MAX:
            # This call is the trial: others wait for its outcome.
            self._open_until = now() + self._limits.timeout_seconds
        return self._pace(method).take()

    async def call(self, body: Any, parser: Any) -> Any:
        """Make a call whose turn has come; the first one checks the node's chain."""
        method = method_of(body)
        if not self._is_checked:
            await self._check_chain()
        return await self._call(method, body, parser)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _check_chain(self) -> None:
        """Compare the node's genesis hash with the pinned one; raise WrongChainError when they differ."""
        failures = self.health.failures
        async with self._checking:
            if self._is_checked:
                return
            if self.health.failures > failures:  # the check that this call waited for has failed: one is enough
                raise BadAnswerError(self.health.trouble)
            try:
                found = await self._call(CHECK, GetGenesisHash(), GetGenesisHashResp)
            except RefusedError as refused:
                # An error of this call must not be taken for one of the call that waits for it.
                raise BadAnswerError(f"the Solana node's chain could not be checked: {refused}") from None
            genesis = str(found.value)
            pinned = await self._pin(genesis)
            if genesis != pinned:
                self.is_of_wrong_chain, self._failures = True, FAILURES_MAX
                self._open(OPEN_SECONDS_MAX)
                self.health.trouble = f"another chain: its genesis is {genesis}, ours is {pinned}"
                raise WrongChainError(f"the Solana node {self.health.name} is of {self.health.trouble}")
            self._is_checked, self.is_of_wrong_chain = True, False

    async def _call(self, method: str, body: Any, parser: Any) -> Any:
        before = self.health.trouble
        try:
            return await self._try(method, body, parser)
        finally:
            if self.health.trouble != before:
                log.warning("Solana node %s: %s", self.health.name, self.health.trouble or "well again")
            self._observe(self.health)

    async def _try(self, method: str, body: Any, parser: Any) -> Any:
        unknown = method == SEND
        self.health.calls += 1
        try:
            parsed = parse(await self._post(body, unknown=unknown), parser, length=length_of(body), unknown=unknown)
        except LimitedError as limited:
            self.health.limited += 1
            self._pace(method).pause(limited.seconds)
            self._succeed(method)
            raise
        except RefusedError as refused:
            self._succeed(method)
            self.health.trouble = str(refused) if refused.is_behind else ""
            raise
        except TransientError as ill:
            self._fail(str(ill))
            raise
        self._succeed(method)
        return parsed

    async def _post(self, body: Any, *, unknown: bool) -> HttpAnswer:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(self._limits.timeout_seconds))
        text = body.to_json().encode()
        try:
            # A redirect would repeat the call as a GET somewhere else.
            async with self._session.post(self._url, data=text, headers=JSON, allow_redirects=False) as answer:
                return HttpAnswer(answer.status, answer.headers, await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            kind = type(error).__name__
            raise BadAnswerError(f"the Solana node is unreachable: {kind}", unknown=unknown) from None

    def _fail(self, trouble: str) -> None:
        self.health.failures += 1
        self.health.trouble = trouble
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            self._is_checked = False  # another machine may answer at this address afterwards
            self._open(min(OPEN_SECONDS_MAX, OPEN_SECONDS * 2 ** (self._failures - FAILURES_MAX)))

    def _open(self, seconds: float) -> None:
        self._open_until = now() + seconds

    def _succeed(self, method: str) -> None:
        """Close the circuit; the check of the chain leaves it to the call that waits for the check."""
        if method != CHECK or self._failures < FAILURES_MAX:
            self._failures, self._open_until, self.health.trouble = 0, 0.0, ""

    def _pace(self, method: str) -> Pace:
        if method not in self._paces:
            rate = self._limits.sends_per_second if method == SEND else self._limits.calls_per_second
            self._paces[method] = Pace(rate, now)
        return self._paces[method]


def method_of(body: Any) -> str:
    """Return the name of a request's RPC method."""
    name = type(body).__name__
    return SEND if name == "SendRawTransaction" else name[0].lower() + name[1:]


def length_of(body: Any) -> int | None:
    """Return the number of values that a request asks for; None when it asks for no list."""
    if isinstance(body, GetMultipleAccounts):
        return len(body.accounts)
    return len(body.signatures) if isinstance(body, GetSignatureStatuses) else None


def now() -> float:
    """Return the time of the running loop."""
    return asyncio.get_running_loop().time()
