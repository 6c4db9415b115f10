"""The runbook names only what exists."""

import re
from pathlib import Path

from settings import setting_names
from workflows.core.operator_status import NEEDS_OPERATOR

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


def test_what_the_runbook_names_exists() -> None:
    """Its settings, make targets, files and modules are there, and it finds who needs an operator by the right name."""
    assert set(re.findall(r"BOXOFFICE_\w+", RUNBOOK)) <= {name for name, _, _ in setting_names()}
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)`", RUNBOOK)) <= targets
    files = set(re.findall(r"`([\w./-]+(?:\.py|\.yml|/))`", RUNBOOK))
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []
    modules = set(re.findall(r"python -m (\w+)", RUNBOOK))
    assert [name for name in modules if not (ROOT / f"{name}.py").exists()] == []
    assert f"{NEEDS_OPERATOR.name} = true" in RUNBOOK
