"""A call of the API as its endpoint receives it, and the endpoint itself."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from devstack.stripe.core.errors import Json, not_found
from devstack.stripe.core.store import Store

PLATFORM = "platform"
LIST_COMMON = frozenset({"limit", "starting_after", "ending_before", "created"})
# Stripe leaves these out of an object where other fields would be null.
_ABSENT_IF_NONE = {"refund": ("failure_reason", "next_action", "pending_reason")}


@dataclass(frozen=True)
class Call:
    """Store, parameters without `expand`, ids of the path, and origin (request id, idempotency key)."""

    store: Store
    params: Json
    ids: tuple[str, ...] = ()
    account: str = ""
    public: bool = False
    origin: tuple[str | None, str | None] = (None, None)
    now: int = field(default_factory=lambda: int(time.time()))

    @property
    def subject(self) -> str:
        """The first id in the path."""
        return self.ids[0]

    def own(self, kind: str, object_id: str, param: str = "id") -> Json:
        """Return an object of the caller (platform or connected account); other accounts' objects are not found."""
        body = self.store.get(kind, object_id, param)
        if body.get("_account", "") != self.account:
            raise not_found(kind, object_id, param)
        return body


@dataclass(frozen=True)
class Endpoint:
    """A method and a path (with `*` for an id), its function, and the parameters that it takes."""

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


def named_account(call: Call) -> str:
    """Return the account in a switch's path; the platform's is empty."""
    return "" if call.subject == PLATFORM else str(call.store.get("account", call.subject)["id"])


def without_keys(body: Json, *names: str) -> Json:
    """Return a copy without some keys."""
    return {name: value for name, value in body.items() if name not in names}


def public_view(value: Any) -> Any:
    """Return a value as Stripe shows it: without the emulator's own keys, which begin with an underscore."""
    if isinstance(value, dict):
        absent = _ABSENT_IF_NONE.get(str(value.get("object")), ())
        shown = {name: item for name, item in value.items() if item is not None or name not in absent}
        return {name: public_view(item) for name, item in shown.items() if not name.startswith("_")}
    if isinstance(value, list):
        return [public_view(item) for item in value]
    return value
