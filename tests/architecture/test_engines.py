"""Every server of Temporal's for a test is started in one module, which gives it time."""

import ast

from tests.architecture.test_tidy import modules

STARTS = {"start_local", "start_time_skipping"}


def test_every_server_has_time_to_start() -> None:
    """The library gives up after five seconds, which fails a run on a busy machine."""
    calls = {
        module.path: {node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)} & STARTS
        for module in modules()
        if any(start in module.text for start in STARTS)
    }
    assert {path: found for path, found in calls.items() if found} == {"tests/fakes/engines.py": STARTS}
