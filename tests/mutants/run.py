"""`make mutants`: seeds each bug of the catalogue in a copy of the project and shows that its test catches it.

`python -m tests.mutants.run [--json] [--only TEXT] [--jobs N]`; exits 0 only if every bug was caught in time.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html import unescape
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, NamedTuple
from xml.etree import ElementTree as ET

import psutil
from rich.console import Console
from rich.table import Table

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 10.0  # of a test's own time, without the start of a database that several share
HANGS_AFTER_SECONDS = 9  # with many bugs a test never ends
WALL_SECONDS_MAX = 900
TEMPORARY = "tmp"  # in each copy
END_SECONDS_MAX = 10.0
RUN_SECONDS_MAX = 60  # with the start of pytest and the clean-up
PAUSE_SECONDS = 0.1
RED = 1  # pytest's exit code for failed tests; any other but 0 means that it could not run them
Outcome = Literal["caught", "missed", "slow", "broken"]


class MutantRun(NamedTuple):
    """Result of one seeded bug; `seconds` is the time of its test, without set-up and tear-down."""

    mutant: Mutant
    outcome: Outcome
    seconds: float


def copy_project(into: Path) -> Path:
    """Copy the files that git tracks, as they are in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return into


def open_to_all(folder: Path) -> Path:
    """Make a folder that the system user of a test's database can enter, and return it."""
    folder.mkdir(exist_ok=True)
    for one in (folder, folder.parent, folder.parent.parent):
        one.chmod(one.stat().st_mode | 0o111)
    return folder


def processes_in(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder, whatever their group: a server of a test has a session of its own.

    Every test runs in its copy, and keeps its databases there; nothing else does.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found


def end_processes_in(folder: Path) -> None:
    """Kill what works in a folder, until nothing does."""
    until = time.monotonic() + END_SECONDS_MAX
    while (left := processes_in(folder)) and time.monotonic() < until:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1)


def run_tests(copy: Path, tests: Sequence[str], wall_seconds: float = WALL_SECONDS_MAX) -> tuple[int, float]:
    """Run tests in a copy; return pytest's exit code and the tests' own seconds.

    A test that hangs is interrupted; when its clean-up hangs too, everything that it started is killed.
    """
    report = copy / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += [f"--timeout={HANGS_AFTER_SECONDS}", "-o", "timeout_func_only=true"]
    command += [f"--junitxml={report}", "-o", "junit_duration_report=call", *tests]
    quiet = subprocess.DEVNULL
    env = {**os.environ, "TMPDIR": str(open_to_all(copy / TEMPORARY))}
    with subprocess.Popen(command, cwd=copy, env=env, start_new_session=True, stdout=quiet, stderr=quiet) as running:
        try:
            code = running.wait(wall_seconds)
        except subprocess.TimeoutExpired:
            code = RED
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            end_processes_in(copy)
    if not report.exists():
        return code, float(HANGS_AFTER_SECONDS)
    result = ET.parse(report).getroot()  # noqa: S314 - pytest's own
    if code < 0:  # a thread of Temporal's library can abort the interpreter's end, after the report
        code = RED if result.find(".//failure") is not None else 0
    return code, sum(float(case.get("time", 0)) for case in result.iter("testcase"))


def run_mutant(copy: Path, mutant: Mutant, wall_seconds: float = RUN_SECONDS_MAX) -> MutantRun:
    """Seed one bug, run its test, and restore the file; a test that hangs has caught it."""
    path = copy / mutant.file
    whole = path.read_text()
    if whole.count(mutant.old) != 1:
        return MutantRun(mutant, "broken", 0.0)
    path.write_text(whole.replace(mutant.old, mutant.new))
    try:
        code, seconds = run_tests(copy, [mutant.test], wall_seconds)
    finally:
        path.write_text(whole)
    report = copy / "report.xml"
    is_named = not mutant.names or (report.exists() and mutant.names in unescape(report.read_text()))
    if code not in {0, RED} and not (mutant.names and is_named):  # an omission may break an import
        return MutantRun(mutant, "broken", seconds)
    if code == 0 or not is_named:
        return MutantRun(mutant, "missed", seconds)
    return MutantRun(mutant, "caught" if seconds <= SECONDS_MAX else "slow", seconds)


def run_mutants(mutants: Sequence[Mutant], jobs: int, report: Callable[[MutantRun], None]) -> list[MutantRun]:
    """Run every mutant, `jobs` at once, each job in its own copy."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            copies.put(copy_project(Path(place) / str(number)))

        def one(mutant: Mutant) -> MutantRun:
            copy = copies.get()
            try:
                result = run_mutant(copy, mutant)
            finally:
                copies.put(copy)
            report(result)
            return result

        with ThreadPoolExecutor(jobs) as pool:
            runs = [pool.submit(one, mutant) for mutant in mutants]
            try:
                return [run.result() for run in runs]
            finally:  # also when the runner is told to end
                pool.shutdown(wait=False, cancel_futures=True)
                while not all(run.done() for run in runs):
                    end_processes_in(Path(place))
                    time.sleep(PAUSE_SECONDS)
                end_processes_in(Path(place))


def red_without_a_bug(mutants: Sequence[Mutant]) -> list[str]:
    """Return the named tests that fail on the unchanged code: they prove nothing about a bug."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        copy = copy_project(Path(place))
        try:
            code, _ = run_tests(copy, list(dict.fromkeys(mutant.test for mutant in mutants)))
        finally:  # a runner that is told to end may just have begun a process that it does not know yet
            end_processes_in(copy)
        if code == 0:
            return []
        report = copy / "report.xml"
        cases = ET.parse(report).getroot().iter("testcase") if report.exists() else []  # noqa: S314 - our own report
        red = [f"{case.get('classname')}::{case.get('name')}" for case in cases if len(case)]
    return red or [f"pytest ended with {code}"]


def show(results: Sequence[MutantRun]) -> Table:
    """Draw the table."""
    table = Table("seeded bug", "file", "caught by", "seconds", "outcome")
    for mutant, outcome, seconds in results:
        colour = "green" if outcome == "caught" else "red"
        test = mutant.test.rpartition("::")[2]
        table.add_row(mutant.name, mutant.file, test, f"{seconds:.1f}", f"[{colour}]{outcome}")
    return table


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", default="", help="bugs whose name or file contains this text")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    mutants = [mutant for mutant in MUTANTS if options.only in f"{mutant.name} {mutant.file}"]
    progress = Console(stderr=True)
    progress.print(f"{len(mutants)} seeded bugs; first their tests on the code as it is")
    if red := red_without_a_bug(mutants):
        progress.print(f"[red]these fail without any bug, run `make test` first: {', '.join(red)}")
        return 2
    results = run_mutants(mutants, options.jobs, lambda done: progress.print(f"{done.outcome}: {done.mutant.name}"))
    if options.json:
        print(json.dumps([{**one._asdict(), "mutant": one.mutant._asdict()} for one in results], indent=1))  # noqa: T201
    else:
        Console().print(show(results))
    bad = [one for one in results if one.outcome != "caught"]
    slowest = max((one.seconds for one in results), default=0.0)
    progress.print(f"{len(results) - len(bad)} of {len(results)} caught, the slowest in {slowest:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
