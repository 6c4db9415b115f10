"""Every connection to PostgreSQL is opened in one module, which gives it an end to each wait."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.test_tidy import Module, modules

OWNER = "adapters/postgres/connections.py"
OTHERS = ("tests/", "bench/", "devstack/")  # they connect as they need
OPENS = {"AsyncConnectionPool", "ConnectionPool", "NullConnectionPool", "AsyncNullConnectionPool"}
CONNECTS = {"psycopg", "Connection", "AsyncConnection"}


def opened_in(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that open a connection or a pool by the library's own calls."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        owner, _, name = called.rpartition(".")
        if name in OPENS or (name == "connect" and owner.rpartition(".")[2] in CONNECTS):
            yield node.lineno


def product() -> list[Module]:
    return [module for module in modules() if module.path != OWNER and not module.path.startswith(OTHERS)]


def test_no_other_module_opens_a_connection() -> None:
    """Use `adapters.postgres.connect` or `open_pool`."""
    named = [module for module in product() if any(name in module.text for name in ("connect", *OPENS))]
    assert [f"{module.path}:{line}" for module in named for line in opened_in(module.tree)] == []


@pytest.mark.parametrize(
    "call", ["psycopg.connect(url)", "AsyncConnection.connect(url)", "ConnectionPool(url)", "pool.ConnectionPool(url)"]
)
def test_a_connection_of_the_librarys_own_is_found(call: str) -> None:
    """The check can fail."""
    assert list(opened_in(ast.parse(call))) == [1]
