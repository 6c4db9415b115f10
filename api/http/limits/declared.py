"""Limits of a route: declared at its endpoint, collected into one table, and found there before a request is read."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, compile_path
from starlette.types import Scope

from api.ports import RateClass
from api.terms import Limits

DECLARED_LIMITS = "__limits__"
FOUND = "boxoffice.limits"
READS = frozenset({"GET", "HEAD"})
BodyClass = Literal["request", "webhook"]
E = TypeVar("E", bound=Callable[..., Any])


@dataclass(frozen=True)
class RouteLimits:
    """The limits of a route: the class of its bodies, the class by which its requests are counted, the time of a read.

    With the class None a request is not counted. A read has at most the deployment's time, `seconds` or not.
    """

    body: BodyClass = "request"
    rate: RateClass | None = "api"
    seconds: float | None = None


@dataclass(frozen=True)
class Effective:
    """The limits of a request, in figures; without `seconds` it is not cut off."""

    bytes_max: int
    rate: RateClass | None
    seconds: float | None


DEFAULT = RouteLimits()


def limited(
    *, body: BodyClass = DEFAULT.body, rate: RateClass | None = DEFAULT.rate, seconds: float | None = DEFAULT.seconds
) -> Callable[[E], E]:
    """Declare the limits of an endpoint; one without this has the defaults."""

    def declare(endpoint: E) -> E:
        setattr(endpoint, DECLARED_LIMITS, RouteLimits(body, rate, seconds))
        return endpoint

    return declare


def limits_of(endpoint: Callable[..., Any]) -> RouteLimits:
    """Return the limits that an endpoint declares."""
    found: RouteLimits = getattr(endpoint, DECLARED_LIMITS, DEFAULT)
    return found


def declarations(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Yield method, path and endpoint of every route, in the order in which they are matched."""
    for context in iter_route_contexts(routes):
        if context.path is not None and context.endpoint is not None:
            yield from ((method, context.path, context.endpoint) for method in sorted(context.methods or ()))


@cache
def pattern_of(path: str) -> re.Pattern[str]:
    """Return the pattern of a route's path, compiled once per process."""
    return compile_path(path)[0]


class LimitTable:
    """The effective limits of every route, by method and path. A path without a route has the defaults."""

    def __init__(self, routes: Sequence[BaseRoute], limits: Limits) -> None:
        """Collect the limits of all routes, in the figures of a deployment."""
        self._limits = limits
        self._routes: dict[str, list[tuple[re.Pattern[str], Effective]]] = defaultdict(list)
        self._known: dict[tuple[str, str], Effective | None] = {}  # of paths without parameters, found when asked for
        for method, path, endpoint in declarations(routes):
            if "{" not in path:
                self._known[method, path] = None
            self._routes[method].append((pattern_of(path), self._effective(limits_of(endpoint), method)))

    def of(self, scope: Scope) -> Effective:
        """Return the limits of a request; found once, for all layers that ask."""
        found: Effective | None = scope.get(FOUND)
        if found is None:
            asked = method, path = scope["method"], scope["path"]
            found = scope[FOUND] = self._known.get(asked) or self._search(method, path)
            if asked in self._known:
                self._known[asked] = found
        return found

    def _search(self, method: str, path: str) -> Effective:
        for pattern, effective in self._routes["GET" if method == "HEAD" else method]:
            if pattern.match(path):
                return effective
        return self._effective(DEFAULT, method)

    def _effective(self, declared: RouteLimits, method: str) -> Effective:
        """Return the declared limits in figures. Only a read is cut off: a change ends its own waits.

        A change says by its answer whether something may have happened.
        """
        body = self._limits.body
        bytes_max = body.webhook_bytes_max if declared.body == "webhook" else body.bytes_max
        seconds = min(declared.seconds or self._limits.read_seconds, self._limits.read_seconds)
        return Effective(bytes_max, declared.rate, seconds if method in READS else None)
