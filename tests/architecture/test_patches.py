"""Patch flags are defined in `workflows/core/patches.py` only."""

import ast
from collections.abc import Iterable

from tests.architecture.test_tidy import ROOT, modules
from workflows.core import patches
from workflows.core.patches import PATCHES, RETIRED, Patch

HOME = "workflows/core/patches.py"
BEFORE = "tests/fakes/patches.py"  # runs that began before a flag
RECORDS = ROOT / "docs" / "decisions"
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
    naming = [one for one in modules() if one.path != BEFORE and any(call in one.text for call in CALLS)]
    assert [f"{module.path}:{line}" for module in naming for line in patch_calls(module.tree)] == [
        f"{HOME}:{line}" for line in patch_calls(ast.parse((ROOT / HOME).read_text()))
    ]
    assert patch_calls(ast.parse("workflow.patched('a')\nfrom temporalio.workflow import deprecate_patch\n")) == [1, 2]


def test_flags_are_named_once_and_used() -> None:
    """No two flags share a name, no retired name is used again, and every flag is used."""
    names = [patch.name for patch in PATCHES]
    assert len(names) == len(set(names)), HOME
    assert not RETIRED & set(names), HOME
    room = "".join(module.text for module in modules() if module.path.startswith("workflows/") and module.path != HOME)
    defined = [name for name, value in vars(patches).items() if isinstance(value, Patch)]
    assert [name for name in defined if f"patches.{name}." not in room] == [], f"no workflow asks a flag of {HOME}"


def without_record(flags: Iterable[Patch]) -> list[str]:
    """Return the flags whose decision has no record."""
    return [flag.name for flag in flags if not flag.decision or not list(RECORDS.glob(f"{flag.decision}-*.md"))]


def test_every_flag_has_its_decision() -> None:
    """Whoever meets a flag finds the reason for it."""
    assert without_record(PATCHES) == [], "name the number of a record in docs/decisions/ in workflows/core/patches.py"
    assert without_record([Patch("none"), Patch("unknown", "9999"), PATCHES[0]]) == ["none", "unknown"]
