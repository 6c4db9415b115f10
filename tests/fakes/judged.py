"""Checks of the invariants at the end of every test that uses a world of fakes.

A test that breaks an invariant on purpose names it: `@pytest.mark.breaks("stock-is-capacity", reason="...")`; exactly
those must be broken. A test that leaves work unfinished is marked `@pytest.mark.leaves_open(reason="...")`: its
history is checked all the same, and the invariants at rest must not hold.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol, TypeVar

import pytest

from domain.invariants.invariant import Findings
from domain.invariants.per_commit import History
from tests.fakes.event_store import FakeEventStore
from tests.fakes.evidence import require_invariants
from tests.fakes.stored import recorded
from tests.fakes.two_states import disagreements


class HasHistory(Protocol):
    """A world over an event store in memory."""

    store: FakeEventStore


class ComesToRest(HasHistory, Protocol):
    """A world in which everything comes to its end."""

    async def check_invariants(self) -> None:
        """Fail unless all work has ended and every invariant holds."""


W = TypeVar("W", bound=HasHistory)
R = TypeVar("R", bound=ComesToRest)


def require_one_state(store: FakeEventStore) -> None:
    """Fail unless each subject was in one state all the time, in its aggregate and in the read models."""
    if found := disagreements(store.log):
        raise AssertionError("\n".join(found))


def require_history(store: FakeEventStore, broken_on_purpose: set[str]) -> None:
    """Fail unless the commits have broken exactly these invariants."""
    findings = Findings()
    history = History(findings)
    history.take(recorded(store.log))
    history.settle()
    if {violation.invariant for violation in findings.violations} != broken_on_purpose:
        require_invariants(findings)
        raise AssertionError(f"the test does not break exactly what it names: {sorted(broken_on_purpose)}")


@contextmanager
def judged(world: W, request: pytest.FixtureRequest) -> Iterator[W]:
    """Yield a world and check its history at the test's end, unless the test has failed."""
    failed = request.session.testsfailed
    yield world
    if request.session.testsfailed == failed:
        on_purpose = request.node.get_closest_marker("breaks")
        require_history(world.store, set(on_purpose.args) if on_purpose else set())
        require_one_state(world.store)


@asynccontextmanager
async def judged_at_rest(world: R, request: pytest.FixtureRequest) -> AsyncIterator[R]:
    """Yield a world and check all invariants at the test's end, unless the test is marked `leaves_open`."""
    failed = request.session.testsfailed
    with judged(world, request):
        yield world
    if request.session.testsfailed != failed:
        return
    open_end = request.node.get_closest_marker("leaves_open")
    if open_end is None:
        await world.check_invariants()
        return
    try:
        await world.check_invariants()
    except AssertionError:
        return
    raise AssertionError(f"the test leaves nothing open, but is marked: {open_end.kwargs['reason']}")
