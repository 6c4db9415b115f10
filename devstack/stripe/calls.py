"""One call of the API as the endpoints see it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devstack.stripe.errors import Json
from devstack.stripe.store import Store

LIST_COMMON = frozenset({"limit", "starting_after", "ending_before", "created"})


@dataclass(frozen=True)
class Call:
    """The store, the parameters without `expand`, the ids of the path and who asks."""

    store: Store
    params: Json
    ids: tuple[str, ...] = ()
    account: str = ""
    public: bool = False
    now: int = field(default_factory=lambda: int(time.time()))

    @property
    def subject(self) -> str:
        """The id in the path."""
        return self.ids[0]


@dataclass(frozen=True)
class Endpoint:
    """A method and a path (with `*` for an id), what answers it, and the parameters that it takes."""

    method: str
    path: str
    answer: Callable[[Call], Json]
    takes: frozenset[str] = frozenset()
    open_to_browsers: bool = False


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
