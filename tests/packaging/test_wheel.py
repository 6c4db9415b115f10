"""The wheel installs into an empty environment and gives a working `boxoffice`."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.nightly
ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command outside the source, without this process's environment variables for Python."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=200, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run(UV, "build", "--wheel", "--no-build-isolation", "-p", sys.executable, "-o", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stderr
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """An environment with the wheel and its base dependencies, in the locked versions."""
    folder = wheel.parent / "venv"
    lock = ROOT / "requirements-production.txt"
    commands: list[list[str | Path]] = [
        [UV, "venv", "--quiet", "-p", sys.executable, folder],
        [UV, "pip", "install", "--quiet", "--compile-bytecode", "-p", folder / "bin" / "python", "-c", lock, wheel],
    ]
    for command in commands:
        done = run(*command, cwd=wheel.parent)
        assert done.returncode == 0, done.stderr
    return folder / "bin"


def test_the_wheel_has_every_file_of_the_rooms(wheel: Path) -> None:
    """All tracked files of the shipped rooms are in the wheel, data files too."""
    tracked = subprocess.run(["git", "ls-files", "-z", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True)
    files = {name for name in tracked.stdout.split("\0") if name and (ROOT / name).exists()}
    assert len(files) > 50
    assert files - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_version_and_help(installed: Path) -> None:
    """The command prints its version and its commands without any extra."""
    ran = run(installed / "boxoffice", "--version", cwd=installed)
    assert (ran.returncode, ran.stdout) == (0, f"boxoffice {PROJECT['project']['version']}\n")
    helped = run(installed / "boxoffice", "--help", cwd=installed)
    assert helped.returncode == 0, helped.stderr
    assert "demo" in helped.stdout
    assert "[devstack,rush]" in helped.stdout


EVERY_MODULE = """
import importlib, pkgutil, sys
for room in sys.argv[1:]:
    package = importlib.import_module(room)
    for one in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{room}."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)
"""


def test_every_module_can_be_imported(installed: Path) -> None:
    """The product needs only the base dependencies, but for the one module that draws the picture of a rush."""
    doors = [room.removesuffix(".py") for room in ROOMS if room != "cli"]
    done = run(installed / "python", "-c", EVERY_MODULE, *doors, "cli.main", cwd=installed)
    assert done.returncode == 0, done.stderr


def test_the_audit_of_what_is_installed(installed: Path) -> None:
    """The audit finds every edge in the installed code too, and says that it did not judge the tests."""
    done = run(installed / "boxoffice", "audit", "--brief", cwd=installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the source of the tests is not here" in done.stdout


@pytest.mark.parametrize(("command", "extra"), [("demo", "devstack"), ("up", "devstack"), ("rush", "rush")])
def test_a_missing_extra_is_named(installed: Path, command: str, extra: str, tmp_path: Path) -> None:
    """A command that needs an extra names it, and how to install it."""
    options: list[str | Path] = ["--data-dir", tmp_path] if command == "up" else []
    done = run(installed / "boxoffice", command, *options, cwd=installed)
    assert done.returncode == 2
    assert f"pip install 'boxoffice[{extra}]'" in done.stderr


def test_shell_completion(installed: Path) -> None:
    """Completion lists the commands."""
    env = {**os.environ, "_BOXOFFICE_COMPLETE": "complete_bash", "COMP_WORDS": "boxoffice de", "COMP_CWORD": "1"}
    done = subprocess.run([installed / "boxoffice"], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["demo"]
