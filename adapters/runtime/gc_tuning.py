"""How rarely a process looks for garbage."""

import gc

NEW_OBJECTS = 50_000  # Python's own figure is 700: a batch of a few holds


def tune_gc() -> None:
    """Leave what was made until now out of the collector's sight, and let it look after many new objects only.

    Call it once a process is set up. Nearly all garbage is freed at once, when nobody refers to it any more; the
    collector is for cycles, and each of its looks walks through whatever is young, the waiting callers among it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
