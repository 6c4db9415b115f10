"""The money sequences as a long run: a life each, judged by `money_life.py`."""

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self, get_args

from hypothesis import strategies as st

from tests.property.money_events import LIVES, TERMS, Event
from tests.property.money_life import run_life
from tests.property.money_model import Terms
from tests.property.money_streets import REFUSED

Life = tuple[tuple[Terms, Terms], list[Event]]
EXCESSES = ("an excess", "an excess of a payment that bought nothing", "an excess while one of ours is to be made")


class MoneyRun:
    """Runs lives, one after another, in one event loop."""

    wanted = frozenset({*(kind.__name__ for kind in get_args(Event)), *EXCESSES, REFUSED})
    shrinks = True
    examples: st.SearchStrategy[Life] = st.tuples(st.tuples(TERMS, TERMS), LIVES)

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, trace: TracebackType | None) -> None:
        self._runner.close()

    def play(self, life: Life) -> Counter[str]:
        """Run a life; return how often it reached what."""
        terms, events = life
        return self._runner.run(run_life(terms, events))
