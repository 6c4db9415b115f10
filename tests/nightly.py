"""`make nightly`: the long proof. Mutants, matrix, Pythons, installation, properties, chaos; the result is a page.

`python -m tests.nightly [--date YYYY-MM-DD] [--chaos N] [--minutes M] [--only NAME]`. Chaos seeds come of
the date, so that every night has new ones and each can be run again. A night that was cut off goes on: the page keeps
what it holds, each part with the revision that it ran on, and `--only` runs a part of it again.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
STEP_SECONDS_MAX = 3 * 3600
CHAOS, CHAOS_MINUTES = 5, 5
EXAMPLES = {"sequences": 10_000, "schedules": 1_000}
FAILED = "**failed**"


class Step(NamedTuple):
    """One part of the night."""

    name: str
    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


class Done(NamedTuple):
    """What came of it: `last_line` is what the command said at its end."""

    step: Step
    code: int
    seconds: float
    last_line: str


def steps_of(day: date, chaos: int, minutes: int) -> list[Step]:
    """Return the night's parts, in the order in which a failure is cheapest to know."""
    properties = (sys.executable, "-m", "pytest", "-q", "tests/property", "--timeout=7200")
    registries = (sys.executable, "-m", "pytest", "-q", "-m", "registries", "tests/contract")
    examples = (sys.executable, "-m", "tests.property")
    night = day.strftime("%Y%m%d")
    seeds = [int(night) * 10 + number for number in range(chaos)]
    return [
        Step("mutants", ("make", "mutants")),
        Step("matrix", ("make", "matrix")),
        Step("pythons", ("make", "pythons")),
        Step("install", (sys.executable, "-m", "tests.packaging.demo")),
        Step("marked nightly", (sys.executable, "-m", "pytest", "-q", "-m", "nightly")),
        Step("clients", ("make", "clients")),
        Step("registries", registries, (("READERS", "1"), ("PINNING", "1"))),
        Step("properties", properties, (("HYPOTHESIS_PROFILE", "nightly"),)),
        *(
            Step(kind, (*examples, kind, f"--count={count}", f"--seed={night}", "--processes=2"))
            for kind, count in EXAMPLES.items()
        ),
        *(Step(f"chaos {seed}", ("make", "chaos", f"SEED={seed}", f"MINUTES={minutes}")) for seed in seeds),
    ]


def run(step: Step, logs: Path) -> Done:
    """Run one part; all that it says goes to a log of its own."""
    log = logs / f"{step.name.replace(' ', '-')}.log"
    print(f"{step.name}: {' '.join(step.command)} (log: {log})", flush=True)  # noqa: T201 - a command prints
    began = time.monotonic()
    with log.open("wb") as out:
        try:
            code = subprocess.run(
                step.command,
                cwd=ROOT,
                env={**os.environ, **dict(step.env)},
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=STEP_SECONDS_MAX,
            ).returncode
        except subprocess.TimeoutExpired:
            code = 124
    said = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return Done(step, code, time.monotonic() - began, said[-1] if said else "")


def rows_on(page: str) -> dict[str, str]:
    """Return the rows of a page by part."""
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    return {row.split("|")[1].strip(): row for row in rows}


def page_of(day: date, rows: Mapping[str, str]) -> str:
    """Write the page."""
    bad = sum(FAILED in row for row in rows.values())
    verdict = f"{bad} of {len(rows)} parts failed" if bad else f"All {len(rows)} parts passed"
    head = ["| part | revision | command | result | minutes | its last line |", "|---|---|---|---|---|---|"]
    return "\n".join([f"# {day.isoformat()}", "", f"{verdict}.", "", *head, *rows.values(), ""])


def row_of(one: Done, revision: str) -> str:
    """Write one part's row."""
    result = f"{FAILED} ({one.code})" if one.code else "passed"
    command = " ".join(one.step.command).replace(sys.executable, "python")
    said = one.last_line.replace("|", "/")[:200]
    cells = (one.step.name, revision, f"`{command}`", result, f"{one.seconds / 60:.1f}", said)
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Run the night."""
    parser = argparse.ArgumentParser(prog="nightly", description=__doc__)
    parser.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--chaos", type=int, default=CHAOS)
    parser.add_argument("--minutes", type=int, default=CHAOS_MINUTES)
    parser.add_argument("--only", default="", help="parts whose name begins with this")
    options = parser.parse_args()
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    logs = Path(tempfile.mkdtemp(prefix="nightly-"))
    steps = [
        step for step in steps_of(options.date, options.chaos, options.minutes) if step.name.startswith(options.only)
    ]
    RESULTS.mkdir(parents=True, exist_ok=True)
    page = RESULTS / f"{options.date.isoformat()}.md"
    failed = False
    for step in steps:
        done = run(step, logs)
        failed = failed or done.code != 0
        rows = rows_on(page.read_text()) if page.exists() else {}
        page.write_text(page_of(options.date, {**rows, step.name: row_of(done, revision)}))
    print(page.read_text())  # noqa: T201 - a command prints
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
