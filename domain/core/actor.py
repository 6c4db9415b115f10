"""The actor of a decision: whose data it may touch, and the name that its events carry.

An actor is ambient: the door sets it once for a request, and everything that is decided for that request is decided on
its behalf. A handler can neither forget to pass it on nor name another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Actor(NamedTuple):
    """On whose behalf something is decided or read; `tenant_id` and `venue_id` bound what exists for it.

    Without a `tenant_id` nothing is bounded: the id that it asks for was authorised by itself.
    """

    name: str
    tenant_id: str = ""
    venue_id: str = ""

    def may_see(self, tenant_id: str | None, venue_id: str | None) -> bool:
        """Return whether something of this tenant and venue exists for the actor; None is of no tenant or venue."""
        if self.tenant_id and tenant_id is not None and tenant_id != self.tenant_id:
            return False
        return not (self.venue_id and venue_id is not None and venue_id != self.venue_id)


def operator_actor(login: str) -> Actor:
    """Return the actor of an operator who acts on a workflow: Temporal's access rules have let it."""
    return Actor(f"operator/{login}")


_ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)


def present_actor() -> Actor | None:
    """Return the actor of this context; None is the system itself, which is bounded by nothing."""
    return _ACTOR.get()


@contextmanager
def acting_as(actor: Actor | None) -> Iterator[None]:
    """Act on somebody's behalf within the block."""
    token = _ACTOR.set(actor)
    try:
        yield
    finally:
        _ACTOR.reset(token)
