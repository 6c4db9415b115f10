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


def test_every_front_door_can_be_imported(installed: Path) -> None:
    """The production processes need only the base dependencies."""
    doors = "import api.main, worker, projector, cli.main"
    done = run(installed / "python", "-c", doors, cwd=installed)
    assert done.returncode == 0, done.stderr


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
