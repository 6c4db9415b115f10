"""A long run of drawn examples in blocks: shared by processes, bounded by a time, continued from its file.

Each block has a seed of its own, so the same seed draws the same examples however they are shared.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

MANY = 1000  # examples that reach everything


class Player(Protocol):
    """Draws examples and plays them; `wanted` must be reached by some of many, and one that fails is shrunk or not."""

    examples: st.SearchStrategy[Any]
    wanted: frozenset[str]
    shrinks: bool

    def play(self, example: Any) -> Counter[str]:
        """Play one example; raise if anything is wrong, else return how often it reached what."""


class Plan(NamedTuple):
    """A run: `wanted` examples in blocks of `size`; `revision` is the code's, whose other results do not count."""

    kind: str
    wanted: int
    seed: int
    size: int
    revision: str

    def blocks(self) -> dict[int, int]:
        """Return the size of each block."""
        starts = range(0, self.wanted, self.size)
        return {number: min(self.size, self.wanted - start) for number, start in enumerate(starts)}

    def share(self, part: int, parts: int) -> dict[int, int]:
        """Return the blocks of one of several processes, counted from 1."""
        return {number: size for number, size in self.blocks().items() if number % parts == part - 1}


class Block(NamedTuple):
    """A block that passed; `reached`: in how many of its examples, and how often in all.

    `seconds` are of processor time, which other work on the machine does not stretch.
    """

    plan: Plan
    number: int
    examples: int
    seconds: float
    reached: Mapping[str, tuple[int, int]]


def blocks_in(path: Path, plan: Plan) -> dict[int, Block]:
    """Return the blocks of a plan that a file has."""
    lines = path.read_text().splitlines() if path.exists() else []
    found = (Block(*json.loads(line)) for line in lines)
    return {one.number: one._replace(plan=plan) for one in found if list(one.plan) == list(plan)}


def run_blocks(
    plan: Plan, share: Mapping[int, int], path: Path, player: Callable[[], AbstractContextManager[Player]], until: float
) -> Iterator[Block]:
    """Run the blocks of a share that the file does not have, and append each that passed; start none after `until`."""
    known = blocks_in(path, plan)
    for number, size in share.items():
        if number in known or time.monotonic() >= until:
            continue
        with player() as playing:
            block = _run_block(plan, number, size, playing)
        with path.open("a") as out:
            out.write(json.dumps(block) + "\n")
        yield block


def _run_block(plan: Plan, number: int, size: int, player: Player) -> Block:
    reached: Counter[str] = Counter()
    times: Counter[str] = Counter()
    played = 0

    @seed(f"{plan.seed}-{number}")
    @settings(
        max_examples=size,
        deadline=None,
        database=None,
        phases=(Phase.generate, *((Phase.shrink,) if player.shrinks else ())),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(example=player.examples)
    def play(example: Any) -> None:
        nonlocal played
        found = player.play(example)
        played += 1
        times.update(found)
        reached.update(found.keys())

    began = time.process_time()
    try:
        play()
    except BaseException as error:
        error.add_note(f"{plan.kind}: block {number} of seed {plan.seed} failed")
        raise
    return Block(
        plan, number, played, time.process_time() - began, {name: (reached[name], times[name]) for name in times}
    )


def reached_in(blocks: Iterable[Block]) -> dict[str, tuple[int, int]]:
    """Return in how many examples of all blocks each thing was reached, and how often."""
    reached: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for one in blocks:
        for name, (of_examples, in_all) in one.reached.items():
            reached[name] += of_examples
            times[name] += in_all
    return {name: (reached[name], times[name]) for name in sorted(reached)}


def summary_of(plan: Plan, blocks: Collection[Block]) -> list[str]:
    """Return a line for each thing reached, and a last line with the sums."""
    examples, seconds = sum(one.examples for one in blocks), sum(one.seconds for one in blocks)
    lines = [f"{name}: in {some}, {times} times" for name, (some, times) in reached_in(blocks).items()]
    each = f", {seconds / examples * 1000:.0f} ms of processor time each" if examples else ""
    return [*lines, f"{examples} of {plan.wanted} {plan.kind} passed{each}, seed {plan.seed}, {plan.revision}"]


def faults_of(plan: Plan, blocks: Mapping[int, Block], wanted: Collection[str]) -> list[str]:
    """Return what a run lacks: blocks, and things that none of many examples reached."""
    missing = plan.blocks().keys() - blocks.keys()
    unreached = sorted(set(wanted) - reached_in(blocks.values()).keys()) if plan.wanted >= MANY else []
    lacks = f"{len(missing)} of {len(plan.blocks())} blocks have not passed"
    return [*([lacks] if missing else []), *(f"never reached: {name}" for name in unreached)]
