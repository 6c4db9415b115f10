"""Limits on requests per minute: of a key, of an address, and apart from both of health probes and webhooks."""

import time
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from math import ceil

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.limits.declared import LimitTable
from api.http.problems import RATE_LIMITED, Problem, answer, unavailable
from api.ports import RateCheck, RateClass
from domain.core.transient import TransientError

PREFIX_BITS = 64  # of an IPv6 network that is given to one subscriber
NOWHERE = "unknown"
ADDRESSES_MAX = 4096
COUNTED_BY_KEY: RateClass = "api"  # where the guard counts a request with a key


@dataclass(frozen=True)
class Rates:
    """Requests per minute: of one key and of one address on the API, of one address on health pages and webhooks."""

    subject: int = 6_000
    address: int = 600
    health: int = 600
    webhook: int = 6_000


class RateLimits:
    """Counts requests in windows of one minute; the storage decides whether processes share the counts."""

    def __init__(self, storage: Storage, rates: Rates) -> None:
        self._limiter = FixedWindowRateLimiter(storage)
        self._of_subject = RateLimitItemPerMinute(rates.subject, namespace="subject")
        self._of_address: dict[RateClass, RateLimitItem] = {
            "api": RateLimitItemPerMinute(rates.address, namespace="address"),
            "health": RateLimitItemPerMinute(rates.health, namespace="health"),
            "webhook": RateLimitItemPerMinute(rates.webhook, namespace="webhook"),
        }

    async def check(self, subject: str | None, address: str | None, rate_class: RateClass = "api") -> None:
        """Count a request of a subject, of an address, or of both; raise the problem 429 beyond a limit."""
        if address is not None:
            await self._hit(self._of_address[rate_class], address)
        if subject is not None:
            await self._hit(self._of_subject, subject)

    async def _hit(self, limit: RateLimitItem, whose: str) -> None:
        if await self._limiter.hit(limit, whose):
            return
        window = await self._limiter.get_window_stats(limit, whose)
        seconds = max(1, ceil(window.reset_time - time.time()))
        raise Problem(
            RATE_LIMITED,
            f"more than {limit.amount} requests within a minute; retry after {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


class LimitedAddress:
    """Counts every request without a key by the address that it comes from, before anything else looks at it.

    A route that declares no class passes. A request with a key is counted by the guard, once it knows whose key it is:
    a shop's server is one address for all of its buyers.
    """

    def __init__(self, app: ASGIApp, limits: LimitTable, check: RateCheck) -> None:
        self._app = app
        self._limits = limits
        self._check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        rate = self._limits.of(scope).rate if scope["type"] == "http" else None
        if rate is None or (rate == COUNTED_BY_KEY and any(name == b"authorization" for name, _ in scope["headers"])):
            await self._app(scope, receive, send)
            return
        try:
            await self._check(None, address_of(scope), rate)
        except Problem as problem:
            await answer(problem)(scope, receive, send)
        except TransientError as error:
            await answer(unavailable(error))(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def address_of(scope: Scope) -> str:
    """Return the client's address; of an IPv6 address its network, because a client has all addresses of one."""
    client = scope.get("client")
    return _network_of(client[0]) if client else NOWHERE


@lru_cache(maxsize=ADDRESSES_MAX)
def _network_of(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return NOWHERE  # a Unix socket, or a proxy that does not forward an address
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> PREFIX_BITS << PREFIX_BITS)}/{PREFIX_BITS}"
    return str(address)
