"""Tune Python's cyclic garbage collector."""

import gc

NEW_OBJECTS = 50_000  # Python's own figure is 700: a batch of a few holds


def tune_gc() -> None:
    """Exempt all present objects from collection, and collect only after many new ones.

    Call it once a process is set up. Reference counting frees nearly all garbage at once; the collector finds cycles,
    and each collection walks through every young object, such as the pending requests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
