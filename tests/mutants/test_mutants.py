"""The catalogue stays true: every bug can still be seeded, every named test exists, and a harmless change is missed."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.catalogue import TEETH
from tests.mutants.mutant import Tooth
from tests.mutants.run import ROOT, bite, copy_project

LEAST = 40


def test_there_are_teeth_enough() -> None:
    """At least forty, each with a name of its own."""
    names = Counter(tooth.name for tooth in TEETH)
    assert len(names) >= LEAST
    assert max(names.values()) == 1


@pytest.mark.parametrize("tooth", TEETH, ids=lambda tooth: tooth.name)
def test_a_bug_can_be_seeded(tooth: Tooth) -> None:
    """Its text stands once in its file, what comes of it is still Python, and its test exists."""
    whole = (ROOT / tooth.file).read_text()
    assert whole.count(tooth.old) == 1
    assert tooth.old != tooth.new
    compile(whole.replace(tooth.old, tooth.new), tooth.file, "exec")
    module, _, name = tooth.test.partition("::")
    defined = {node.name for node in ast.walk(ast.parse((ROOT / module).read_text())) if hasattr(node, "name")}
    assert name.partition("[")[0] in defined


def test_a_bug_is_caught_and_a_harmless_change_is_not(tmp_path: Path) -> None:
    """The bite tells a bug from a change that breaks nothing, and from one that cannot be run."""
    copy = copy_project(tmp_path)
    real = next(tooth for tooth in TEETH if tooth.file == "domain/stock/allocation.py")
    assert bite(copy, real).outcome == "caught"
    assert bite(copy, real._replace(new=real.old + "  # harmless")).outcome == "missed"
    assert bite(copy, real._replace(new="if (")).outcome == "broken"
    assert bite(copy, real._replace(old="no such text")).outcome == "broken"
