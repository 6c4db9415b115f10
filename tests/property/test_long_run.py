"""A long run: whoever shares it, stops it or continues it, each example is played once, and a failure shows."""

import json
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.property.long_run import MANY, Block, Plan, blocks_in, faults_of, reached_in, run_blocks, summary_of

PLAN = Plan("sequences", 23, 7, 10, "abc")
NEVER = float("inf")


class Drawn:
    """Keeps what was drawn; fails at numbers above `most`."""

    examples = st.integers(0, 1000)
    wanted = frozenset({"odd"})
    shrinks = True

    def __init__(self, most: int = 1000) -> None:
        self.seen: list[int] = []
        self.most = most

    def play(self, example: int) -> Counter[str]:
        self.seen.append(example)
        assert example <= self.most
        return Counter({"odd": 2} if example % 2 else {"even": 1})


def run(path: Path, part: int = 1, parts: int = 1, plan: Plan = PLAN, until: float = NEVER) -> list[int]:
    """Run a part; return what was drawn."""
    drawn = Drawn()
    list(run_blocks(plan, plan.share(part, parts), path, lambda: nullcontext(drawn), until))
    return drawn.seen


def test_two_parts_draw_together_what_one_draws_alone(tmp_path: Path) -> None:
    """Each block belongs to one part, and has a seed of its own."""
    alone = run(tmp_path / "alone")
    assert len(alone) == PLAN.wanted
    both = run(tmp_path / "both", 1, 2), run(tmp_path / "both", 2, 2)
    assert Counter(both[0] + both[1]) == Counter(alone)
    assert blocks_in(tmp_path / "both", PLAN).keys() == PLAN.blocks().keys() == {0, 1, 2}
    assert run(tmp_path / "other", plan=PLAN._replace(seed=8)) != alone


def test_a_run_continues_after_the_blocks_that_it_has(tmp_path: Path) -> None:
    """What has passed is not played again, unless the code has changed."""
    run(tmp_path / "file", 1, 2)
    assert len(run(tmp_path / "file")) == 10
    assert run(tmp_path / "file") == []
    assert len(run(tmp_path / "file", plan=PLAN._replace(revision="abd"))) == PLAN.wanted


def test_no_block_begins_after_the_time(tmp_path: Path) -> None:
    """What is not played shows as a fault."""
    assert run(tmp_path / "file", until=time.monotonic()) == []
    assert faults_of(PLAN, blocks_in(tmp_path / "file", PLAN), []) == ["3 of 3 blocks have not passed"]


def test_a_block_that_fails_is_not_kept(tmp_path: Path) -> None:
    """The failure is raised with its shrunk example."""
    with pytest.raises(AssertionError) as failure:
        list(run_blocks(PLAN, PLAN.blocks(), tmp_path / "file", lambda: nullcontext(Drawn(500)), NEVER))
    *notes, block = failure.value.__notes__
    assert "501" in "".join(notes)
    assert block == "sequences: block 0 of seed 7 failed"
    assert blocks_in(tmp_path / "file", PLAN) == {}


def test_the_summary_counts_examples_and_times(tmp_path: Path) -> None:
    """Of each thing: in how many examples it was reached, and how often."""
    seen = run(tmp_path / "file")
    blocks = blocks_in(tmp_path / "file", PLAN)
    odd = sum(one % 2 for one in seen)
    assert reached_in(blocks.values()) == {"even": (len(seen) - odd,) * 2, "odd": (odd, 2 * odd)}
    *lines, last = summary_of(PLAN, list(blocks.values()))
    assert lines[1] == f"odd: in {odd}, {2 * odd} times"
    assert last.startswith("23 of 23 sequences passed, ")
    assert last.endswith(", seed 7, abc")


def test_what_none_of_many_examples_reached_is_a_fault() -> None:
    """A generator that no longer reaches something does not pass unseen."""
    many = PLAN._replace(wanted=MANY, size=MANY)
    block = Block(many, 0, MANY, 1.0, {"odd": (1, 1)})
    assert faults_of(many, {0: block}, ["odd"]) == []
    assert faults_of(many, {0: block}, ["odd", "excess"]) == ["never reached: excess"]
    assert json.loads(json.dumps(block))[1:3] == [0, MANY]
