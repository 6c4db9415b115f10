"""One call of the API as the endpoints see it."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from devstack.stripe.errors import Json, missing
from devstack.stripe.store import Store

LIST_COMMON = frozenset({"limit", "starting_after", "ending_before", "created"})


@dataclass(frozen=True)
class Call:
    """The store, the parameters without `expand`, the ids of the path and who asks (request id, idempotency key)."""

    store: Store
    params: Json
    ids: tuple[str, ...] = ()
    account: str = ""
    public: bool = False
    origin: tuple[str | None, str | None] = (None, None)
    now: int = field(default_factory=lambda: int(time.time()))

    @property
    def subject(self) -> str:
        """The id in the path."""
        return self.ids[0]

    def own(self, kind: str, object_id: str, param: str = "id") -> Json:
        """Return an object of whoever asks, the platform or a connected account; another's does not exist for it."""
        body = self.store.get(kind, object_id, param)
        if body.get("_account", "") != self.account:
            raise missing(kind, object_id, param)
        return body


@dataclass(frozen=True)
class Endpoint:
    """A method and a path (with `*` for an id), what answers it, and the parameters that it takes."""

    method: str
    path: str
    answer: Callable[[Call], Json]
    takes: frozenset[str] = frozenset()
    open_to_browsers: bool = False
    open_to_accounts: bool = False


class Routes:
    """Finds the endpoint for a method and a path."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._patterns = [(re.compile(one.path.replace("*", "([^/]+)")), one) for one in endpoints]

    def find(self, method: str, path: str) -> tuple[Endpoint, tuple[str, ...]] | None:
        """Return the endpoint and the ids in the path."""
        for pattern, endpoint in self._patterns:
            found = pattern.fullmatch(path)
            if found and endpoint.method == method:
                return endpoint, found.groups()
        return None


def emptied(body: Json, *names: str) -> Json:
    """Return a copy without some keys."""
    return {name: value for name, value in body.items() if name not in names}


def shown(value: Any) -> Any:
    """Return a value without the keys that begin with an underscore: those are the emulator's own."""
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items() if not name.startswith("_")}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value
