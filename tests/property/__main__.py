"""`python -m tests.property sequences --count 10000 --processes 2`: long runs of money sequences or saga schedules.

Blocks that have passed are kept in `--file`: the same command continues there, and several machines or processes share
a run with `--part 1/2` and `--part 2/2`. `--minutes` bounds it. Exits with 0 only once the whole count has passed.
"""

import argparse
import gc
import hashlib
import subprocess
import sys
import time
from pathlib import Path

from adapters.runtime.gc_tuning import NEW_OBJECTS
from tests.property.long_run import Plan, blocks_in, faults_of, run_blocks, summary_of
from tests.property.money_run import MoneyRun
from tests.property.saga_theatre import Theatre

ROOT = Path(__file__).resolve().parents[2]
# From its eleventh example on, hypothesis mostly changes those before: few sequences, but no plot, gain by that.
SIZES = {"sequences": 250, "schedules": 10}
PLAYERS: dict[str, type[MoneyRun] | type[Theatre]] = {"sequences": MoneyRun, "schedules": Theatre}


def revision() -> str:
    """Return the revision of the code; changes since have a digest of their own."""
    head, changes = (
        subprocess.run(("git", *command), cwd=ROOT, check=True, capture_output=True).stdout
        for command in (("rev-parse", "--short", "HEAD"), ("diff", "HEAD"))
    )
    changed = f"+{hashlib.sha256(changes).hexdigest()[:8]}" if changes else ""
    return head.decode().strip() + changed


def tell(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_part(plan: Plan, part: int, parts: int, path: Path, until: float) -> None:
    """Run the blocks of one part, and tell after each how far the run is."""
    gc.set_threshold(NEW_OBJECTS)
    gc.freeze()
    for block in run_blocks(plan, plan.share(part, parts), path, PLAYERS[plan.kind], until):
        done = sum(one.examples for one in blocks_in(path, plan).values())
        each = block.seconds / block.examples * 1000
        tell(f"{plan.kind}: {done} of {plan.wanted} have passed; {each:.0f} ms each in block {block.number}")


def start_parts(parts: int) -> int:
    """Run this command once for each part, side by side; return how many failed."""
    command = (sys.executable, "-m", "tests.property", *sys.argv[1:])
    started = [subprocess.Popen((*command, "--part", f"{part}/{parts}"), cwd=ROOT) for part in range(1, parts + 1)]
    return sum(one.wait() != 0 for one in started)


def main() -> int:
    """Run a part; or run all parts and sum them up."""
    parser = argparse.ArgumentParser(prog="python -m tests.property", description=__doc__)
    parser.add_argument("kind", choices=SIZES)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--part", default="", help="1/2 runs the first of two parts, and no other")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no block after them")
    parser.add_argument("--file", type=Path, default=ROOT / ".long-run.jsonl", help="the blocks that have passed")
    options = parser.parse_args()
    plan = Plan(options.kind, options.count, options.seed, SIZES[options.kind], revision())
    if options.part:
        part, parts = map(int, options.part.split("/"))
        run_part(plan, part, parts, options.file, time.monotonic() + options.minutes * 60)
        return 0
    failed = start_parts(options.processes)
    found = blocks_in(options.file, plan)
    faults = faults_of(plan, found, PLAYERS[plan.kind].wanted)
    for line in (*faults, *summary_of(plan, found.values())):
        tell(line)
    return int(bool(failed or faults))


if __name__ == "__main__":
    sys.exit(main())
