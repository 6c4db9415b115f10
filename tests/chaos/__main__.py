"""`python -m tests.chaos --seed 1 --minutes 1`: run one bad day, and print its summary."""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.plan import plan_of


def tell(text: str, *, aside: bool = False) -> None:
    """Write a line at once; to stderr unless it is part of the result."""
    out = sys.stderr if aside else sys.stdout
    out.write(f"{text}\n")
    out.flush()


def main() -> int:
    """Print the plan, run it, print the summary as the last line; exit with 1 if an invariant was broken."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--plan", action="store_true", help="print the plan and run nothing")
    parser.add_argument("--json", action="store_true", help="print the summary (or the plan) as one line of JSON")
    parser.add_argument("--data-dir", type=Path, help="folder of the stack's state; always kept")
    options = parser.parse_args()
    plan = plan_of(options.seed, options.minutes)
    if options.plan or not options.json:
        tell(json.dumps(plan._asdict()) if options.json else "\n".join(plan.lines()))
    if options.plan:
        return 0
    if options.data_dir and options.data_dir.exists():
        parser.error(f"{options.data_dir} exists; a chaos run needs a new folder")
    from tests.chaos.day import run_day  # slow to import, and not needed to plan

    folder = options.data_dir or Path(tempfile.mkdtemp(prefix=f"chaos-{options.seed}-"))
    try:
        summary = asyncio.run(run_day(plan, folder))
    except BaseException:
        tell(f"the chaos run failed; its state is in {folder}", aside=True)
        raise
    broken = bool(summary.violations)
    for line in () if options.json else [*summary.slowest, *summary.violations]:
        tell(line)
    if broken:
        tell(f"state, logs and histories are kept in {folder}", aside=options.json)
    elif options.data_dir is None:
        shutil.rmtree(folder, ignore_errors=True)
    tell(json.dumps(vars(summary)) if options.json else summary.line())
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
