"""The catalogue matches the code: every bug can be seeded, every named test exists, a harmless change is not caught."""

import ast
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.omissions import OMISSIONS
from tests.mutants.run import ROOT, copy_project, processes_in, run_mutant

LEAST = 40
START_SECONDS = 20  # of pytest and a database


def test_there_are_mutants_enough() -> None:
    """At least forty, each with a name of its own."""
    names = Counter(mutant.name for mutant in MUTANTS)
    assert len(names) >= LEAST
    assert max(names.values()) == 1


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_can_be_seeded(mutant: Mutant) -> None:
    """Its text occurs once in its file, the changed file is valid Python, and its test exists."""
    whole = (ROOT / mutant.file).read_text()
    assert whole.count(mutant.old) == 1
    assert mutant.old != mutant.new
    if mutant.file.endswith(".py"):
        compile(whole.replace(mutant.old, mutant.new), mutant.file, "exec")
    module, _, name = mutant.test.partition("::")
    defined = {node.name for node in ast.walk(ast.parse((ROOT / module).read_text())) if hasattr(node, "name")}
    assert name.partition("[")[0] in defined


def test_omissions_are_caught_by_the_quick_tier() -> None:
    """Each omission is caught by an architecture test that names it."""
    assert all(mutant.names and mutant.test.startswith("tests/architecture/") for mutant in OMISSIONS)


def test_a_bug_is_caught_and_a_harmless_change_is_not(tmp_path: Path) -> None:
    """The outcome tells a bug, a harmless change and one that cannot be run, also where the process then aborts."""
    copy = copy_project(tmp_path)
    real = next(mutant for mutant in MUTANTS if mutant.file == "domain/stock/allocation.py")
    assert run_mutant(copy, real).outcome == "caught"
    assert run_mutant(copy, real._replace(names="another name")).outcome == "missed"
    assert run_mutant(copy, real._replace(new=real.old + "  # harmless")).outcome == "missed"
    assert run_mutant(copy, real._replace(new="if (")).outcome == "broken"
    aborts = "\nimport atexit, os; atexit.register(os.abort)\n"
    (copy / real.file).write_text((copy / real.file).read_text() + aborts)
    assert run_mutant(copy, real).outcome == "caught"
    assert run_mutant(copy, real._replace(new=real.old + "  # harmless")).outcome == "missed"
    (copy / real.file).write_text((copy / real.file).read_text().removesuffix(aborts))
    assert run_mutant(copy, real._replace(old="no such text")).outcome == "broken"


def test_a_bug_that_hangs_is_caught_unless_its_test_must_name_it(tmp_path: Path) -> None:
    """A run that is killed leaves no report: that suffices for a bug, and not for an omission."""
    copy = copy_project(tmp_path)
    real = next(mutant for mutant in MUTANTS if mutant.file == "domain/stock/allocation.py")
    hangs = real._replace(old="HoldState = Lit", new="import time\n\ntime.sleep(600)\nHoldState = Lit")
    assert run_mutant(copy, hangs, wall_seconds=2).outcome == "caught"
    assert run_mutant(copy, hangs._replace(names="a name"), wall_seconds=2).outcome == "missed"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder that leaves room for the path of a database's socket, at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        yield Path(folder)


def test_a_bug_that_hangs_leaves_no_process(short_path: Path) -> None:
    """Not pytest, and not the database that it had started, which has a session of its own."""
    copy = copy_project(short_path / "0")
    hangs = Mutant(
        "a test that never ends",
        "tests/contract/postgres_box.py",
        "            yield server.get_uri()\n",
        f"            Path({str(short_path / 'pid')!r}).write_text(str(server.get_pid()))\n"
        "            __import__('time').sleep(600)\n"
        "            yield server.get_uri()\n",
        "tests/contract/test_migrations.py::test_from_nothing",
    )
    for seconds in (START_SECONDS, 3 * START_SECONDS, 9 * START_SECONDS):  # a busy machine starts it slowly
        assert run_mutant(copy, hangs, wall_seconds=seconds).outcome == "caught"
        if (short_path / "pid").exists():
            break
    server = int((short_path / "pid").read_text())
    assert not psutil.pid_exists(server) or psutil.Process(server).status() == psutil.STATUS_ZOMBIE
    assert processes_in(copy) == []


def test_a_runner_that_is_ended_leaves_no_process(short_path: Path) -> None:
    """By SIGTERM, in the middle of a test."""
    command = [sys.executable, "-m", "tests.mutants.run", "--only", "a mint address is invented"]
    env = {**os.environ, "TMPDIR": str(short_path)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL) as runner:
        until = time.monotonic() + START_SECONDS
        while not processes_in(short_path) and time.monotonic() < until:
            time.sleep(0.05)
        assert processes_in(short_path)
        runner.terminate()
        assert runner.wait(START_SECONDS) == 128 + signal.SIGTERM
    assert processes_in(short_path) == []
