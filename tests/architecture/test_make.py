"""The forge's workflow, the hooks and the nightly run call only targets and programs that exist."""

import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.nightly import steps_of

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
CI: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
RUNS = [step["run"] for job in CI["jobs"].values() for step in job["steps"] if "run" in step]
HOOKS = [
    hook for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"] for hook in repo["hooks"]
]


def explained() -> set[str]:
    """Return the targets with an explanation."""
    return set(re.findall(r"^([a-z]+):.* ## \S", MAKEFILE, re.MULTILINE))


def phony() -> set[str]:
    """Return the targets that are commands, as the Makefile declares them."""
    return {name for line in re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE) for name in line.split()}


def test_help_lists_every_command() -> None:
    """`make help` prints a line for every command."""
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name for name in phony() if name.isalpha()} == explained()
    assert set(re.findall(r"^  make (\w+) +\S", printed, re.MULTILINE)) == explained()


def test_the_forge_runs_the_checks_and_all_tests() -> None:
    """Its steps are existing make targets: the checks, all tests, the fast tier on each Python, the installed wheel."""
    assert RUNS == ["make check", "make test", "make quick", "make wheel"]
    assert {run.split()[1] for run in RUNS} <= explained()


def test_the_forge_tests_every_python_that_is_supported() -> None:
    """The versions of the fast tier are those of `make pythons`, and ours."""
    others = re.findall(r"^OTHER_PYTHONS := (.*)$", MAKEFILE, re.MULTILINE)[0].split()
    classified = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert CI["jobs"]["quick"]["strategy"]["matrix"]["python"] == ["3.11", *others] == classified


def test_ci_runs_the_checks_and_all_tests() -> None:
    """`.ci/run` calls the same two targets."""
    called = re.findall(r"^make (\w+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert called == ["check", "test"]


def test_the_nightly_run_calls_targets_that_exist() -> None:
    """Each of its parts that is a make target is one."""
    targets = {step.command[1] for step in steps_of(date(2026, 11, 23), 1, 1) if step.command[0] == "make"}
    assert {"mutants", "matrix", "pythons", "clients", "chaos"} == targets <= explained()


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_every_hook_runs_an_installed_program(hook: dict[str, Any]) -> None:
    """Each hook runs a program of the project's environment, on files that exist."""
    program, *arguments = hook["entry"].split()
    assert hook["language"] == "system"
    assert program in (".venv/bin/ruff", ".venv/bin/mypy", ".venv/bin/python")
    assert [path for path in arguments if path.endswith(".py") and not (ROOT / path).exists()] == []
