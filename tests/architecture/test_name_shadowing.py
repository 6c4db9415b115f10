"""No installed distribution and no module of Python has one of our top-level names."""

import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = "boxoffice"


def top_level_names() -> set[str]:
    """Return the top-level names of the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    return {Path(path).stem for path in shipped}


def test_the_wheel_ships_every_room_and_front_door() -> None:
    """Every package and module beside `pyproject.toml` is shipped, except the tests and the benchmarks."""
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    loose = {path.stem for path in ROOT.glob("*.py")}
    assert (packages | loose) - {"tests", "bench"} == top_level_names()


def test_no_installed_distribution_ships_a_module_of_our_names() -> None:
    """An import of our modules never finds another one."""
    installed = packages_distributions()
    assert "pytest" in installed
    others = {name: sorted(set(installed.get(name, [])) - {OURS}) for name in top_level_names()}
    assert {name: owners for name, owners in others.items() if owners} == {}


def test_no_module_of_python_itself_bears_our_names() -> None:
    """The standard library has none of our top-level names."""
    assert top_level_names() & sys.stdlib_module_names == set()
