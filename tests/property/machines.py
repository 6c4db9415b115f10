"""What the state machines share: an act, its repetition, and the fold of what was recorded."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from domain.core.aggregate import Aggregate
from domain.core.errors import Refusal
from tests.fakes.samples import events_of, folded, state_of, through_json

T = TypeVar("T")


class Machine(RuleBasedStateMachine):
    """One aggregate, `subject`, beside a model of a few lines."""

    subject: Aggregate

    def refusal_of(self, act: Callable[[], object]) -> type[Refusal] | None:
        """Act, and act again: the repetition records nothing. Return the first answer's refusal, or None."""
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
    """Return the kind of refusal that an act meets, or None."""
    try:
        act()
    except Refusal as refusal:
        return type(refusal)
    return None


def done(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as finished:
        answer: T = finished.value
        return answer
    raise AssertionError("it waits")
