"""The tuned garbage collector runs rarely, but still runs."""

import gc

from adapters.runtime.gc_tuning import NEW_OBJECTS, tune_gc


class Ring:
    """A reference cycle that counts its live instances."""

    alive = 0

    def __init__(self) -> None:
        self.myself = self
        Ring.alive += 1

    def __del__(self) -> None:
        Ring.alive -= 1


def test_cycles_are_still_found() -> None:
    """A process that keeps making cycles holds a bounded number of them."""
    tune_gc()
    most = 0
    for _ in range(4 * NEW_OBJECTS):
        Ring()
        most = max(most, Ring.alive)
    assert most <= NEW_OBJECTS + 10  # since Python 3.12 it runs at the next safe point
    Ring.alive = 0


def test_what_was_there_before_is_not_looked_at() -> None:
    """A collection does not walk through the objects of the libraries."""
    tune_gc()
    assert len(gc.get_objects()) < 10_000 < gc.get_freeze_count()
