"""Concurrent callers, as tasks or threads, and their throughput."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

CALLERS = 64
SECONDS = 1.0
TRIAL_SECONDS = 0.4


async def tasks_per_second(act: Callable[[], Awaitable[object]], callers: int, seconds: float = SECONDS) -> float:
    """Run `act` in this many concurrent tasks, each in a loop; return completions per second."""
    began = time.perf_counter()
    until = began + seconds

    async def call() -> int:
        done = 0
        while time.perf_counter() < until:
            await act()
            done += 1
        return done

    counts = await asyncio.gather(*(call() for _ in range(callers)))
    return sum(counts) / (time.perf_counter() - began)


def threads_per_second(acts: Sequence[Callable[[], object]], seconds: float = SECONDS) -> float:
    """Run each act in its own thread, in a loop; return completions per second of all."""
    counts = [0] * len(acts)
    began = time.perf_counter()
    until = began + seconds

    def call(number: int) -> None:
        while time.perf_counter() < until:
            acts[number]()
            counts[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def best_of(trial: Callable[[int], float], sizes: Sequence[int]) -> int:
    """Return the size with the fastest short trial."""
    return max(sizes, key=trial)
