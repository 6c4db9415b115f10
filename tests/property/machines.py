"""Base of the state machines: run a command, repeat it, and fold the recorded events."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from domain.core.aggregate import Aggregate
from domain.core.errors import Refusal
from tests.fakes.samples import events_of, folded, state_of, through_json

T = TypeVar("T")


class Machine(RuleBasedStateMachine):
    """An aggregate, `subject`, compared with a small model."""

    subject: Aggregate

    def refusal_of(self, act: Callable[[], object]) -> type[Refusal] | None:
        """Run a command twice; assert that the repetition records nothing. Return the first refusal's type, or None."""
        refusal = refusal_in(act)
        events = len(events_of(self.subject))
        again = refusal_in(act)
        assert len(events_of(self.subject)) == events
        assert again is None or again is refusal
        return refusal

    def teardown(self) -> None:
        if hasattr(self, "subject"):
            events = through_json(events_of(self.subject))
            assert state_of(folded(events)) == state_of(self.subject)


def refusal_in(act: Callable[[], object]) -> type[Refusal] | None:
    """Return the type of the refusal that a command raises, or None."""
    try:
        act()
    except Refusal as refusal:
        return type(refusal)
    return None


def done(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    try:
        work.send(None)
    except StopIteration as finished:
        answer: T = finished.value
        return answer
    raise AssertionError("the coroutine suspended")
