"""The import contracts of `pyproject.toml` hold, every room has one, and each of them can fail."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import grimp
import pytest
from importlinter import Contract
from importlinter.api import read_configuration
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract

from adapters.temporal.sandbox import restricted
from tests.architecture.allow_contract import AllowContract

ROOT = Path(__file__).parents[2]
READ = read_configuration(str(ROOT / "pyproject.toml"))
ROOMS: list[str] = READ["session_options"]["root_packages"]
TYPES: dict[str, type[Contract]] = {
    "allow": AllowContract,
    "forbidden": ForbiddenContract,
    "acyclic_siblings": AcyclicSiblingsContract,
}
CONTRACTS = {
    one["name"]: TYPES[one["type"]](one["name"], READ["session_options"], one) for one in READ["contracts_options"]
}
ALLOWED = [contract for contract in CONTRACTS.values() if isinstance(contract, AllowContract)]
PURE = [contract for contract in ALLOWED if contract.standard_library is not None]
ELSEWHERE = "a_package_that_nobody_may_import"


@cache
def graph() -> grimp.ImportGraph:
    """Build the graph of all imports, once."""
    return grimp.build_graph(*ROOMS, include_external_packages=True, cache_dir=None)


@contextmanager
def also(importer: str, imported: str) -> Iterator[None]:
    """Add one import to the graph temporarily."""
    already()
    is_new = imported not in graph().modules
    if is_new:
        graph().add_module(imported, is_squashed=True)
    graph().add_import(importer=importer, imported=imported)
    try:
        yield
    finally:
        graph().remove_import(importer=importer, imported=imported)
        if is_new:
            graph().remove_module(imported)


def broken() -> dict[str, str]:
    """Return the broken contracts, with the refused imports."""
    found = {}
    for name, contract in CONTRACTS.items():
        own = graph() if isinstance(contract, AllowContract) else copy.deepcopy(graph())  # others may change it
        check = contract.check(own, verbose=False)
        if not check.kept:
            found[name] = str(check.metadata)
    return found


@cache
def already() -> dict[str, str]:
    """Return the contracts that the unchanged code breaks, so that only the test of that fails."""
    return broken()


def newly_broken() -> list[str]:
    """Return the contracts that only the added import breaks."""
    return [name for name, refused in broken().items() if already().get(name) != refused]


def member(contract: AllowContract) -> str:
    """Return one module of a room."""
    return max(contract.modules(graph()))


def refused_room(contract: AllowContract) -> str:
    """Return one of our packages that a room may not import and that imports none of ours."""
    silent = [room for room in sorted(graph().modules) if not graph().find_modules_directly_imported_by(room)]
    own = str(contract.room).partition(".")[0]
    return next(
        room for room in silent if room.partition(".")[0] in {*ROOMS} - {own} and not contract.allows(graph(), room)
    )


def packages() -> set[str]:
    """Return the packages beside `pyproject.toml` and below: each is a room."""
    tops = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    folders = {path.parent.relative_to(ROOT) for top in tops for path in top.rglob("*.py")}
    return {".".join(folder.parts) for folder in folders if "migrations" not in folder.parts}  # loaded by alembic


def test_every_contract_is_kept() -> None:
    """No room has a refused import, and no list an unused entry."""
    assert already() == {}


def test_every_room_has_a_contract() -> None:
    """A new folder fails until a contract lists its imports; each module is in one room."""
    assert packages() - {str(contract.room) for contract in ALLOWED} == set()
    assert {room for room in packages() if "." not in room} == set(ROOMS)
    covered = [module for contract in ALLOWED for module in contract.modules(graph())]
    assert len(covered) == len(set(covered))
    assert {module for module in graph().modules if module.partition(".")[0] in ROOMS} == set(covered)


@pytest.mark.parametrize("contract", ALLOWED, ids=lambda contract: contract.room)
def test_a_room_refuses_another_package(contract: AllowContract) -> None:
    """One import of an unlisted package breaks the contract of that room only."""
    with also(member(contract), ELSEWHERE):
        assert newly_broken() == [contract.name]


@pytest.mark.parametrize("contract", ALLOWED, ids=lambda contract: contract.room)
def test_a_room_refuses_another_room(contract: AllowContract) -> None:
    """One import of an unlisted room is refused."""
    importer, imported = member(contract), refused_room(contract)
    with also(importer, imported):
        assert contract.check(graph(), verbose=False).metadata["refused"].count((importer, imported)) == 1


@pytest.mark.parametrize("contract", PURE, ids=lambda contract: contract.room)
def test_a_pure_room_refuses_the_rest_of_python(contract: AllowContract) -> None:
    """An unlisted module of Python itself is refused where the contract has a list."""
    with also(member(contract), "socket"):
        assert newly_broken() == [contract.name]


def test_domain_activities_and_workflows_are_pure() -> None:
    """Their contracts list the allowed modules of Python itself."""
    pure = {str(contract.room) for contract in PURE}
    assert {room for room in packages() if room.partition(".")[0] in {"domain", "activities", "workflows"}} == pure


def test_an_idle_entry_breaks_its_contract() -> None:
    """An entry without an import is reported."""
    options = next(one for one in READ["contracts_options"] if one.get("room") == "domain.core")
    contract = AllowContract("idle", {}, {**options, "may_import": [*options["may_import"], ELSEWHERE]})
    assert contract.check(graph(), verbose=False).metadata["idle"] == [ELSEWHERE]


def test_io_is_not_reachable_from_workflows_through_others() -> None:
    """An indirect import of a database driver is found."""
    with also("activities.core.ports", "psycopg"):
        assert newly_broken() == ["nothing with IO is reachable from workflows", "activities.core"]


def test_a_circle_of_rooms_is_found() -> None:
    """Two rooms that import each other break the contract, even if the lists allow it."""
    with also("domain.core.ids", "domain.money.money"):
        assert newly_broken() == ["the rooms form no circle", "domain.core"]


def test_the_sandbox_loads_workflows_again_and_nothing_else() -> None:
    """The sandbox restricts workflow code; what workflow code may import is not loaded again for every run."""
    lists = [one["may_import"] for one in READ["contracts_options"] if one.get("room", "").startswith("workflows")]
    allowed = {entry.partition(".")[0] for entries in lists for entry in entries}
    shared = {name.partition(".")[0] for name in restricted().restrictions.passthrough_modules}
    assert allowed - shared == {"workflows"}
