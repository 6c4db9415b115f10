"""Patch flags are defined in `workflows/core/patches.py` only."""

import ast

from tests.architecture.test_tidy import ROOT, modules
from workflows.core import patches
from workflows.core.patches import PATCHES, RETIRED, Patch

HOME = "workflows/core/patches.py"
CALLS = {"patched", "deprecate_patch"}


def patch_calls(tree: ast.Module) -> list[int]:
    """Return the lines that name Temporal's own patch functions."""
    found = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in CALLS]
    found += [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name in CALLS for alias in node.names)
    ]
    return sorted(found)


def test_no_flag_is_a_literal_elsewhere() -> None:
    """Only `workflows/core/patches.py` calls `workflow.patched`; all other code uses a named flag."""
    naming = [module for module in modules() if any(call in module.text for call in CALLS)]
    assert [f"{module.path}:{line}" for module in naming for line in patch_calls(module.tree)] == [
        f"{HOME}:{line}" for line in patch_calls(ast.parse((ROOT / HOME).read_text()))
    ]
    assert patch_calls(ast.parse("workflow.patched('a')\nfrom temporalio.workflow import deprecate_patch\n")) == [1, 2]


def test_flags_are_named_once_and_used() -> None:
    """No two flags share a name, no retired name is used again, and every flag is used."""
    names = [patch.name for patch in PATCHES]
    assert len(names) == len(set(names))
    assert not RETIRED & set(names)
    room = "".join(module.text for module in modules() if module.path.startswith("workflows/") and module.path != HOME)
    defined = {name: value for name, value in vars(patches).items() if isinstance(value, Patch)}
    assert sorted(defined.values()) == sorted(PATCHES)
    assert [name for name in defined if f"patches.{name}." not in room] == []
