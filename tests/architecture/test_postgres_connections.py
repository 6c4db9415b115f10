"""Every connection to PostgreSQL is opened from `conninfo_of`, so that nothing of its URL is lost."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.test_tidy import Module, modules

CONNECTOR = re.compile(r"(psycopg\.|Connection\.)connect$|ConnectionPool$")
PASSED = {"autocommit", "row_factory", "min_size", "max_size", "open", "timeout", "reconnect_timeout", "kwargs"}
NOT_OURS = ("tests/", "devstack/", "bench/")  # servers of their own, on loopback
RECORDER = "adapters/event_store/recorder.py"


def connections(module: Module) -> Iterator[ast.Call]:
    """Yield the calls that open a connection or a pool."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and CONNECTOR.search(ast.unparse(node.func)):
            yield node


def lossy(module: Module) -> Iterator[str]:
    """Report connections that are opened with something other than `conninfo_of`, or with a keyword of libpq."""
    for call in connections(module):
        source = ast.unparse(call.args[0]) if call.args else ""
        replaced = [keyword.arg for keyword in call.keywords if keyword.arg not in PASSED]
        if not source.startswith("conninfo_of(") or replaced:
            yield f"{module.path}:{call.lineno} opens {source} with {replaced}"


def test_every_connection_is_opened_as_its_url_says() -> None:
    """No connection of the product leaves out a part of its URL or replaces one."""
    ours = [module for module in modules() if not module.path.startswith(NOT_OURS)]
    assert sum(len(list(connections(module))) for module in ours) >= 6
    assert [found for module in ours for found in lossy(module)] == []


@pytest.mark.parametrize(
    "code", ["psycopg.connect(url)", "psycopg.connect(conninfo_of(url), options='-c jit=off')", "ConnectionPool(url)"]
)
def test_a_lossy_connection_is_reported(code: str) -> None:
    """The check can fail."""
    assert list(lossy(Module("x.py", code)))


def test_the_recorder_of_the_library_takes_the_whole_url() -> None:
    """Its datastore gets no part of an address: the pool has the whole of it."""
    (recorder,) = [module for module in modules() if module.path == RECORDER]
    assert "datastore.pool.conninfo = conninfo_of(url)" in recorder.text
